use crate::codec::resample::Resampler;
use crate::codec::testing::{db, level_at, power, snr, speech, tone, tone_to_noise};
use crate::codec::{MAX_PACKET_SAMPLES, SampleRate};

fn resample(from: SampleRate, to: SampleRate, pcm: &[i16]) -> Vec<i16> {
    let mut resampler = Resampler::new(from, to);
    let mut out = [0; MAX_PACKET_SAMPLES];
    let mut heard = Vec::new();
    for packet in pcm.chunks_exact(from.samples(20)) {
        let len = resampler.process(packet, &mut out).unwrap();
        assert_eq!(len, to.samples(20));
        heard.extend(&out[..len]);
    }
    heard
}

fn pairs() -> impl Iterator<Item = (SampleRate, SampleRate)> {
    let all = SampleRate::ALL.into_iter();
    all.flat_map(|from| SampleRate::ALL.into_iter().map(move |to| (from, to)))
}

#[test]
fn tones_keep_their_level_and_nothing_comes_with_them() {
    for (from, to) in pairs() {
        for hz in [300.0, 1004.0, 3000.0, 3200.0] {
            let heard = resample(from, to, &tone(from, hz, 8000.0, 600));
            let settled = &heard[heard.len() - to.samples(500)..];
            let change = db(level_at(to, hz, settled) / 8000.0);
            let noise = tone_to_noise(to, hz, settled);
            let what = format!("{from:?} to {to:?}, {hz} Hz");
            assert!(change.abs() < 0.3, "{what}: {change:+.2} dB");
            assert!(noise > 55.0, "{what}: noise {noise:.0} dB below");
        }
    }
}

#[test]
fn what_the_lower_rate_has_no_room_for_is_left_out() {
    for (from, to) in pairs().filter(|(from, to)| from > to) {
        let hz = f64::from(to.hz()) * 0.55;
        let heard = resample(from, to, &tone(from, hz, 8000.0, 600));
        let left = db(power(&heard[to.samples(100)..]).sqrt() / 8000.0);
        assert!(left < -50.0, "{from:?} to {to:?}: {left:.0} dB are left");
    }
}

#[test]
fn sound_is_late_by_what_is_said_and_by_at_most_2_ms() {
    for (low, high) in pairs().filter(|(low, high)| low < high) {
        let sent = speech(low, 1000);
        let up = Resampler::new(low, high);
        let down = Resampler::new(high, low);
        assert!(up.delay() <= high.samples(2) && down.delay() <= low.samples(2));
        let heard = resample(high, low, &resample(low, high, &sent));
        let (ratio, delay) = snr(&sent, &heard, low.samples(6));
        // On the way up the delay is as long as on the way down, to the nearest sample.
        assert_eq!(delay, 2 * down.delay(), "{low:?} to {high:?} and back");
        let exact = down.delay() * high.per_ms();
        assert!(2 * exact.abs_diff(up.delay() * low.per_ms()) <= low.per_ms());
        assert!(ratio > 15.0, "{low:?} to {high:?} and back: {ratio:.1} dB");
    }
}

#[test]
fn packets_of_any_length_are_as_good_as_one() {
    for (from, to) in pairs() {
        let sent = speech(from, 100);
        let whole = {
            let mut out = vec![0; 2 * MAX_PACKET_SAMPLES];
            let len = Resampler::new(from, to).process(&sent, &mut out).unwrap();
            out.truncate(len);
            out
        };
        let mut resampler = Resampler::new(from, to);
        let mut heard = Vec::new();
        for packet in sent.chunks(37) {
            let mut out = vec![0; resampler.len_after(packet.len())];
            assert_eq!(resampler.process(packet, &mut out), Some(out.len()));
            heard.extend(out);
        }
        assert!(heard == whole, "{from:?} to {to:?}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut resampler = Resampler::new(SampleRate::Hz8000, SampleRate::Hz48000);
    let mut out = [0; 100];
    assert_eq!(resampler.process(&[0; 160], &mut out), None);
    let mut out = vec![0; 100_000];
    assert_eq!(
        resampler.process(&vec![0; MAX_PACKET_SAMPLES + 1], &mut out),
        None
    );
    assert_eq!(resampler.process(&[0; 160], &mut out), Some(960));
}
