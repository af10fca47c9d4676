//! Offer and answer between browsers and phones, and between phones.

use super::peer::{
    A, B, CHROMIUM_AUDIO, CHROMIUM_VIDEO, FIREFOX_VIDEO, accept, local, maps, media, parsed,
    payload_types, remote, stream,
};
use super::phone::{
    PHONE, VIDEO, address, far_side, lines, offer_to_phone, phone_answer, phone_local, rtp,
    separate, way,
};
use crate::ids::MediaKind::{Audio, Video};
use crate::negotiate::{
    Absence, Bridge, NegotiationError, OfferedTransport, Policy, RemoteOffer, Security, bridge,
    offer,
};
use crate::plan::{Format, RtcpPlan};
use crate::sdp::{Description, Direction, Limits};

const PLAIN: OfferedTransport = OfferedTransport::Rtp {
    encrypted: false,
    feedback: false,
};

/// A browser calls a phone.
fn browser_calls(a: &str, answer: impl FnOnce(&str) -> String) -> Bridge {
    let offered = offer_to_phone(a, Security::Plain);
    let answer = answer(&offered.sdp);
    let result = bridge(
        (A, &remote(a), &local(A)),
        &offered,
        &answer,
        &Policy::default(),
    );
    result.expect("a bridge")
}

/// A phone calls a browser.
fn phone_calls(a: &str, answer: impl FnOnce(&Description) -> Description) -> Bridge {
    let source = remote(a);
    let offered = offer(B, &Policy::default(), &source, &local(B)).expect("an offer");
    let answer = answer(&parsed(&offered.sdp)).to_text();
    let ours = phone_local(A, Security::Plain);
    bridge((A, &source, &ours), &offered, &answer, &Policy::default()).expect("a bridge")
}

#[test]
fn a_phone_is_offered_what_phones_know_and_nothing_else() {
    let offered = offer_to_phone(CHROMIUM_AUDIO, Security::Plain);
    assert_eq!(
        lines(&offered.sdp),
        [
            "v=0",
            "o=- 7002 1 IN IP4 198.51.100.1",
            "s=-",
            "t=0 0",
            "m=audio 20008 RTP/AVP 111 9 0 8 112 113 18 110 126 109",
            "c=IN IP4 198.51.100.1",
            "a=sendrecv",
            "a=rtpmap:111 opus/48000/2",
            "a=fmtp:111 minptime=10;useinbandfec=1",
            "a=rtpmap:9 G722/8000",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:112 speex/16000",
            "a=rtpmap:113 speex/8000",
            "a=rtpmap:18 G729/8000",
            "a=fmtp:18 annexb=yes",
            "a=rtpmap:110 telephone-event/48000",
            "a=rtpmap:126 telephone-event/8000",
            "a=rtpmap:109 telephone-event/16000",
            "a=fmtp:109 0-15",
        ]
    );
    assert!(way(&offered.plan, Audio).remote.is_none());
}

#[test]
fn a_browser_calls_a_phone_and_talks_g711_with_it() {
    let bridge = browser_calls(CHROMIUM_AUDIO, |_| {
        "v=0\r\no=x 1 1 IN IP4 192.0.2.50\r\ns=-\r\nc=IN IP4 192.0.2.50\r\nt=0 0\r\n\
         m=audio 62000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:30\r\n"
            .to_owned()
    });
    assert_eq!(bridge.audio.codec(), Some("PCMA"));
    let to_a = parsed(&bridge.answer_to_a);
    assert_eq!(payload_types(&to_a.media[0]), [8, 126]);
    assert_eq!(to_a.media[0].ptime_ms, Some(30), "the phone's wish");
    assert!(to_a.ice_lite && to_a.media[0].rtcp_mux);
    let remote = far_side(&bridge.plan_b, Audio);
    assert_eq!(remote.rtp, Some(address("192.0.2.50:62000")));
    assert_eq!(remote.rtcp, separate("192.0.2.50:62001"));
    assert!(remote.keys.is_none());
    assert_eq!(maps(&bridge.a_to_b.codecs, Audio), [(8, 8), (126, 101)]);
    assert_eq!(maps(&bridge.b_to_a.codecs, Audio), [(8, 8), (126, 126)]);
}

