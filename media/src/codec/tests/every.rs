use crate::codec::testing::{db, level_at, round_trip, tone, tone_to_noise};
use crate::codec::{
    AudioCodec, CodecError, DecodeError, Decoder, EncodeError, Encoder, MAX_PACKET_SAMPLES,
    MAX_PAYLOAD, SampleRate, Settings, SpeexBand,
};

/// Each coder, how well it keeps the level of a tone of 1004 Hz, and how far below that its noise is,
/// both in dB and each at the coder's usual bitrate.
const CODERS: &[(AudioCodec, f64, f64)] = &[
    (AudioCodec::Pcmu, 0.1, 35.0),
    (AudioCodec::Pcma, 0.1, 35.0),
    (AudioCodec::G722, 0.1, 35.0),
    (AudioCodec::G729, 1.0, 15.0),
    (AudioCodec::Speex(SpeexBand::Narrow), 1.0, 10.0),
    (AudioCodec::Speex(SpeexBand::Wide), 1.0, 10.0),
    (AudioCodec::Speex(SpeexBand::UltraWide), 1.0, 10.0),
    (AudioCodec::Opus, 0.5, 18.0),
    (AudioCodec::L16(SampleRate::Hz8000), 0.01, 70.0),
    (AudioCodec::L16(SampleRate::Hz48000), 0.01, 70.0),
];

fn coders() -> impl Iterator<Item = (AudioCodec, SampleRate)> {
    CODERS
        .iter()
        .flat_map(|(codec, ..)| codec.rates().iter().map(|rate| (*codec, *rate)))
}

#[test]
fn a_tone_keeps_its_level_at_each_rate_and_packet_time() {
    for (codec, tolerance, cleanness) in CODERS {
        for rate in codec.rates() {
            let sent = tone(*rate, 1004.0, 8000.0, 1200);
            for ms in codec.packet_times() {
                let heard = round_trip(*codec, *rate, Settings::default(), *ms, &sent);
                let settled = &heard[heard.len() - rate.samples(500)..]; // 502 periods
                let change = db(level_at(*rate, 1004.0, settled) / 8000.0);
                let noise = tone_to_noise(*rate, 1004.0, settled);
                let what = format!("{codec:?} {rate:?} {ms} ms");
                assert!(change.abs() < *tolerance, "{what}: level {change:+.2} dB");
                assert!(noise > *cleanness, "{what}: noise {noise:.1} dB below");
            }
        }
    }
}

#[test]
fn other_rates_than_its_own_are_refused() {
    for (codec, ..) in CODERS {
        for rate in SampleRate::ALL {
            let error = CodecError::Rate {
                codec: *codec,
                rate,
            };
            let runs = codec.rates().contains(&rate);
            let decoder = Decoder::new(*codec, rate).map(|_| ());
            assert_eq!(decoder, if runs { Ok(()) } else { Err(error.clone()) });
            let encoder = Encoder::new(*codec, rate, Settings::default()).map(|_| ());
            assert_eq!(encoder, if runs { Ok(()) } else { Err(error) });
        }
    }
}

#[test]
fn samples_that_are_no_packet_are_refused() {
    let mut out = [0; MAX_PAYLOAD];
    for (codec, rate) in coders() {
        let mut encoder = Encoder::new(codec, rate, Settings::default()).unwrap();
        for len in [
            0,
            1,
            rate.samples(20) - 1,
            rate.samples(20) + 1,
            rate.samples(500),
        ] {
            let pcm = vec![0; len];
            assert_eq!(
                encoder.encode(&pcm, &mut out),
                Err(EncodeError::Length(len))
            );
        }
        let pcm = vec![0; rate.samples(20)];
        assert_eq!(encoder.encode(&pcm, &mut []), Err(EncodeError::NoRoom));
        assert!(encoder.encode(&pcm, &mut out).unwrap() > 0);
    }
}

#[test]
fn payloads_longer_than_the_output_or_a_packet_are_refused() {
    let mut payload = [0; MAX_PAYLOAD];
    let mut out = [0; MAX_PACKET_SAMPLES];
    for (codec, rate) in coders() {
        let mut encoder = Encoder::new(codec, rate, Settings::default()).unwrap();
        let mut decoder = Decoder::new(codec, rate).unwrap();
        let pcm = vec![0; rate.samples(20)];
        let len = encoder.encode(&pcm, &mut payload).unwrap();
        let payload = &payload[..len];
        let too_short = &mut out[..rate.samples(20) - 1];
        assert_eq!(
            decoder.decode(payload, too_short),
            Err(DecodeError::TooLong)
        );
        assert_eq!(decoder.decode(&[], &mut out), Err(DecodeError::Empty));
        assert_eq!(decoder.decode(payload, &mut out), Ok(rate.samples(20)));
        let endless = vec![0xd5; 100_000];
        assert!(decoder.decode(&endless, &mut out).is_err());
    }
}

#[test]
fn whatever_is_decoded_lasts_as_long_as_was_foretold() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut out = [0; MAX_PACKET_SAMPLES];
    for (codec, rate) in coders() {
        let mut decoder = Decoder::new(codec, rate).unwrap();
        for _ in 0..3000 {
            let len = next() as usize % 1500;
            let payload: Vec<u8> = (0..len).map(|_| next() as u8).collect();
            let foretold = codec.samples_of(&payload, rate);
            let decoded = decoder.decode(&payload, &mut out);
            if let Ok(samples) = decoded {
                assert_eq!(foretold, Ok(samples), "{codec:?} {rate:?} {payload:02x?}");
            }
            if next() % 8 == 0 {
                decoder.conceal(&mut out[..rate.samples(20)]);
            }
            if next() % 8 == 0 {
                decoder.recover(&payload, &mut out[..rate.samples(20)]);
            }
        }
    }
}
