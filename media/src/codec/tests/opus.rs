use crate::codec::testing::{power, round_trip, snr, speech};
use crate::codec::{
    AudioCodec, DecodeError, Decoder, Encoder, MAX_PACKET_SAMPLES, MAX_PAYLOAD, Recovered,
    SampleRate, Settings,
};

const RATE: SampleRate = SampleRate::Hz16000;
const PACKET: usize = RATE.samples(20);

fn encode(settings: Settings, pcm: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(AudioCodec::Opus, RATE, settings).unwrap();
    let mut out = [0; MAX_PAYLOAD];
    pcm.chunks_exact(PACKET)
        .map(|pcm| {
            let len = encoder.encode(pcm, &mut out).unwrap();
            out[..len].to_vec()
        })
        .collect()
}

fn with_fec() -> Settings {
    Settings {
        fec: true,
        expected_loss_percent: 20,
        bitrate: Some(32_000),
        ..Settings::default()
    }
}

/// Decodes packets of which each tenth is lost, and says how far from the undisturbed sound the
/// lost packets are, and how many of them were recovered.
fn with_losses(packets: &[Vec<u8>]) -> (f64, usize) {
    let mut whole = Decoder::new(AudioCodec::Opus, RATE).unwrap();
    let mut lossy = Decoder::new(AudioCodec::Opus, RATE).unwrap();
    let (mut distance, mut recovered) = (0.0, 0);
    let (mut expected, mut heard) = (vec![0; PACKET], vec![0; PACKET]);
    for (number, packet) in packets.iter().enumerate() {
        whole.decode(packet, &mut expected).unwrap();
        if number % 10 == 9 && number + 1 < packets.len() {
            if lossy.recover(&packets[number + 1], &mut heard) == Recovered::FromNext {
                recovered += 1;
            }
            let error: Vec<i16> = expected
                .iter()
                .zip(&heard)
                .map(|(expected, heard)| expected.saturating_sub(*heard))
                .collect();
            distance += power(&error);
        } else {
            lossy.decode(packet, &mut heard).unwrap();
        }
    }
    (distance, recovered)
}

#[test]
fn what_is_lost_is_recovered_from_the_packet_after_it() {
    let pcm = speech(RATE, 6000);
    let without = with_losses(&encode(
        Settings {
            fec: false,
            ..with_fec()
        },
        &pcm,
    ));
    let with = with_losses(&encode(with_fec(), &pcm));
    assert_eq!(without.1, 0, "recovered what was never repeated");
    assert!(with.1 >= 15, "only {} of 29 were recovered", with.1);
    assert!(
        with.0 < without.0 / 2.0,
        "recovered {:.0}, concealed {:.0}",
        with.0,
        without.0
    );
}

#[test]
fn silence_is_sent_once_and_then_not_at_all() {
    let mut pcm = speech(RATE, 1000);
    pcm.extend(vec![0; RATE.samples(2000)]);
    let dtx = Settings {
        dtx: true,
        ..Settings::default()
    };
    let packets = encode(dtx, &pcm);
    let silent = packets.iter().skip(50).filter(|packet| packet.is_empty());
    assert!(
        silent.count() > 70,
        "of 100 silent packets too many are sent"
    );
    let spoken = packets.iter().take(50).filter(|packet| packet.is_empty());
    assert_eq!(spoken.count(), 0);
    let marks = packets
        .iter()
        .filter(|packet| (1..=2).contains(&packet.len()));
    assert!(marks.count() >= 1, "nothing says that silence began");
    let always = encode(Settings::default(), &pcm);
    assert!(always.iter().all(|packet| !packet.is_empty()));
}

#[test]
fn the_bitrate_is_kept_to() {
    let pcm = speech(RATE, 4000);
    for bits in [8_000, 16_000, 24_000, 64_000] {
        let settings = Settings {
            bitrate: Some(bits),
            ..Settings::default()
        };
        let bytes: usize = encode(settings, &pcm).iter().map(Vec::len).sum();
        let measured = bytes as u32 * 8 / 4;
        let allowed = bits + bits / 5;
        assert!(measured < allowed, "asked for {bits} bit/s, got {measured}");
    }
}

