use crate::codec::g711::{Law, convert, decode, encode};
use crate::codec::testing::{round_trip, snr, speech};
use crate::codec::{
    AudioCodec, Decoder, Encoder, MAX_PACKET_SAMPLES, MAX_PAYLOAD, SampleRate, Settings,
};

fn every_sample() -> Vec<i16> {
    (i16::MIN..=i16::MAX).collect()
}

fn every_code() -> Vec<u8> {
    (0..=u8::MAX).collect()
}

#[test]
fn each_code_comes_back_as_itself() {
    for law in [Law::Mu, Law::A] {
        let mut pcm = [0; 256];
        let mut codes = [0; 256];
        decode(law, &every_code(), &mut pcm);
        encode(law, &pcm, &mut codes);
        for (code, again) in every_code().into_iter().zip(codes) {
            // µ-law has two zeros, which are one sample.
            let expected = if law == Law::Mu && code == 0x7f {
                0xff
            } else {
                code
            };
            assert_eq!(again, expected, "{law:?} {code:#04x}");
        }
    }
}

#[test]
fn samples_of_the_recommendation_are_met() {
    // G.711 tables 1a to 2b: both ends and the middle of a segment, scaled to 16 bits.
    for (law, code, sample) in [
        (Law::Mu, 0xff, 0),
        (Law::Mu, 0x80, 32_124),
        (Law::Mu, 0x00, -32_124),
        (Law::Mu, 0xef, 132),
        (Law::Mu, 0xfe, 8),
        (Law::A, 0xd5, 8),
        (Law::A, 0x55, -8),
        (Law::A, 0xaa, 32_256),
        (Law::A, 0x2a, -32_256),
        (Law::A, 0xc5, 264),
    ] {
        let mut pcm = [0];
        decode(law, &[code], &mut pcm);
        assert_eq!(pcm, [sample], "{law:?} {code:#04x}");
    }
}

#[test]
fn each_sample_gets_its_nearest_code() {
    let samples = every_sample();
    for law in [Law::Mu, Law::A] {
        let mut levels = [0; 256];
        decode(law, &every_code(), &mut levels);
        let mut codes = vec![0; samples.len()];
        encode(law, &samples, &mut codes);
        for (sample, code) in samples.iter().zip(codes) {
            let distance = |level: &i16| (i32::from(*sample) - i32::from(*level)).abs();
            let nearest = levels.iter().map(distance).min();
            assert_eq!(
                Some(distance(&levels[usize::from(code)])),
                nearest,
                "{law:?} {sample}"
            );
        }
    }
}

#[test]
fn going_from_law_to_law_is_decoding_and_encoding() {
    for (from, to) in [(Law::Mu, Law::A), (Law::A, Law::Mu)] {
        let mut pcm = [0; 256];
        let mut expected = [0; 256];
        decode(from, &every_code(), &mut pcm);
        encode(to, &pcm, &mut expected);
        let mut converted = every_code();
        convert(from, &mut converted);
        assert_eq!(converted, expected);
    }
}

#[test]
fn the_table_between_the_laws_gives_what_a_transcoder_would() {
    let rate = SampleRate::Hz8000;
    for (law, from, to) in [
        (Law::Mu, AudioCodec::Pcmu, AudioCodec::Pcma),
        (Law::A, AudioCodec::Pcma, AudioCodec::Pcmu),
    ] {
        let mut decoder = Decoder::new(from, rate).unwrap();
        let mut encoder = Encoder::new(to, rate, Settings::default()).unwrap();
        let (mut pcm, mut coded) = ([0; MAX_PACKET_SAMPLES], [0; MAX_PAYLOAD]);
        // 40 ms of them: the first ones come twice.
        let mut converted: Vec<u8> = every_code().into_iter().cycle().take(320).collect();
        let samples = decoder.decode(&converted, &mut pcm).unwrap();
        let len = encoder.encode(&pcm[..samples], &mut coded).unwrap();
        convert(law, &mut converted);
        assert_eq!(coded[..len], converted, "{law:?}");
    }
}

#[test]
fn speech_comes_back_with_the_noise_of_the_law_alone() {
    let rate = SampleRate::Hz8000;
    let sent = speech(rate, 2000);
    for codec in [AudioCodec::Pcmu, AudioCodec::Pcma] {
        let heard = round_trip(codec, rate, Settings::default(), 20, &sent);
        let (ratio, delay) = snr(&sent, &heard, 8);
        assert_eq!(delay, 0);
        assert!(ratio > 36.0, "{codec:?}: {ratio:.1} dB");
    }
}
