//! The REST API, JSON. From this machine only, and not from a foreign page: who may ask at all
//! was judged before, by the same rules as for everything on the port.
#![forbid(unsafe_code)]

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::call::view::{ApiAction, ApiReply, StatusView};
use crate::net::access::Caller;
use crate::net::driver::DriverHandle;
use crate::net::media_worker::{Measurements, Monitor};
use crate::ops::metrics;

/// The most bytes of a call's name in a path.
const MAX_CALL_NAME: usize = 128;

/// An order to read the configuration again; the answer is which changed keys need a restart, or
/// what went wrong.
pub type ReloadOrder = oneshot::Sender<Result<Vec<&'static str>, String>>;

/// What the handlers need.
pub struct ApiContext {
    /// The call core.
    pub driver: DriverHandle,
    /// What the media workers have counted.
    pub media: Vec<Monitor>,
    /// Where orders to reload go.
    pub reload: mpsc::Sender<ReloadOrder>,
}

/// `GET /status`
#[derive(Debug, Serialize)]
struct Status {
    version: &'static str,
    #[serde(flatten)]
    numbers: StatusView,
    media_workers: Vec<MediaCounters>,
}

/// Of one worker, since its start.
#[derive(Debug, Serialize)]
struct MediaCounters {
    legs: usize,
    datagrams_received: u64,
    datagrams_sent: u64,
    send_failures: u64,
    kernel_drops: u64,
    internal_drops: u64,
    /// Connections that carry media, those refused because there were too many, and datagrams
    /// that could not be sent over one in time.
    tcp_connections: usize,
    tcp_refused: u64,
    tcp_drops: u64,
    /// Measurements that the call core was too busy to take.
    reports_dropped: u64,
}

/// `POST /reload`: the configuration was read again.
#[derive(Debug, Serialize)]
struct Reloaded {
    /// Keys whose change a restart applies, such as `sip.udp`.
    needs_restart: Vec<&'static str>,
}

/// Every refusal and failure.
#[derive(Debug, Serialize)]
struct Fault {
    /// A sentence.
    error: String,
}

/// The routes below `/api/v1`.
pub fn router(context: Arc<ApiContext>) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/calls", get(calls))
        .route("/calls/{id}/hangup", post(hang_up))
        .route(
            "/calls/{id}/recording",
            post(start_recording).delete(stop_recording),
        )
        .route("/users", get(users))
        .route("/registrations", get(registrations))
        .route("/flows", get(flows))
        .route("/reload", post(reload))
        .fallback(async || fault(StatusCode::NOT_FOUND, "There is no such resource."))
        .method_not_allowed_fallback(async || {
            fault(
                StatusCode::METHOD_NOT_ALLOWED,
                "The resource does not know this method.",
            )
        })
        .layer(from_fn(only_from_here))
        .with_state(context)
}

async fn status(State(context): State<Arc<ApiContext>>) -> Response {
    let Some(ApiReply::Status(numbers)) = context.driver.ask(ApiAction::Status).await else {
        return no_answer();
    };
    let measured = context.media.iter().map(Monitor::measurements);
    let media_workers = measured.map(MediaCounters::from).collect();
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        numbers,
        media_workers,
    })
    .into_response()
}

/// `GET /metrics`, for Prometheus on this machine.
pub fn metrics_router(context: Arc<ApiContext>) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .layer(from_fn(only_from_here))
        .with_state(context)
}

