//! Calls between telephones, with RTP.

use anyhow::{Context, Result};

use super::generator::Generator;
use super::phones::{Phones, pair_of_phones};
use super::process::Server;
use super::report::{Row, Way};
use super::rtpengine::Rtpengine;
use super::{Options, measure};

/// By rtpengine, which is told of each call beforehand.
pub(crate) fn by_rtpengine(options: &Options, payload: usize) -> Result<Row> {
    let mut rtpengine = Rtpengine::start()?;
    let mut generator = Generator::empty()?;
    for index in 0..options.calls {
        let (caller, callee) = pair_of_phones(index)?;
        rtpengine.connect(index, &caller, &callee)?;
        generator.add_phones(caller, callee)?;
    }
    let row = measure(
        options,
        payload,
        Way::Rtpengine,
        &mut generator,
        rtpengine.process(),
    )?;
    rtpengine.stop()?;
    Ok(row)
}

/// Through the server.
pub(crate) fn by_callbox(options: &Options, payload: usize) -> Result<Row> {
    let mut server = Server::start()?;
    let mut phones = Phones::default();
    let mut generator = Generator::empty()?;
    for index in 0..options.calls {
        let (caller, callee) = pair_of_phones(index)?;
        phones
            .connect(server.sip()?, index, &caller, &callee)
            .with_context(|| format!("call {index} did not come about"))?;
        generator.add_phones(caller, callee)?;
    }
    let row = measure(
        options,
        payload,
        Way::Phones,
        &mut generator,
        server.process(),
    )?;
    drop(phones);
    server.stop()?;
    Ok(row)
}
