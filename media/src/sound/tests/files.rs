//! What files are read, and what is said of those that are not.

use std::f64::consts::TAU;

use proptest::prelude::*;

use super::*;
use crate::codec::{AudioCodec, Encoder, Settings};

/// A WAV file of one second of a tone, as a program would write it.
fn wav(tag: u16, bits: u16, hz: u32, channels: u16, sample: impl Fn(f64) -> Vec<u8>) -> Vec<u8> {
    let frames = (0..hz).flat_map(|n| {
        let value = 0.25 * (TAU * 440.0 * f64::from(n) / f64::from(hz)).sin();
        (0..channels)
            .flat_map(|_| sample(value))
            .collect::<Vec<u8>>()
    });
    file(tag, bits, hz, channels, &frames.collect::<Vec<u8>>())
}

fn file(tag: u16, bits: u16, hz: u32, channels: u16, data: &[u8]) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
    file.extend(tag.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(hz.to_le_bytes());
    file.extend([0; 6]);
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    file.extend(data);
    file
}

/// The level of a tone in parts of the highest, and of all else.
fn level(sound: &Sound, hz: f64) -> (f64, f64) {
    let rate = f64::from(sound.rate.hz());
    let inner = &sound.pcm[sound.pcm.len() / 10..][..sound.pcm.len() / 2];
    let (mut sine, mut cosine, mut power) = (0.0, 0.0, 0.0);
    for (n, sample) in inner.iter().enumerate() {
        let (angle, value) = (TAU * hz * n as f64 / rate, f64::from(*sample) / 32_768.0);
        sine += value * angle.sin();
        cosine += value * angle.cos();
        power += value * value;
    }
    let count = inner.len() as f64;
    let amplitude = 2.0 * (sine * sine + cosine * cosine).sqrt() / count;
    let rest = (power / count - amplitude * amplitude / 2.0).max(0.0);
    (amplitude, (2.0 * rest).sqrt())
}

#[test]
fn a_tone_is_read_from_every_kind_of_wav_file_at_any_rate() {
    let whole = |bits: u32| f64::from(1_u32 << (bits - 1));
    let pcm16 = |it: f64| ((it * whole(16)) as i16).to_le_bytes().to_vec();
    let kinds: [(&str, Vec<u8>); 9] = [
        (
            "8 bits",
            wav(1, 8, 8_000, 1, |it| vec![(it * 128.0 + 128.0) as u8]),
        ),
        ("16 bits", wav(1, 16, 16_000, 1, pcm16)),
        ("16 bits, stereo, 44.1 kHz", wav(1, 16, 44_100, 2, pcm16)),
        ("16 bits, 11,025 Hz", wav(1, 16, 11_025, 1, pcm16)),
        ("16 bits, 96 kHz", wav(1, 16, 96_000, 1, pcm16)),
        (
            "24 bits",
            wav(1, 24, 48_000, 1, |it| {
                ((it * whole(24)) as i32).to_le_bytes()[..3].to_vec()
            }),
        ),
        (
            "32 bits",
            wav(1, 32, 24_000, 2, |it| {
                ((it * whole(32)) as i32).to_le_bytes().to_vec()
            }),
        ),
        (
            "float",
            wav(3, 32, 32_000, 1, |it| (it as f32).to_le_bytes().to_vec()),
        ),
        (
            "µ-law",
            wav(7, 8, 8_000, 1, |it| {
                let mut code = [0];
                crate::codec::g711::encode(
                    crate::codec::g711::Law::Mu,
                    &[(it * whole(16)) as i16],
                    &mut code,
                );
                code.to_vec()
            }),
        ),
    ];
    for (kind, file) in kinds {
        let sound = Sound::read(&file).unwrap_or_else(|error| panic!("{kind} {error}"));
        let off = sound.length().as_secs_f64() - 1.0;
        assert!(off.abs() < 0.001, "{kind}: {off} s");
        let (tone, rest) = level(&sound, 440.0);
        assert!((0.245..0.255).contains(&tone), "{kind}: {tone}");
        assert!(rest < 0.01, "{kind}: {rest} beside the tone");
    }
}

