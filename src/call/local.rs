//! What is ours on a leg's media: by which way its packets travel, and what that takes.

use std::net::IpAddr;

use media::ids::LegId;
use media::negotiate::{
    KeySeed, Local, LocalRtp, LocalTransport, LocalWebRtc, OfferedTransport, RemoteOffer,
    RtpProfile, Security,
};
use rand::Rng;
use sip::flow::Transport;

use super::end::EndReason;
use super::people::DeviceId;
use super::switch::Switch;

/// How a leg's media travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaWay {
    /// ICE and DTLS-SRTP, on the port that all share: browsers.
    WebRtc,
    /// RTP on ports of the leg's own: telephones.
    Rtp(RtpWay),
}

/// What there is to know of an RTP leg before its descriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RtpWay {
    /// Our address, as the telephone reaches it.
    pub(super) address: IpAddr,
    /// Where its signalling comes from.
    pub(super) signalling: IpAddr,
    /// What carries that.
    pub(super) transport: Transport,
}

impl MediaWay {
    /// That of somebody who calls: as he offers, or without an offer as his kind does.
    pub(super) fn of_caller(offer: Option<&RemoteOffer>, rtp: Option<RtpWay>) -> Self {
        match (offer.map(RemoteOffer::transport), rtp) {
            (Some(OfferedTransport::Rtp { .. }), Some(way)) => Self::Rtp(way),
            (None, Some(way)) if !way.is_browser() => Self::Rtp(way),
            _ => Self::WebRtc,
        }
    }
}

impl RtpWay {
    /// SIP over WebSocket is spoken by browsers.
    pub(super) fn is_browser(&self) -> bool {
        matches!(self.transport, Transport::Ws | Transport::Wss)
    }

    /// Whoever keeps his signalling to himself keeps his media, too, if that is wanted: keys in a
    /// description are as safe as the description. A telephone whose description anybody can read
    /// gets none.
    fn profile(&self, wanted: Security) -> RtpProfile {
        RtpProfile {
            security: match self.transport.is_secure() {
                true => wanted,
                false => Security::Plain,
            },
            feedback: false,
        }
    }
}

impl Switch {
    /// How the media of a device that is to be called travels.
    pub(super) fn way_of_media_to(&self, device: DeviceId) -> Option<MediaWay> {
        match self.people.device(device)?.page() {
            Some(_) => Some(MediaWay::WebRtc),
            None => self.way_of_phone_media(device),
        }
    }

    /// What we are in the descriptions of a leg; with ports for a picture if there may be one.
    ///
    /// # Errors
    /// No port is left.
    pub(super) fn local(
        &mut self,
        leg: LegId,
        worker: usize,
        way: MediaWay,
        video: bool,
    ) -> Result<Local, EndReason> {
        let transport = match way {
            MediaWay::WebRtc => LocalTransport::WebRtc(self.webrtc(leg, worker)),
            MediaWay::Rtp(way) => LocalTransport::Rtp(self.rtp(worker, way, video)?),
        };
        Ok(self.pool.local(transport))
    }

    fn webrtc(&mut self, leg: LegId, worker: usize) -> LocalWebRtc {
        let media = &self.config.media;
        let of_worker = |all: &[Vec<_>]| all.get(worker).cloned().unwrap_or_default();
        LocalWebRtc {
            ice: self.pool.ice(leg),
            fingerprint: media.fingerprint,
            candidates: of_worker(&media.candidates),
            tcp_candidates: of_worker(&media.tcp_candidates),
            stream_id: self.pool.token(),
        }
    }

    fn rtp(&mut self, worker: usize, way: RtpWay, video: bool) -> Result<LocalRtp, EndReason> {
        let mut seed = [0; 32];
        self.pool.rng().fill_bytes(&mut seed);
        let Some(audio) = self.pool.take_ports(worker) else {
            tracing::warn!(
                worker,
                "no port is left for RTP; media.rtp_ports gives more"
            );
            return Err(EndReason::CallLimit);
        };
        let candidates = self.config.media.candidates.get(worker).into_iter();
        let own_addresses = candidates.flatten().map(|it| it.ip()).collect();
        Ok(LocalRtp {
            address: way.address,
            audio: Some(audio),
            // With sound alone a call is still one.
            video: video.then(|| self.pool.take_ports(worker)).flatten(),
            profile: way.profile(self.config.srtp),
            keys: KeySeed::new(seed),
            signalling: Some(way.signalling),
            own_addresses,
        })
    }

    /// Gives an RTP leg ports for a picture, in case there will be one.
    pub(super) fn lend_video_ports(&mut self, id: LegId) {
        let Some(call) = self.calls.of_leg_mut(id) else {
            return;
        };
        let worker = call.worker;
        let local = call.leg_mut(id).map(|leg| &mut leg.local.transport);
        if let Some(LocalTransport::Rtp(rtp)) = local
            && rtp.video.is_none()
        {
            rtp.video = self.pool.take_ports(worker);
        }
    }

    /// Takes them back if no plan of the leg has named them: most calls have none.
    pub(super) fn shed_video_ports(&mut self, id: LegId) {
        let leg = self.calls.of_leg_mut(id).and_then(|call| call.leg_mut(id));
        let local = leg.map(|leg| &mut leg.local.transport);
        if let Some(LocalTransport::Rtp(rtp)) = local
            && rtp.video.is_some_and(|pair| self.pool.take_back(pair))
        {
            rtp.video = None;
        }
    }
}