#[test]
fn a_phone_calls_a_browser_and_gets_a_minimal_answer() {
    assert_eq!(remote(PHONE).transport(), PLAIN);
    let bridge = phone_calls(PHONE, accept);
    assert_eq!(bridge.audio.codec(), Some("G722"));
    assert_eq!(
        lines(&bridge.answer_to_a),
        [
            "v=0",
            "o=- 7001 1 IN IP4 198.51.100.1",
            "s=-",
            "t=0 0",
            "m=audio 20004 RTP/AVP 9 8 0 101",
            "c=IN IP4 198.51.100.1",
            "a=sendrecv",
            "a=rtpmap:9 G722/8000",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-16",
            "a=ptime:20",
        ]
    );
    let a = stream(&bridge.plan_a, Audio);
    assert_eq!(a.codecs[0].format, Format::G722);
    assert_eq!(
        far_side(&bridge.plan_a, Audio).rtp,
        Some(address("192.0.2.50:62000"))
    );
}

#[test]
fn a_browser_is_offered_a_whole_webrtc_description_of_a_phones_call() {
    let source = remote(&format!("{PHONE}{VIDEO}"));
    let offered = offer(B, &Policy::default(), &source, &local(B)).expect("an offer");
    let description = parsed(&offered.sdp);
    assert_eq!(
        description.bundle,
        [["0", "1"]],
        "m-lines without mid get one"
    );
    for media in &description.media {
        assert_eq!(media.protocol, "UDP/TLS/RTP/SAVPF");
        assert!(media.ice.is_some() && media.rtcp_mux && !media.fingerprints.is_empty());
    }
    let video = media(&description, Video);
    assert_eq!(payload_types(video), [96], "H.263 is not carried");
    assert!(video.codecs[0].feedback.iter().any(|it| it == "nack pli"));
}

#[test]
fn payload_types_that_a_phone_uses_in_both_streams_are_told_apart_toward_a_browser() {
    let video = VIDEO.replace("96 97", "101").replace(":96 ", ":101 ");
    let video = video.lines().filter(|line| !line.contains("H263"));
    let video: String = video.map(|line| format!("{line}\r\n")).collect();
    let bridge = phone_calls(&format!("{PHONE}{video}"), accept);
    assert_eq!(bridge.video.codec(), Some("H264"));
    let audio = maps(&bridge.a_to_b.codecs, Audio);
    assert_eq!(audio.last(), Some(&(101, 101)));
    assert_eq!(maps(&bridge.a_to_b.codecs, Video), [(101, 127)]);
    assert_eq!(maps(&bridge.b_to_a.codecs, Video), [(127, 101)]);
}

#[test]
fn picture_goes_between_browser_and_phone_where_both_have_a_codec_or_is_refused() {
    let bridge = browser_calls(CHROMIUM_VIDEO, |offered| phone_answer(offered).to_text());
    assert_eq!(bridge.video.codec(), Some("VP8"));
    let b = stream(&bridge.plan_b, Video);
    assert!(b.codecs.iter().all(|codec| codec.rtx.is_none()));
    assert_eq!(b.codecs[0].feedback, Default::default(), "AVP has none");
    assert!(
        b.codecs
            .iter()
            .all(|codec| matches!(codec.format, Format::Vp8 | Format::H264))
    );
    let a = stream(&bridge.plan_a, Video);
    assert!(a.codecs[0].feedback.pli && a.codecs[0].rtx.is_some());

    let refusing = browser_calls(CHROMIUM_VIDEO, |offered| {
        let mut answer = phone_answer(offered);
        answer.media[1].port = 0;
        answer.to_text()
    });
    assert_eq!(refusing.video.codec(), None);
    assert!(media(&parsed(&refusing.answer_to_a), Video).is_refused());

    let h263 = "m=video 62002 RTP/AVP 34\r\n";
    let bridge = phone_calls(&format!("{PHONE}{h263}"), accept);
    assert!(bridge.answer_to_a.contains("m=video 0 RTP/AVP 0\r\n"));
    assert_eq!(
        bridge.video.reason().as_deref(),
        Some("none of the caller's video codecs (H263) can be carried")
    );
}

