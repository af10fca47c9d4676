//! What answers HTTP: the rules first, then WebSockets on any path, the API, and the page.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use tokio::sync::watch;
use tracing::{debug, warn};

use super::access::{Caller, Refusal, Rules};
use super::admission::Admission;
use super::driver::DriverHandle;
use super::serve::Connection;
use super::sip::{Shared as SipShared, Standing};
use super::ws;
use crate::api::{self, ApiContext};
use crate::call::io::Peer;
use crate::config::Limits;
use crate::ops::Throttle;
use crate::web::{self, PageFacts};

/// Sent with every response. Scripts and styles come from this server alone.
const SECURITY_HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
         media-src 'self' blob: mediastream:; font-src 'self'; connect-src 'self'; \
         manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), \
         speaker-selection=(self), fullscreen=(self), screen-wake-lock=(self), geolocation=(), \
         payment=(), usb=(), serial=(), hid=(), midi=()",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The longest `User-Agent` kept, in characters.
const MAX_USER_AGENT: usize = 160;

/// What handlers share.
pub(super) struct Front {
    /// The rules in force.
    pub rules: watch::Receiver<Arc<Rules>>,
    /// Counts connections.
    pub admission: Admission,
    /// How much is allowed.
    pub limits: Limits,
    /// The call core.
    pub driver: DriverHandle,
    /// What SIP flows share.
    pub sip: Arc<SipShared>,
    /// Keeps refusals from flooding the log.
    pub refusals: Throttle,
}

/// The router behind every listener.
pub(super) fn router(front: Arc<Front>, api: ApiContext, page: PageFacts) -> Router {
    let api = Arc::new(api);
    Router::new()
        .route("/page.json", get(web::facts).with_state(page))
        .nest("/api/v1", api::router(Arc::clone(&api)))
        .merge(api::metrics_router(api))
        .fallback(web::serve)
        .layer(from_fn_with_state(front, guard))
}

async fn guard(
    State(front): State<Arc<Front>>,
    Extension(connection): Extension<Connection>,
    mut request: Request,
    next: Next,
) -> Response {
    let rules = Arc::clone(&front.rules.borrow());
    let mut response = match rules.judge(request.headers(), connection.peer) {
        Err(refusal) => refuse(&front, &refusal),
        Ok(caller) if wants_websocket(request.headers()) => {
            upgrade(&front, connection, caller, request).await
        }
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            let answer = next.run(request);
            match tokio::time::timeout(front.limits.handshake_timeout, answer).await {
                Ok(response) => response,
                Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
            }
        }
    };
    for (name, value) in SECURITY_HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refuse(front: &Front, refusal: &Refusal) -> Response {
    if front.refusals.admit() {
        warn!("refused a request: {refusal}");
    }
    (refusal.status(), format!("{refusal}\n")).into_response()
}

fn wants_websocket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).map(HeaderValue::as_bytes);
    upgrade.is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"))
}

async fn upgrade(
    front: &Arc<Front>,
    connection: Connection,
    caller: Caller,
    request: Request,
) -> Response {
    let (mut parts, _body) = request.into_parts();
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let speaks_sip = upgrade
        .requested_protocols()
        .any(|protocol| protocol == "sip");
    // Behind a proxy every WebSocket counts for the address that the proxy tells.
    let mut permits = vec![Arc::clone(&connection.permit)];
    if caller.address.ip() != connection.peer.ip() {
        let Some(permit) = front.admission.admit(Some(caller.address.ip())) else {
            debug!("a WebSocket too many of one address is refused");
            return (StatusCode::TOO_MANY_REQUESTS, "Too many connections.\n").into_response();
        };
        permits.push(Arc::new(permit));
    }
    let user_agent = parts
        .headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok());
    let peer = Peer {
        address: caller.address,
        local: caller.local,
        secure: connection.secure,
        user_agent: user_agent.map(|text| text.chars().take(MAX_USER_AGENT).collect()),
    };
    if speaks_sip {
        let shared = Arc::clone(&front.sip);
        return super::sip::upgrade(upgrade, &connection, peer, permits, shared);
    }
    let (driver, limits) = (front.driver.clone(), front.limits.clone());
    ws::configure(upgrade, &front.limits).on_upgrade(move |socket| async move {
        ws::run(socket, peer, driver, &limits, Standing::new(permits)).await;
    })
}
