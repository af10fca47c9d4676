//! Accepts TCP connections and serves HTTP on them, under limits.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower_service::Service;
use tracing::{debug, trace, warn};

use super::access::Rules;
use super::admission::{Admission, Permit};
use super::guarded::Guarded;
use super::meter::{Meter, Metered};
use crate::config::Limits;

/// Bytes of a request's head, at most.
const MAX_HEAD: usize = 16 * 1024;

/// Header fields of a request, at most.
const MAX_HEADERS: usize = 64;

/// Between attempts to accept while the system has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What all listeners share.
pub(super) struct Serving {
    /// What answers requests.
    pub router: Router,
    /// The rules in force.
    pub rules: watch::Receiver<Arc<Rules>>,
    /// Counts connections.
    pub admission: Admission,
    /// Timeouts.
    pub limits: Limits,
}

/// What a handler may know of the connection a request came on.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    /// The far address of the socket.
    pub peer: SocketAddr,
    /// Our end of it.
    pub local: SocketAddr,
    /// TLS.
    pub secure: bool,
    /// What came from the peer.
    pub meter: Meter,
    /// Keeps the connection counted, also after it became a WebSocket.
    pub permit: Arc<Permit>,
}

impl Serving {
    /// Accepts until the task is dropped.
    pub(super) async fn accept(self: Arc<Self>, listener: TcpListener, tls: Option<TlsAcceptor>) {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Descriptors or memory are short, or the peer is gone already.
                    warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(local) = stream.local_addr() else {
                continue;
            };
            let address = peer.ip();
            let counted = !self.rules.borrow().is_trusted_proxy(address);
            let Some(permit) = self.admission.admit(counted.then_some(address)) else {
                debug!(%address, "a connection too many is closed");
                continue;
            };
            let connection = Connection {
                peer,
                local,
                secure: tls.is_some(),
                meter: Meter::default(),
                permit: Arc::new(permit),
            };
            let permit = Arc::clone(&connection.permit);
            let serve = Arc::clone(&self).serve(stream, tls.clone(), connection);
            tokio::spawn(async move {
                tokio::select! {
                    () = serve => {}
                    () = permit.evicted() => debug!(%address, "a connection makes room"),
                }
            });
        }
    }

    async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        tls: Option<TlsAcceptor>,
        connection: Connection,
    ) {
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let stream = Guarded::new(stream, self.limits.write_timeout);
        match tls {
            None => self.serve_http(stream, connection).await,
            Some(tls) => {
                let handshake = tls.accept(stream);
                match tokio::time::timeout(self.limits.handshake_timeout, handshake).await {
                    Ok(Ok(stream)) => self.serve_http(stream, connection).await,
                    Ok(Err(error)) => debug!("TLS failed: {error}"),
                    Err(_) => debug!("TLS took too long"),
                }
            }
        }
    }

    async fn serve_http<S>(&self, stream: S, connection: Connection)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = self.router.clone();
        let stream = Metered::new(stream, connection.meter.clone());
        let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            connection.permit.touch();
            request.extensions_mut().insert(connection.clone());
            router.clone().call(request.map(Body::new))
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.limits.handshake_timeout)
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_HEADERS);
        let served = http
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
            .await;
        if let Err(error) = served {
            // Most of these are idle connections that ran out of time.
            trace!("a connection ended: {error}");
        }
    }
}