#[test]
fn an_opus_file_is_read_without_what_its_encoder_put_before_it() {
    let rate = SampleRate::Hz48000;
    let mut encoder = Encoder::new(AudioCodec::Opus, rate, Settings::default()).unwrap();
    let pcm: Vec<i16> = (0..48_000 + 960)
        .map(|n| (8_192.0 * (TAU * 440.0 * f64::from(n) / 48_000.0).sin()) as i16)
        .collect();
    let mut payload = vec![0; 4_000];
    let packets: Vec<Vec<u8>> = pcm
        .chunks_exact(960)
        .map(|pcm| {
            let len = encoder.encode(pcm, &mut payload).unwrap();
            payload[..len].to_vec()
        })
        .collect();
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend(312_u16.to_le_bytes());
    head.extend(48_000_u32.to_le_bytes());
    head.extend([0, 0, 0]);
    let headers: [&[u8]; 2] = [&head, b"OpusTags"];
    let file = crate::codec::tests::ogg::write(&headers, &packets, 960);
    let sound = Sound::read(&file).unwrap();
    assert_eq!(sound.pcm.len(), 48_000 + 960 - 312);
    let (tone, rest) = level(&sound, 440.0);
    assert!((0.23..0.27).contains(&tone) && rest < 0.03, "{tone} {rest}");
    for cut in [file.len() - 1, 20, 40] {
        let error = Sound::read(&file[..cut]).unwrap_err();
        assert!(matches!(error, SoundError::Damaged(_)), "{error:?}");
    }
}

#[test]
fn what_is_no_sound_is_refused_in_words() {
    let said = |file: &[u8]| Sound::read(file).unwrap_err().to_string();
    assert_eq!(
        said(b"ID3\x03 la la la"),
        "is neither a WAV nor an Ogg file"
    );
    assert_eq!(said(&file(1, 16, 8_000, 1, &[])), "has no sound in it");
    assert_eq!(
        said(&file(1, 16, 500, 1, &[0; 100])),
        "has a sampling rate of 500 Hz; 4000 to 192000 are read"
    );
    let adpcm = said(&file(2, 4, 8_000, 1, &[0; 100]));
    assert!(
        adpcm.starts_with("has a format that is not read (WAV tag 2, 4 bits)"),
        "{adpcm}"
    );
    let long = file(7, 8, 4_000, 1, &vec![0xFF; 4_000 * 601]);
    assert_eq!(
        said(&long),
        "lasts 601 s, longer than the 600 s that are allowed"
    );
    assert_eq!(
        said(b"RIFF\0\0\0\0WAVE"),
        "is damaged: it ends before its sound"
    );
}

#[test]
fn a_ringing_tone_has_its_countrys_frequencies_and_cadence() {
    for (name, ringback) in Ringback::NAMES {
        let sound = ringback.sound().unwrap();
        assert!(sound.repeats, "{name}");
        let on: Vec<bool> = sound
            .pcm
            .chunks(800)
            .map(|it| it.iter().any(|it| it.abs() > 500))
            .collect();
        let (length, heard) = (on.len(), on.iter().filter(|on| **on).count());
        let wanted = match name {
            "us" => (60, 20),
            "uk" => (30, 8),
            "fr" => (50, 15),
            "es" => (45, 15),
            "ru" => (40, 8),
            _ => (50, 10),
        };
        assert_eq!((length, heard), wanted, "{name}, in tenths of a second");
    }
    let burst = |ringback: Ringback| Sound {
        pcm: ringback.sound().unwrap().pcm[..3_200].into(),
        ..ringback.sound().unwrap()
    };
    let single = burst(Ringback::Europe);
    assert!(level(&single, 425.0).0 > 0.11 && level(&single, 425.0).1 < 0.01);
    let double = burst(Ringback::UnitedKingdom);
    for hz in [400.0, 450.0] {
        assert!((0.075..0.095).contains(&level(&double, hz).0), "{hz} Hz");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(
        start in 0_usize..4,
        noise in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let starts: [&[u8]; 4] = [
            b"RIFF\0\0\0\0WAVEfmt ",
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\0\0\0\0\0\0\x10\0data",
            b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01\0\0\0\0\0\0\0\0\0",
            b"OggS",
        ];
        let file = [starts[start], &noise].concat();
        if let Ok(sound) = Sound::read(&file) {
            prop_assert!(sound.length() <= MAX_SOUND);
        }
    }
}
