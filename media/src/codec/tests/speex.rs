use crate::codec::testing::speech;
use crate::codec::{
    AudioCodec, DecodeError, Decoder, Encoder, MAX_PACKET_SAMPLES, MAX_PAYLOAD, SampleRate,
    Settings, SpeexBand,
};

const BANDS: [SpeexBand; 3] = [SpeexBand::Narrow, SpeexBand::Wide, SpeexBand::UltraWide];

fn encode(band: SpeexBand, settings: Settings, pcm: &[i16]) -> Vec<Vec<u8>> {
    let rate = band.rate();
    let mut encoder = Encoder::new(AudioCodec::Speex(band), rate, settings).unwrap();
    let mut out = [0; MAX_PAYLOAD];
    pcm.chunks_exact(rate.samples(20))
        .map(|pcm| {
            let len = encoder.encode(pcm, &mut out).unwrap();
            out[..len].to_vec()
        })
        .collect()
}

#[test]
fn each_bitrate_is_kept_to_and_measured_by_its_frames() {
    let mut lengths = Vec::new();
    for band in BANDS {
        let (codec, rate) = (AudioCodec::Speex(band), band.rate());
        let pcm = speech(rate, 1000);
        for bitrate in (2_000..46_000).step_by(1_000) {
            let settings = Settings {
                bitrate: Some(bitrate),
                ..Settings::default()
            };
            let mut decoder = Decoder::new(codec, rate).unwrap();
            let mut out = [0; MAX_PACKET_SAMPLES];
            for packet in encode(band, settings, &pcm) {
                assert_eq!(codec.samples_of(&packet, rate), Ok(rate.samples(20)));
                assert_eq!(decoder.decode(&packet, &mut out), Ok(rate.samples(20)));
                let lowest = 6_000; // below that no quality is left
                let bits = packet.len() as u32 * 8 * 50;
                assert!(
                    bits <= bitrate.max(lowest) + 400,
                    "{band:?} {bitrate}: {bits}"
                );
                lengths.push((band as u8, packet.len()));
            }
        }
    }
    lengths.sort_unstable();
    lengths.dedup();
    assert!(
        lengths.len() > 20,
        "few of the sub-modes were seen: {lengths:?}"
    );
}

#[test]
fn silence_is_sent_once_and_then_not_at_all() {
    for band in BANDS {
        let mut pcm = speech(band.rate(), 1000);
        pcm.extend(vec![0; band.rate().samples(2000)]);
        let dtx = Settings {
            dtx: true,
            ..Settings::default()
        };
        let packets = encode(band, dtx, &pcm);
        let silent = packets.iter().skip(50).filter(|packet| packet.is_empty());
        let silent = silent.count();
        assert!(
            silent > 60,
            "{band:?}: of 100 silent packets {silent} are left out"
        );
        let always = encode(band, Settings::default(), &pcm);
        assert!(always.iter().all(|packet| !packet.is_empty()));
    }
}

#[test]
fn several_frames_in_a_packet_are_as_good_as_apart() {
    for band in BANDS {
        let (codec, rate) = (AudioCodec::Speex(band), band.rate());
        let pcm = speech(rate, 1200);
        let mut heard = Vec::new();
        for ms in [20, 60] {
            let mut encoder = Encoder::new(codec, rate, Settings::default()).unwrap();
            let mut decoder = Decoder::new(codec, rate).unwrap();
            let (mut payload, mut out) = ([0; MAX_PAYLOAD], [0; MAX_PACKET_SAMPLES]);
            let mut all: Vec<i16> = Vec::new();
            for pcm in pcm.chunks_exact(rate.samples(ms)) {
                let len = encoder.encode(pcm, &mut payload).unwrap();
                let samples = decoder.decode(&payload[..len], &mut out).unwrap();
                all.extend(&out[..samples]);
            }
            heard.push(all);
        }
        assert!(heard[0] == heard[1], "{band:?}");
    }
}

/// Bits as they are read, in a packet padded like RFC 5574 3.2 says.
fn packet(bits: &str) -> Vec<u8> {
    let mut bits = bits.replace(' ', "");
    if !bits.len().is_multiple_of(8) {
        bits.push('0');
    }
    while !bits.len().is_multiple_of(8) {
        bits.push('1');
    }
    let digits = bits.as_bytes().chunks(8);
    digits
        .map(|byte| u8::from_str_radix(str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect()
}

#[test]
fn messages_between_frames_are_passed_over() {
    let codec = AudioCodec::Speex(SpeexBand::Narrow);
    let rate = SampleRate::Hz8000;
    let mut decoder = Decoder::new(codec, rate).unwrap();
    let mut out = [0; MAX_PACKET_SAMPLES];
    let silence = "0 0000";
    for (what, bits, frames) in [
        ("a frame of silence", silence.to_owned(), 1),
        ("two of them", [silence, silence].concat(), 2),
        (
            "a message of 4 bits",
            ["0 1110 0010 1010", silence].concat(),
            1,
        ),
        (
            "a message of a byte",
            ["0 1110 1001 10101010", silence].concat(),
            1,
        ),
        (
            "a message of one's own",
            ["0 1101 0001 00000 11111111", silence].concat(),
            1,
        ),
        ("a terminator", [silence, "0 1111", silence].concat(), 1),
    ] {
        let payload = packet(&bits);
        let samples = frames * rate.samples(20);
        assert_eq!(codec.samples_of(&payload, rate), Ok(samples), "{what}");
        assert_eq!(decoder.decode(&payload, &mut out), Ok(samples), "{what}");
    }
}

#[test]
fn payloads_without_a_whole_frame_are_refused() {
    let rate = SampleRate::Hz16000;
    let mut decoder = Decoder::new(AudioCodec::Speex(SpeexBand::Wide), rate).unwrap();
    let mut out = [0; MAX_PACKET_SAMPLES];
    for (what, bits) in [
        ("a terminator alone", "0 1111"),
        ("an unknown sub-mode", "0 1001 0000000000"),
        ("a frame cut short", "0 0101 000000000000000"),
        (
            "a layer without what it lies on",
            "1 001 00000000000000000000000000000000",
        ),
        (
            "an unknown layer",
            "0 0000 1 111 000000000000000000000000000",
        ),
        ("a layer cut short", "0 0000 1 100 00000000"),
        ("a message cut short", "0 1110 1111 0000"),
    ] {
        let decoded = decoder.decode(&packet(bits), &mut out);
        assert_eq!(decoded, Err(DecodeError::Malformed), "{what}");
    }
}
