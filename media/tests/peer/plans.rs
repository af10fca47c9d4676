//! Plans as the call core would make them.

use media::ids::{DtlsRole, Fingerprint, IceCredentials, LegId, MediaKind};
use media::plan::{
    CodecMap, CodecPlan, Encoding, Extension, ExtensionPlan, Feedback, Format, LegPlan, Passage,
    PatchPlan, StreamPlan, TransportPlan, WebRtcPlan,
};

pub const OPUS: u8 = 111;
pub const VP8: u8 = 96;
pub const VP8_RTX: u8 = 97;
pub const TELEPHONE_EVENT: u8 = 110;

/// Payload types and extension ids of one leg.
#[derive(Debug, Clone, Copy)]
pub struct Numbers {
    pub opus: u8,
    pub telephone_event: u8,
    pub vp8: u8,
    pub vp8_rtx: u8,
    pub audio_level: u8,
    pub abs_send_time: u8,
}

/// As Chromium numbers them.
pub const CHROMIUM: Numbers = Numbers {
    opus: OPUS,
    telephone_event: TELEPHONE_EVENT,
    vp8: VP8,
    vp8_rtx: VP8_RTX,
    audio_level: 1,
    abs_send_time: 2,
};

/// As Firefox numbers them, about.
pub const FIREFOX: Numbers = Numbers {
    opus: 109,
    telephone_event: 101,
    vp8: 120,
    vp8_rtx: 124,
    audio_level: 3,
    abs_send_time: 7,
};

pub fn credentials(name: &str) -> IceCredentials {
    IceCredentials {
        ufrag: format!("u{name}").as_str().into(),
        pwd: format!("password-of-{name}-0123456789").as_str().into(),
    }
}

/// A leg of which only our side is known yet.
pub fn leg_plan(id: u64, numbers: Numbers, video: bool) -> LegPlan {
    let mut streams = vec![audio_plan(id, numbers)];
    if video {
        streams.push(video_plan(id, numbers));
    }
    LegPlan {
        leg: LegId(id),
        cname: format!("cname{id}").into(),
        transport: TransportPlan::WebRtc(WebRtcPlan {
            local_ice: credentials(&format!("server{id}")),
            remote_ice: None,
            role: DtlsRole::Server,
            remote_fingerprint: None,
        }),
        streams,
    }
}

/// The same with the far side's description.
pub fn complete(mut plan: LegPlan, fingerprint: Fingerprint) -> LegPlan {
    let TransportPlan::WebRtc(webrtc) = &mut plan.transport else {
        panic!("a WebRTC leg");
    };
    webrtc.remote_ice = Some(credentials(&format!("client{}", plan.leg.0)));
    webrtc.remote_fingerprint = Some(fingerprint);
    plan
}

pub fn audio_plan(id: u64, numbers: Numbers) -> StreamPlan {
    let codec = |pt, format| CodecPlan {
        receive_pt: pt,
        send_pt: pt,
        clock_rate: 48_000,
        format,
        rtx: None,
        feedback: Feedback::default(),
        encoding: Encoding::default(),
        parameter_sets: None,
    };
    let codecs = vec![
        codec(numbers.opus, Format::Opus),
        codec(numbers.telephone_event, Format::TelephoneEvent),
    ];
    StreamPlan {
        remote_ssrcs: vec![client_ssrc(id, MediaKind::Audio)],
        extensions: vec![
            ExtensionPlan {
                id: numbers.audio_level,
                extension: Extension::AudioLevel,
            },
            ExtensionPlan {
                id: numbers.abs_send_time,
                extension: Extension::AbsSendTime,
            },
        ],
        ..StreamPlan::new(MediaKind::Audio, our_ssrc(id, MediaKind::Audio), codecs)
    }
}

pub fn video_plan(id: u64, numbers: Numbers) -> StreamPlan {
    let codec = CodecPlan {
        receive_pt: numbers.vp8,
        send_pt: numbers.vp8,
        clock_rate: 90_000,
        format: Format::Vp8,
        rtx: Some((numbers.vp8_rtx, numbers.vp8_rtx)),
        feedback: Feedback {
            nack: true,
            pli: true,
            fir: true,
            remb: true,
        },
        encoding: Encoding::default(),
        parameter_sets: None,
    };
    StreamPlan {
        rtx_ssrc: Some(our_ssrc(id, MediaKind::Video) + 1),
        remote_ssrcs: vec![
            client_ssrc(id, MediaKind::Video),
            client_ssrc(id, MediaKind::Video) + 1,
        ],
        extensions: vec![ExtensionPlan {
            id: numbers.abs_send_time,
            extension: Extension::AbsSendTime,
        }],
        max_receive_bitrate: Some(2_500_000),
        ..StreamPlan::new(
            MediaKind::Video,
            our_ssrc(id, MediaKind::Video),
            vec![codec],
        )
    }
}

/// What the server sends under.
pub fn our_ssrc(id: u64, kind: MediaKind) -> u32 {
    let id = u32::try_from(id).unwrap();
    match kind {
        MediaKind::Audio => 0x0A00_0000 + id * 16,
        MediaKind::Video => 0x0B00_0000 + id * 16,
    }
}

/// What a peer sends under.
pub fn client_ssrc(id: u64, kind: MediaKind) -> u32 {
    our_ssrc(id, kind) + 0x1000_0000
}

pub fn patch(source: u64, from: Numbers, sink: u64, to: Numbers, video: bool) -> PatchPlan {
    let mut codecs = vec![
        CodecMap {
            kind: MediaKind::Audio,
            from_pt: from.opus,
            to_pt: to.opus,
            passage: Passage::Relay,
        },
        CodecMap {
            kind: MediaKind::Audio,
            from_pt: from.telephone_event,
            to_pt: to.telephone_event,
            passage: Passage::Relay,
        },
    ];
    if video {
        codecs.push(CodecMap {
            kind: MediaKind::Video,
            from_pt: from.vp8,
            to_pt: to.vp8,
            passage: Passage::Relay,
        });
    }
    PatchPlan {
        source: LegId(source),
        sink: LegId(sink),
        codecs,
    }
}