/// The offer to the browser has them too: they are the phone's all the same.
#[test]
fn the_parameter_sets_of_a_description_are_of_its_leg_alone() {
    let sets = "packetization-mode=1;sprop-parameter-sets=Z0LgH4xoBQ==,aM48gA==";
    let video = VIDEO.replace("packetization-mode=1", sets);
    let bridge = phone_calls(&format!("{PHONE}{video}"), |offered| {
        let mut answer = accept(offered);
        for codec in &mut answer.media[1].codecs {
            let own = codec
                .is("H264")
                .then_some("profile-level-id=42e01f;packetization-mode=1");
            codec.parameters = own.map(Into::into).or(codec.parameters.take());
        }
        answer
    });
    let sets = |plan| {
        let codecs = &stream(plan, Video).codecs;
        codecs[0].parameter_sets.as_ref().map(|sets| sets.len())
    };
    assert_eq!(sets(&bridge.plan_a), Some(2));
    assert_eq!(sets(&bridge.plan_b), None);
}

#[test]
fn a_leg_without_video_ports_has_no_picture() {
    let source = remote(CHROMIUM_VIDEO);
    let mut ours = phone_local(B, Security::Plain);
    rtp(&mut ours).video = None;
    let offered = offer(B, &Policy::default(), &source, &ours).expect("an offer");
    assert_eq!(parsed(&offered.sdp).media.len(), 1);
    let answer = phone_answer(&offered.sdp).to_text();
    let a = (A, &source, &local(A));
    let bridge = bridge(a, &offered, &answer, &Policy::default()).expect("a bridge");
    assert_eq!(
        bridge.video.reason().as_deref(),
        Some("there is no room for video on this side")
    );
}

#[test]
fn a_phone_is_offered_events_though_its_partner_has_none() {
    let without: String = CHROMIUM_AUDIO
        .lines()
        .filter(|line| !line.contains("telephone-event"))
        .map(|line| format!("{line}\r\n"))
        .collect();
    let bridge = browser_calls(&without, |offered| phone_answer(offered).to_text());
    let b = stream(&bridge.plan_b, Audio);
    let events = b
        .codecs
        .iter()
        .find(|it| it.format == Format::TelephoneEvent && it.clock_rate == 8_000);
    assert_eq!(events.map(|it| it.send_pt), Some(101));
    assert!(
        maps(&bridge.a_to_b.codecs, Audio)
            .iter()
            .all(|(_, to)| *to != 101)
    );
}

#[test]
fn addresses_are_read_wherever_they_stand() {
    let remote_of = |sdp: &str| {
        let bridge = phone_calls(sdp, accept);
        let remote = far_side(&bridge.plan_a, Audio);
        (remote.rtp.map(|it| it.to_string()), remote.rtcp)
    };
    let some = |text: &str| Some(text.to_owned());
    let own = PHONE.replace(
        "62000 RTP/AVP 9 8 0 101\r\n",
        "62000 RTP/AVP 9\r\nc=IN IP4 192.0.2.9\r\n",
    );
    assert_eq!(
        remote_of(&own),
        (some("192.0.2.9:62000"), separate("192.0.2.9:62001"))
    );
    let v6 = PHONE.replace("IN IP4 192.0.2.50", "IN IP6 2001:db8::50");
    assert_eq!(
        remote_of(&v6),
        (
            some("[2001:db8::50]:62000"),
            separate("[2001:db8::50]:62001")
        )
    );
    let rtcp = |line: &str| remote_of(&format!("{PHONE}{line}\r\n")).1;
    assert_eq!(rtcp("a=rtcp:53020"), separate("192.0.2.50:53020"));
    assert_eq!(
        rtcp("a=rtcp:53020 IN IP4 192.0.2.51"),
        separate("192.0.2.51:53020")
    );
    assert_eq!(rtcp("a=rtcp-mux"), RtcpPlan::Muxed);
    for odd in ["phone.example.com", "224.0.0.5", "255.255.255.255"] {
        let sdp = PHONE.replace("c=IN IP4 192.0.2.50", &format!("c=IN IP4 {odd}"));
        assert_eq!(remote_of(&sdp), (None, RtcpPlan::Separate(None)), "{odd}");
    }
    let top = PHONE.replace("62000", "65535");
    assert_eq!(remote_of(&top).1, RtcpPlan::Separate(None));
}

