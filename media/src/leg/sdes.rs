//! Keys of one stream of an RTP leg, as descriptions change them.

use super::transport::Protection;
use crate::srtp::{Keys, MasterKey, SrtpError, SrtpInbound, SrtpOutbound};

/// Keys of ours in the life of a stream: one for each profile, and room for more.
const MAX_OUTBOUND: usize = 8;

/// Keys of both directions.
#[derive(Debug)]
pub(super) struct SdesKeys {
    /// The last description has keys.
    pub(super) in_use: bool,
    inbound_key: MasterKey,
    pub(super) inbound: SrtpInbound,
    /// All keys of ours there were, the one in use first. A key that comes back goes on with its
    /// counts: a key stream must never meet two packets.
    outbound: Vec<(MasterKey, SrtpOutbound)>,
}

impl SdesKeys {
    pub(super) fn new(keys: &Keys) -> Result<Self, SrtpError> {
        Ok(Self {
            in_use: true,
            inbound_key: keys.inbound.clone(),
            inbound: SrtpInbound::new(&keys.inbound)?,
            outbound: vec![(keys.outbound.clone(), SrtpOutbound::new(&keys.outbound)?)],
        })
    }

    /// Takes the keys of a new description, `None` where it has none.
    pub(super) fn update(&mut self, keys: Option<&Keys>) -> Result<(), SrtpError> {
        self.in_use = keys.is_some();
        let Some(keys) = keys else { return Ok(()) };
        if self.inbound_key != keys.inbound {
            self.inbound = SrtpInbound::new(&keys.inbound)?;
            self.inbound_key = keys.inbound.clone();
        }
        let place = self
            .outbound
            .iter()
            .position(|(key, _)| *key == keys.outbound);
        match place {
            Some(place) => self.outbound.swap(0, place),
            None if self.outbound.len() >= MAX_OUTBOUND => return Err(SrtpError::KeyExhausted),
            None => {
                let made = SrtpOutbound::new(&keys.outbound)?;
                self.outbound.insert(0, (keys.outbound.clone(), made));
            }
        }
        Ok(())
    }

    pub(super) fn protection(&mut self) -> Protection<'_> {
        match self.outbound.first_mut() {
            Some((_, outbound)) => Protection::Srtp(outbound),
            // There is always one; without it nothing could be sent.
            None => Protection::None,
        }
    }
}
