use crate::codec::comfort_noise::{ComfortNoise, MAX_DESCRIPTION, describe};
use crate::codec::testing::{db, power};
use crate::codec::{AudioCodec, Decoder, SampleRate};

/// Noise, the low frequencies of which are louder if `dull`.
fn noise(rms: f64, dull: f64, len: usize) -> Vec<i16> {
    let mut state = 0x1234_5678_9abc_def1_u64;
    let mut past = 0.0;
    let raw: Vec<f64> = (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            past = past * dull + (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
            past
        })
        .collect();
    let mean: f64 = raw.iter().map(|value| value * value).sum::<f64>() / len as f64;
    raw.iter()
        .map(|value| (value * rms / mean.sqrt()) as i16)
        .collect()
}

/// How alike a sample and the one before it are: what makes noise dull.
fn dullness(pcm: &[i16]) -> f64 {
    let products = pcm
        .windows(2)
        .map(|pair| f64::from(pair[0]) * f64::from(pair[1]));
    products.sum::<f64>() / (power(pcm) * pcm.len() as f64)
}

fn generate(payload: &[u8], len: usize) -> Vec<i16> {
    let mut generator = ComfortNoise::new();
    assert!(generator.update(payload));
    let mut heard = vec![0; len];
    generator.generate(&mut heard);
    heard
}

#[test]
fn noise_is_described_so_that_it_sounds_like_it_again() {
    for rms in [20.0, 100.0, 1000.0] {
        for dull in [0.0, 0.5, 0.9] {
            let sent = noise(rms, dull, 8000);
            let mut payload = [0; MAX_DESCRIPTION];
            assert_eq!(describe(&sent[..480], &mut payload), MAX_DESCRIPTION);
            let heard = generate(&payload, 16_000);
            let change = db(power(&heard).sqrt() / power(&sent[..480]).sqrt());
            assert!(change.abs() < 2.0, "{rms} {dull}: {change:+.1} dB");
            let (sent, heard) = (dullness(&sent[..480]), dullness(&heard));
            assert!(
                (sent - heard).abs() < 0.15,
                "dullness {sent:.2} became {heard:.2}"
            );
        }
    }
}

#[test]
fn a_level_alone_is_white_noise_of_it() {
    for level in [20_u8, 40, 60] {
        let heard = generate(&[level], 16_000);
        let loud = db(power(&heard).sqrt() / 32_768.0);
        assert!(
            (loud + f64::from(level)).abs() < 0.5,
            "{level}: {loud:.1} dBov"
        );
        assert!(dullness(&heard).abs() < 0.05);
    }
}

#[test]
fn nothing_is_heard_before_a_description_and_next_to_nothing_of_silence() {
    let mut generator = ComfortNoise::default();
    assert!(!generator.update(&[]));
    let mut heard = vec![1; 800];
    generator.generate(&mut heard);
    assert!(heard.iter().all(|sample| *sample == 0));
    let mut payload = [0; MAX_DESCRIPTION];
    describe(&[0; 160], &mut payload);
    assert!(power(&generate(&payload, 8000)) < 1.0);
    assert_eq!(describe(&[0; 160], &mut [0; 3]), 0);
}

#[test]
fn whatever_is_described_stays_within_bounds() {
    for fill in 0..=255 {
        for len in [1, 2, 9, 17, 300] {
            let mut payload = vec![fill; len];
            payload[0] = 0;
            let heard = generate(&payload, 4000);
            assert_eq!(heard.len(), 4000);
        }
    }
}

#[test]
fn a_new_level_is_approached_without_a_jump() {
    let mut generator = ComfortNoise::new();
    generator.update(&[60]);
    let mut heard = vec![0; 1600];
    generator.generate(&mut heard);
    generator.update(&[30]);
    let mut next = vec![0; 80];
    generator.generate(&mut next);
    let first = power(&next).sqrt();
    assert!(first < 32_768.0 * 0.031 / 2.0, "{first:.0} after 10 ms");
    let mut later = vec![0; 8000];
    generator.generate(&mut later);
    assert!(power(&later[4000..]).sqrt() > first * 2.0);
}

#[test]
fn silence_of_g729_is_comfort_noise_until_the_next_frame() {
    let rate = SampleRate::Hz8000;
    let mut decoder = Decoder::new(AudioCodec::G729, rate).unwrap();
    let mut heard = [0; 80];
    // A flat enough spectrum; energy 20 of 31 is 44 dB.
    let sid = (20_u16 << 1).to_be_bytes();
    assert_eq!(AudioCodec::G729.samples_of(&sid, rate), Ok(80));
    assert_eq!(decoder.decode(&sid, &mut heard), Ok(80));
    let mut silence = vec![0; 80 * 100];
    decoder.conceal(&mut silence);
    let (begin, end) = (
        power(&silence[..4000]).sqrt(),
        power(&silence[4000..]).sqrt(),
    );
    assert!(end > 50.0, "the noise is gone: {end:.0}");
    assert!(
        db(end / begin).abs() < 2.0,
        "the noise changes from {begin:.0} to {end:.0}"
    );
}