#[test]
fn rtcp_is_multiplexed_where_the_phone_offers_it() {
    let bridge = phone_calls(&format!("{PHONE}a=rtcp-mux\r\n"), accept);
    assert!(bridge.answer_to_a.contains("a=rtcp-mux\r\n"));
    assert!(!phone_calls(PHONE, accept).answer_to_a.contains("rtcp"));
}

#[test]
fn feedback_is_agreed_in_avpf_only() {
    let video = VIDEO.replace("RTP/AVP 96 97", "RTP/AVPF 96") + "a=rtcp-fb:* nack pli\r\n";
    let sdp = format!("{}{video}", PHONE.replace("RTP/AVP", "RTP/AVPF"));
    let bridge = phone_calls(&sdp, accept);
    let feedback = stream(&bridge.plan_a, Video).codecs[0].feedback;
    assert!(feedback.pli && !feedback.nack && !feedback.remb);
    assert!(bridge.answer_to_a.contains("a=rtcp-fb:96 nack pli\r\n"));
    assert!(bridge.answer_to_a.contains("m=audio 20004 RTP/AVPF"));

    // Attributes of feedback mean nothing in AVP (RFC 4585 4.2).
    let bridge = phone_calls(&sdp.replace("AVPF", "AVP"), accept);
    assert_eq!(
        stream(&bridge.plan_a, Video).codecs[0].feedback,
        Default::default()
    );
}

#[test]
fn an_old_phones_hold_is_understood() {
    for (connection, line, direction) in [
        ("0.0.0.0", "a=sendrecv", Direction::SendOnly),
        ("0.0.0.0", "a=recvonly", Direction::Inactive),
        ("192.0.2.50", "a=sendonly", Direction::SendOnly),
        ("192.0.2.50", "a=inactive", Direction::Inactive),
    ] {
        let held = PHONE.replace("c=IN IP4 192.0.2.50", &format!("c=IN IP4 {connection}"));
        let held = format!("{held}{line}\r\n");
        assert_eq!(remote(&held).direction(Audio), Some(direction), "{line}");
        let bridge = phone_calls(&held, accept);
        let plan = stream(&bridge.plan_a, Audio);
        assert_eq!((plan.receive, plan.send), (direction.sends(), false));
        let ours = media(&parsed(&bridge.answer_to_a), Audio).direction;
        assert_eq!(ours, direction.reversed());
    }
}

#[test]
fn two_phones_are_joined_and_each_keeps_its_payload_types() {
    let source = remote(PHONE);
    let ours = phone_local(B, Security::Plain);
    let offered = offer(B, &Policy::default(), &source, &ours).expect("an offer");
    let answer = "v=0\r\no=x 1 1 IN IP6 2001:db8::9\r\ns=-\r\nt=0 0\r\n\
         m=audio 4000 RTP/AVP 0 96\r\nc=IN IP6 2001:db8::9\r\n\
         a=rtpmap:96 telephone-event/8000\r\n";
    let a = (A, &source, &phone_local(A, Security::Plain));
    let bridge = bridge(a, &offered, answer, &Policy::default()).expect("a bridge");
    assert_eq!(bridge.audio.codec(), Some("PCMU"));
    assert_eq!(maps(&bridge.a_to_b.codecs, Audio), [(0, 0), (101, 96)]);
    assert_eq!(maps(&bridge.b_to_a.codecs, Audio), [(0, 0), (101, 101)]);
    assert_eq!(
        bridge.summary,
        "A offers G722,PCMA,PCMU; B accepts PCMU; bridge PCMU"
    );
}