#[test]
fn a_stereo_packet_is_heard_from_both_sides_at_once() {
    use ::opus::{Application, Channels, Encoder as Library};
    let mut library = Library::new(48_000, Channels::Stereo, Application::Audio).unwrap();
    let rate = SampleRate::Hz48000;
    let mut decoder = Decoder::new(AudioCodec::Opus, rate).unwrap();
    let mono = crate::codec::testing::tone(rate, 440.0, 8000.0, 400);
    let mut heard = vec![0; rate.samples(20)];
    let mut payload = [0; 1500];
    for side in [0, 1] {
        let stereo: Vec<i16> = mono
            .iter()
            .flat_map(|sample| {
                if side == 0 {
                    [*sample, 0]
                } else {
                    [0, *sample]
                }
            })
            .collect();
        for packet in stereo.chunks_exact(2 * rate.samples(20)) {
            let len = library.encode(packet, &mut payload).unwrap();
            let samples = decoder.decode(&payload[..len], &mut heard);
            assert_eq!(samples, Ok(rate.samples(20)));
        }
        let level = power(&heard).sqrt() / power(&mono).sqrt();
        assert!(
            (0.4..0.6).contains(&level),
            "half of one side is {level:.2}"
        );
    }
}

#[test]
fn each_length_that_packets_have_is_decoded() {
    use ::opus::{Application, Channels, Encoder as Library};
    for rate in AudioCodec::Opus.rates() {
        let application = Application::Voip;
        let mut library = Library::new(rate.hz(), Channels::Mono, application).unwrap();
        let mut decoder = Decoder::new(AudioCodec::Opus, *rate).unwrap();
        let mut out = [0; MAX_PACKET_SAMPLES];
        let pcm = speech(*rate, 120);
        let mut payload = [0; 6000];
        for tenths in [25, 50, 100, 200, 400, 600, 800, 1000, 1200] {
            let samples = rate.per_ms() * tenths / 10;
            let len = library.encode(&pcm[..samples], &mut payload).unwrap();
            let payload = &payload[..len];
            assert_eq!(AudioCodec::Opus.samples_of(payload, *rate), Ok(samples));
            assert_eq!(decoder.decode(payload, &mut out), Ok(samples));
        }
    }
}

#[test]
fn packets_that_contradict_themselves_are_refused() {
    let mut decoder = Decoder::new(AudioCodec::Opus, RATE).unwrap();
    let mut out = [0; MAX_PACKET_SAMPLES];
    for (why, packet) in [
        ("two equal frames in an odd length", &[0x09, 1, 2, 3][..]),
        ("a frame longer than the packet", &[0x0a, 200, 1, 2]),
        ("no count of frames", &[0x0b]),
        ("zero frames", &[0x0b, 0]),
        ("more than 120 ms", &[0x1b, 3, 1, 1, 1]),
        ("padding longer than the packet", &[0x0b, 0x41, 255, 255, 9]),
    ] {
        let decoded = decoder.decode(packet, &mut out);
        assert_eq!(decoded, Err(DecodeError::Malformed), "{why}");
        decoder.recover(packet, &mut out[..PACKET]);
    }
}

#[test]
fn speech_is_followed_closely_where_bits_are_plenty() {
    for rate in AudioCodec::Opus.rates() {
        let sent = speech(*rate, 2000);
        let settings = Settings {
            bitrate: Some(96_000),
            ..Settings::default()
        };
        let heard = round_trip(AudioCodec::Opus, *rate, settings, 20, &sent);
        let (ratio, delay) = snr(&sent, &heard, rate.samples(15));
        assert!(ratio > 10.0, "{rate:?}: {ratio:.1} dB at {delay} samples");
    }
}