async fn scrape(State(context): State<Arc<ApiContext>>) -> Response {
    let Some(ApiReply::Figures(status, figures)) = context.driver.ask(ApiAction::Figures).await
    else {
        return no_answer();
    };
    let workers: Vec<_> = context.media.iter().map(Monitor::measurements).collect();
    let text = metrics::text(&status, &figures, &workers);
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

async fn calls(State(context): State<Arc<ApiContext>>) -> Response {
    match context.driver.ask(ApiAction::ListCalls).await {
        Some(ApiReply::Calls(calls)) => Json(calls).into_response(),
        _ => no_answer(),
    }
}

async fn users(State(context): State<Arc<ApiContext>>) -> Response {
    match context.driver.ask(ApiAction::ListUsers).await {
        Some(ApiReply::Users(users)) => Json(users).into_response(),
        _ => no_answer(),
    }
}

async fn registrations(State(context): State<Arc<ApiContext>>) -> Response {
    match context.driver.ask(ApiAction::ListRegistrations).await {
        Some(ApiReply::Registrations(registrations)) => Json(registrations).into_response(),
        _ => no_answer(),
    }
}

async fn flows(State(context): State<Arc<ApiContext>>) -> Response {
    match context.driver.ask(ApiAction::ListFlows).await {
        Some(ApiReply::Flows(flows)) => Json(flows).into_response(),
        _ => no_answer(),
    }
}

async fn hang_up(State(context): State<Arc<ApiContext>>, Path(call): Path<String>) -> Response {
    act_on(&context, call, |call| ApiAction::HangupCall { call }).await
}

async fn act_on(
    context: &ApiContext,
    call: String,
    action: impl FnOnce(String) -> ApiAction,
) -> Response {
    if call.len() > MAX_CALL_NAME {
        return fault(StatusCode::NOT_FOUND, "There is no such call.");
    }
    match context.driver.ask(action(call)).await {
        Some(ApiReply::Done) => StatusCode::NO_CONTENT.into_response(),
        Some(ApiReply::Recording(view)) => (StatusCode::CREATED, Json(view)).into_response(),
        Some(ApiReply::NotFound(sentence)) => fault(StatusCode::NOT_FOUND, &sentence),
        Some(ApiReply::Refused(sentence)) => fault(StatusCode::CONFLICT, &sentence),
        _ => no_answer(),
    }
}

async fn start_recording(
    State(context): State<Arc<ApiContext>>,
    Path(call): Path<String>,
) -> Response {
    act_on(&context, call, |call| ApiAction::StartRecording { call }).await
}

async fn stop_recording(
    State(context): State<Arc<ApiContext>>,
    Path(call): Path<String>,
) -> Response {
    act_on(&context, call, |call| ApiAction::StopRecording { call }).await
}

async fn reload(State(context): State<Arc<ApiContext>>) -> Response {
    let (order, answer) = oneshot::channel();
    if context.reload.send(order).await.is_err() {
        return no_answer();
    }
    match answer.await {
        Ok(Ok(needs_restart)) => Json(Reloaded { needs_restart }).into_response(),
        Ok(Err(sentence)) => fault(StatusCode::UNPROCESSABLE_ENTITY, &sentence),
        Err(_) => no_answer(),
    }
}

/// The page of another site cannot read answers, but it could send orders: browsers say of
/// their requests where they come from (Fetch Metadata).
async fn only_from_here(request: Request, next: Next) -> Response {
    let local = request
        .extensions()
        .get::<Caller>()
        .is_some_and(|caller| caller.local);
    if !local {
        return fault(
            StatusCode::FORBIDDEN,
            "The API answers on this machine only.",
        );
    }
    if comes_from_elsewhere(request.headers()) {
        return fault(
            StatusCode::FORBIDDEN,
            "The API does not answer pages of other sites.",
        );
    }
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    matches!(site, Some(site) if site != b"same-origin" && site != b"none")
}

fn no_answer() -> Response {
    fault(StatusCode::SERVICE_UNAVAILABLE, "The server is going down.")
}

fn fault(status: StatusCode, sentence: &str) -> Response {
    (
        status,
        Json(Fault {
            error: sentence.to_owned(),
        }),
    )
        .into_response()
}

impl From<Measurements> for MediaCounters {
    fn from(measured: Measurements) -> Self {
        Self {
            legs: measured.legs,
            datagrams_received: measured.received,
            datagrams_sent: measured.sent,
            send_failures: measured.send_failures,
            kernel_drops: measured.kernel_drops,
            internal_drops: measured.overflowed,
            tcp_connections: measured.tcp.connections,
            tcp_refused: measured.tcp.refused,
            tcp_drops: measured.tcp.dropped,
            reports_dropped: measured.events_dropped + measured.worker.events_dropped,
        }
    }
}