#[test]
fn an_answer_by_another_transport_is_our_fault() {
    let offered = offer_to_phone(CHROMIUM_AUDIO, Security::Plain);
    let answer = phone_answer(&offered.sdp).to_text();
    let a = (A, &remote(CHROMIUM_AUDIO), &phone_local(A, Security::Plain));
    let error = bridge(a, &offered, &answer, &Policy::default()).expect_err("an error");
    assert_eq!(error, NegotiationError::OtherTransport);
}

#[test]
fn a_phone_without_a_common_codec_is_told_in_words() {
    let offered = offer_to_phone(FIREFOX_VIDEO, Security::Plain);
    let answer = "v=0\r\no=x 1 1 IN IP4 192.0.2.50\r\ns=-\r\nc=IN IP4 192.0.2.50\r\nt=0 0\r\n\
         m=audio 62000 RTP/AVP 3\r\nm=video 0 RTP/AVP 0\r\n";
    let a = (A, &remote(FIREFOX_VIDEO), &local(A));
    let error = bridge(a, &offered, answer, &Policy::default()).expect_err("an error");
    assert_eq!(
        error.to_string(),
        "no common codec: the caller offers opus,G722,PCMU,PCMA|VP8,VP9,H264, the callee accepts \
         GSM|none"
    );
}

#[test]
fn m_lines_of_two_transports_are_not_mixed() {
    let webrtc = &CHROMIUM_VIDEO[CHROMIUM_VIDEO.find("m=video").expect("video")..];
    let offer = RemoteOffer::parse(&format!("{PHONE}{webrtc}"), &Limits::default());
    let offer = offer.expect("a usable offer");
    assert_eq!(offer.transport(), PLAIN);
    assert_eq!(
        offer.refused(),
        [(1, Absence::Protocol(Video, "UDP/TLS/RTP/SAVPF".into()))]
    );
}

#[test]
fn a_browser_of_old_that_writes_an_rtp_profile_for_dtls_is_still_a_browser() {
    let old = CHROMIUM_AUDIO.replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF");
    assert_eq!(remote(&old).transport(), OfferedTransport::WebRtc);
}

#[test]
fn descriptions_are_taken_as_phones_write_them() {
    let odd = [
        ("line ends of one character", PHONE.replace("\r\n", "\n")),
        ("no time", PHONE.replace("t=0 0\r\n", "")),
        ("no name", PHONE.replace("s=call\r\n", "")),
        ("an empty name", PHONE.replace("s=call", "s=")),
        ("an empty line at the end", format!("{PHONE}\r\n")),
        (
            "spaces at the end",
            PHONE.replace("192.0.2.50\r\nb", "192.0.2.50 \r\nb"),
        ),
        (
            "channels of one",
            PHONE.replace("a=ptime", "a=rtpmap:8 PCMA/8000/1\r\na=ptime"),
        ),
        (
            "names in small letters",
            PHONE.replace("a=ptime", "a=rtpmap:8 pcma/8000\r\na=ptime"),
        ),
        (
            "unknown bandwidths",
            PHONE.replace("b=CT:1000", "b=X-YZ:128\r\nb=TIAS:64000"),
        ),
        (
            "unknown attributes",
            format!("{PHONE}a=rtcp-xr:rcvr-rtt=all:10000\r\na=x:\r\na=\r\n"),
        ),
        (
            "packet times out of range",
            PHONE.replace("ptime:20", "ptime:0\r\na=maxptime:10000"),
        ),
        (
            "ICE that is not for us",
            format!("{PHONE}a=candidate:1 1 UDP 2130706431 192.0.2.50 62000 typ host\r\n"),
        ),
        (
            "a version beyond 32 bits",
            PHONE.replace("8000 8000", "1700000000000 18446744073709551615"),
        ),
    ];
    for (what, sdp) in odd {
        let offer = RemoteOffer::parse(&sdp, &Limits::default());
        let offer = offer.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(offer.has_audio(), "{what}");
        assert!(
            offer
                .names(Audio)
                .is_some_and(|names| names.contains("PCM") || names.contains("pcm"))
        );
        let bridge = phone_calls(&sdp, accept);
        let remote = far_side(&bridge.plan_a, Audio);
        assert_eq!(remote.rtp, Some(address("192.0.2.50:62000")), "{what}");
    }
}
