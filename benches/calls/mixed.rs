//! Calls from browsers, with DTLS-SRTP, to telephones, with RTP.

use std::net::SocketAddr;

use anyhow::{Context, Result};

use super::generator::Generator;
use super::peer::Peer;
use super::phones::Phones;
use super::process::Server;
use super::report::{Row, Way};
use super::rtpengine::Rtpengine;
use super::sdp::Audio;
use super::signalling::{Calls, PATIENCE, credentials, offer};
use super::{Options, measure, runtime};

/// By rtpengine, which is told of each call beforehand.
pub(crate) fn by_rtpengine(options: &Options, payload: usize) -> Result<Row> {
    let mut rtpengine = Rtpengine::start()?;
    let mut generator = Generator::empty()?;
    for index in 0..options.calls {
        let ice = credentials(index);
        let mut caller = Peer::new(&ice, 2 * index, Audio::Pcmu, false)?;
        let phone = Peer::phone(&ice, 2 * index + 1)?;
        rtpengine.connect_browser(index, &mut caller, &phone)?;
        generator
            .bring_up_with_phone(caller, phone, PATIENCE)
            .with_context(|| format!("call {index} did not come about"))?;
    }
    let process = rtpengine.process();
    let row = measure(
        options,
        payload,
        Way::MixedRtpengine,
        &mut generator,
        process,
    )?;
    rtpengine.stop()?;
    Ok(row)
}

/// Through the server.
pub(crate) fn by_callbox(options: &Options, payload: usize) -> Result<Row> {
    let runtime = runtime()?;
    let mut server = Server::start()?;
    let mut calls = runtime.block_on(Calls::sign_in(server.url(), options.calls))?;
    let mut phones = Phones::default();
    let mut generator = Generator::empty()?;
    for index in 0..options.calls {
        runtime
            .block_on(connect(
                index,
                &mut calls,
                &mut phones,
                server.sip()?,
                &mut generator,
            ))
            .with_context(|| format!("call {index} did not come about"))?;
    }
    let process = server.process();
    let row = measure(options, payload, Way::Mixed, &mut generator, process)?;
    runtime.block_on(calls.sign_out());
    server.stop()?;
    Ok(row)
}

/// Person `index` calls a new telephone, which answers.
async fn connect(
    index: usize,
    calls: &mut Calls,
    phones: &mut Phones,
    server: SocketAddr,
    generator: &mut Generator,
) -> Result<()> {
    let ice = credentials(index);
    let mut caller = Peer::new(&ice, 2 * index, Audio::Pcmu, false)?;
    let media = Peer::phone(&ice, 2 * index + 1)?;
    let phone = phones.register(server, index)?;
    calls
        .call(index, phone, &offer(&caller, &ice), false)
        .await?;
    phones.answer(index, &media)?;
    calls.start(index, &mut caller).await?;
    generator.bring_up_with_phone(caller, media, PATIENCE)
}
