//! Joins between pieces of sound that do not fit together.

/// Lets what was heard die away into what comes: `heard` is played on backwards, so that there
/// is no step, while it fades and `next` rises.
pub fn join(heard: &[i16], next: &mut [i16], fade: usize) {
    let fade = fade.min(next.len());
    let mirrored = heard.iter().rev().map(|it| i32::from(*it));
    let mirrored = mirrored.chain(std::iter::repeat(0));
    for (n, (to, from)) in next.iter_mut().take(fade).zip(mirrored).enumerate() {
        // Neither the lengths nor the samples come near the limits of 64 bits.
        let (n, all) = (n as i64 + 1, fade as i64 + 1);
        let mixed = (i64::from(from) * (all - n) + i64::from(*to) * n) / all;
        *to = mixed.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    }
}

/// Lets sound rise from silence over its first `fade` samples.
pub fn fade_in(sound: &mut [i16], fade: usize) {
    join(&[], sound, fade);
}

/// Lets sound fall to silence over its last `fade` samples.
pub fn fade_out(sound: &mut [i16], fade: usize) {
    let fade = fade.min(sound.len());
    for (n, sample) in sound.iter_mut().rev().take(fade).enumerate() {
        let (n, all) = (n as i64, fade as i64);
        *sample = (i64::from(*sample) * n / all) as i16;
    }
}
