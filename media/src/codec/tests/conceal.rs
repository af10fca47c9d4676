use crate::codec::testing::{db, power, speech, tone, widest_step};
use crate::codec::{AudioCodec, Decoder, Encoder, MAX_PAYLOAD, SampleRate, Settings, SpeexBand};

const CODERS: &[(AudioCodec, SampleRate)] = &[
    (AudioCodec::Pcmu, SampleRate::Hz8000),
    (AudioCodec::Pcma, SampleRate::Hz8000),
    (AudioCodec::G722, SampleRate::Hz16000),
    (AudioCodec::G729, SampleRate::Hz8000),
    (AudioCodec::Speex(SpeexBand::Narrow), SampleRate::Hz8000),
    (AudioCodec::Speex(SpeexBand::Wide), SampleRate::Hz16000),
    (AudioCodec::Speex(SpeexBand::UltraWide), SampleRate::Hz32000),
    (AudioCodec::Opus, SampleRate::Hz8000),
    (AudioCodec::Opus, SampleRate::Hz48000),
    (AudioCodec::L16(SampleRate::Hz16000), SampleRate::Hz16000),
    (AudioCodec::L16(SampleRate::Hz48000), SampleRate::Hz48000),
];

/// Sends in packets of 20 ms, of which those do not arrive that `lost` names.
fn listen(
    codec: AudioCodec,
    rate: SampleRate,
    pcm: &[i16],
    lost: impl Fn(usize) -> bool,
) -> Vec<i16> {
    let mut encoder = Encoder::new(codec, rate, Settings::default()).unwrap();
    let mut decoder = Decoder::new(codec, rate).unwrap();
    let mut payload = [0; MAX_PAYLOAD];
    let packet = rate.samples(20);
    let mut heard = vec![0; pcm.len() / packet * packet];
    let packets = pcm.chunks_exact(packet).zip(heard.chunks_exact_mut(packet));
    for (number, (pcm, heard)) in packets.enumerate() {
        let len = encoder.encode(pcm, &mut payload).unwrap();
        if lost(number) {
            decoder.conceal(heard);
        } else {
            assert_eq!(decoder.decode(&payload[..len], heard), Ok(packet));
        }
    }
    heard
}

#[test]
fn a_gap_does_not_click_at_either_end() {
    for (codec, rate) in CODERS {
        for hz in [150.0, 300.0, 440.0] {
            let sent = tone(*rate, hz, 8000.0, 400);
            let whole = listen(*codec, *rate, &sent, |_| false);
            let broken = listen(*codec, *rate, &sent, |number| (8..10).contains(&number));
            let (usual, step) = (widest_step(&whole), widest_step(&broken));
            assert!(
                step <= 2 * usual,
                "{codec:?} {rate:?} {hz} Hz: a step of {step}, without a gap {usual}"
            );
        }
    }
}

#[test]
fn a_short_gap_in_a_voice_is_hardly_missed() {
    for (codec, rate) in CODERS {
        let sent = speech(*rate, 3000);
        let whole = listen(*codec, *rate, &sent, |_| false);
        let broken = listen(*codec, *rate, &sent, |number| number % 20 == 19);
        let missing = |heard: &[i16]| -> f64 {
            let packets = heard.chunks_exact(rate.samples(20)).enumerate();
            let missing = packets.filter(|(number, _)| number % 20 == 19);
            missing.map(|(_, packet)| power(packet)).sum()
        };
        let change = db((missing(&broken) / missing(&whole)).sqrt());
        // G.729 4.4 lets a voice fall by a tenth each 5 ms, and drops half of its excitation.
        let bound = if *codec == AudioCodec::G729 { 6.0 } else { 4.0 };
        assert!(
            change.abs() < bound,
            "{codec:?} {rate:?}: gaps are filled at {change:+.1} dB"
        );
    }
}

#[test]
fn a_long_gap_fades_to_silence() {
    for (codec, rate) in CODERS {
        let sent = tone(*rate, 300.0, 8000.0, 1000);
        let heard = listen(*codec, *rate, &sent, |number| number >= 25);
        let packet = rate.samples(20);
        let level = |number: usize| power(&heard[number * packet..][..packet]).sqrt();
        let first = db(level(25) / level(24));
        assert!(
            first > -6.0,
            "{codec:?}: the first packet of a gap is {first:.1} dB lower"
        );
        assert!(
            level(26) < level(25) && level(27) < level(26),
            "{codec:?} does not fade"
        );
        assert!(
            level(40) < 5.0,
            "{codec:?} is not silent after 300 ms: {:.0}",
            level(40)
        );
    }
}

#[test]
fn a_gap_before_anything_was_heard_is_silent() {
    for (codec, rate) in CODERS {
        let mut decoder = Decoder::new(*codec, *rate).unwrap();
        let mut heard = vec![1; rate.samples(60)];
        decoder.conceal(&mut heard);
        assert!(heard.iter().all(|sample| sample.abs() <= 8), "{codec:?}");
    }
}
