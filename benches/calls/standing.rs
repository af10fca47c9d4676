//! What does nothing and takes memory all the same: registrations over WebSockets, and calls in
//! which nobody speaks.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::phones::{Phones, pair_of_phones};
use super::process::Server;

/// A transaction that has ended is forgotten after 32 s (RFC 3261 17, Timers H and J).
const FORGOTTEN: Duration = Duration::from_secs(35);

/// What the server needs beside that: it gives memory back when it has been idle for a while.
const IDLE: Duration = Duration::from_secs(5);

/// So many come and go before anything is measured: what is made once is no growth.
const WARM_UP: usize = 20;

/// Growth of the server's resident set.
pub(crate) struct Growth {
    what: &'static str,
    count: usize,
    /// Bytes, while all of them stood.
    stood: u64,
    /// When they had gone.
    left: u64,
}

impl Growth {
    /// Says it in a line.
    pub(crate) fn print(&self) {
        println!(
            "{:<34} {:>6} {:>10.2} {:>14}",
            self.what,
            self.count,
            self.stood as f64 / 1024.0 / self.count.max(1) as f64,
            self.left / 1024
        );
    }
}

/// What the columns are.
pub(crate) fn print_head() {
    println!(
        "{:<34} {:>6} {:>10} {:>14}",
        "growth of the server's memory", "", "KiB each", "KiB left after"
    );
}

/// User agents that are registered and silent.
pub(crate) fn registrations(count: usize, secure: bool) -> Result<Growth> {
    // The thread beside this one answers pings.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let mut server = Server::start_with(|config| {
        let connections = "[limits]\nconnections = 20000\n";
        config.replace("[limits]\n", connections)
    })?;
    let (what, address, tls) = if secure {
        let pem = fs::read(server.certificate())?;
        let tls = connector(&pem)?;
        (
            "registrations over WebSocket, TLS",
            server.https()?,
            Some(tls),
        )
    } else {
        ("registrations over WebSocket", server.http()?, None)
    };
    let register = |count| runtime.block_on(Agents::register(address, tls.clone(), count));
    runtime.block_on(register(WARM_UP)?.leave());
    server.empty_again()?;
    let empty = server.process().memory()?;
    let agents = register(count)?;
    server.settle();
    let stood = server.process().memory()?.saturating_sub(empty);
    let there = server.counts()?.users;
    ensure!(there == count as u64, "only {there} are registered");
    runtime.block_on(agents.leave());
    server.empty_again()?;
    std::thread::sleep(IDLE);
    let left = server.process().memory()?.saturating_sub(empty);
    server.stop()?;
    Ok(Growth {
        what,
        count,
        stood,
        left,
    })
}

/// Calls between telephones in which no packet flows: a confirmed dialog at each end, and all else
/// that a call is.
pub(crate) fn dialogs(count: usize) -> Result<Growth> {
    // Who calls is a stranger each time, and all of them come from one address.
    let mut server = Server::start_with(|config| {
        config.replace("[sip]\n", "[sip]\nmessages_per_second = 10000\n")
    })?;
    let call = |first: usize, count: usize| -> Result<_> {
        let (mut phones, mut media) = (Phones::default(), Vec::new());
        for index in first..first + count {
            let (caller, callee) = pair_of_phones(index)?;
            phones
                .connect(server.sip()?, index, &caller, &callee)
                .with_context(|| format!("call {index} did not come about"))?;
            media.push((caller, callee));
        }
        Ok((phones, media))
    };
    call(0, WARM_UP)?.0.hang_up()?;
    std::thread::sleep(FORGOTTEN);
    let empty = server.process().memory()?;
    let (mut phones, _media) = call(WARM_UP, count)?;
    std::thread::sleep(FORGOTTEN);
    let stood = server.process().memory()?.saturating_sub(empty);
    let there = server.counts()?.established;
    ensure!(there == count as u64, "only {there} calls stand");
    phones.hang_up()?;
    std::thread::sleep(FORGOTTEN + IDLE);
    let left = server.process().memory()?.saturating_sub(empty);
    server.stop()?;
    Ok(Growth {
        what: "calls between telephones (two dialogs)",
        count,
        stood,
        left,
    })
}

/// User agents whose WebSockets are open, served in the background.
struct Agents {
    sockets: JoinSet<()>,
    /// Dropped, it ends them.
    stay: watch::Sender<()>,
}

impl Agents {
    /// Registers so many, one after the other.
    async fn register(
        address: SocketAddr,
        tls: Option<TlsConnector>,
        count: usize,
    ) -> Result<Self> {
        let (stay, stays) = watch::channel(());
        let mut sockets = JoinSet::new();
        for index in 0..count {
            let stream = TcpStream::connect(address).await?;
            let registered = match &tls {
                None => register(&mut sockets, stream, address, index, &stays).await,
                Some(tls) => {
                    let stream = tls.connect("localhost".try_into()?, stream).await?;
                    register(&mut sockets, stream, address, index, &stays).await
                }
            };
            registered.with_context(|| format!("user agent {index} is not registered"))?;
        }
        Ok(Self { sockets, stay })
    }

    /// All of them close their pages.
    async fn leave(mut self) {
        drop(self.stay);
        while self.sockets.join_next().await.is_some() {}
    }
}

/// Opens a WebSocket for SIP on a stream and registers on it (RFC 7118 5, RFC 5626).
async fn register<S>(
    sockets: &mut JoinSet<()>,
    stream: S,
    address: SocketAddr,
    index: usize,
    stays: &watch::Receiver<()>,
) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut request = format!("ws://localhost:{}/", address.port()).into_client_request()?;
    let sip = HeaderValue::from_static("sip");
    request.headers_mut().insert("Sec-WebSocket-Protocol", sip);
    let (mut socket, _) = client_async(request, stream).await?;
    let register = format!(
        "REGISTER sip:localhost SIP/2.0\r\n\
         Via: SIP/2.0/WS host{index}.invalid;branch=z9hG4bKstanding{index}\r\n\
         Max-Forwards: 69\r\nFrom: <sip:agent{index}@localhost>;tag=of{index}\r\n\
         To: <sip:agent{index}@localhost>\r\nCall-ID: registration{index}\r\n\
         CSeq: 1 REGISTER\r\nSupported: path, gruu, outbound\r\n\
         Contact: <sip:agent{index}@host{index}.invalid;transport=ws>;reg-id=1;\
         +sip.instance=\"<urn:uuid:00000000-0000-4000-8000-{index:012}>\"\r\n\
         Expires: 3600\r\nContent-Length: 0\r\n\r\n"
    );
    socket.send(Message::text(register)).await?;
    loop {
        let frame = socket.next().await.context("the server closed it")??;
        match frame {
            Message::Text(answer) if answer.starts_with("SIP/2.0 200") => break,
            Message::Text(answer) => bail!("the server said\n{answer}"),
            _ => {}
        }
    }
    sockets.spawn(serve(socket, stays.clone()));
    Ok(())
}

/// Answers pings until it is time to leave.
async fn serve<S>(mut socket: WebSocketStream<S>, mut stays: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        tokio::select! {
            frame = socket.next() => if !matches!(frame, Some(Ok(_))) { return },
            _ = stays.changed() => {
                let _ = socket.close(None).await;
                while let Some(Ok(_)) = socket.next().await {}
                return;
            }
        }
    }
}

/// Trusts the server's certificate alone.
fn connector(pem: &[u8]) -> Result<TlsConnector> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem)?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
