use crate::codec::testing::{db, power, round_trip, speech};
use crate::codec::{AudioCodec, DecodeError, SampleRate, Settings};

const RATE: SampleRate = SampleRate::Hz8000;

#[test]
fn speech_keeps_its_level_and_the_course_of_it() {
    let sent = speech(RATE, 3000);
    let heard = round_trip(AudioCodec::G729, RATE, Settings::default(), 20, &sent);
    let change = db((power(&heard) / power(&sent)).sqrt());
    assert!(change.abs() < 1.5, "{change:+.1} dB");
    let courses = |pcm: &[i16]| -> Vec<f64> { pcm.chunks(400).map(power).collect() };
    let loud = courses(&sent).into_iter().zip(courses(&heard));
    let steps: Vec<f64> = loud
        .filter(|(sent, _)| *sent > 10_000.0)
        .map(|(sent, heard)| db((heard / sent).sqrt()).abs())
        .collect();
    let mean = steps.iter().sum::<f64>() / steps.len() as f64;
    assert!(
        steps.len() > 30 && mean < 3.0,
        "the level strays by {mean:.1} dB"
    );
}

#[test]
fn payloads_of_frames_and_a_description_of_silence_are_measured() {
    for (bytes, samples) in [
        (10, Ok(80)),
        (2, Ok(80)),
        (20, Ok(160)),
        (12, Ok(160)),
        (22, Ok(240)),
        (120, Ok(960)),
        (130, Err(DecodeError::TooLong)),
        (1, Err(DecodeError::Malformed)),
        (11, Err(DecodeError::Malformed)),
        (19, Err(DecodeError::Malformed)),
        (0, Err(DecodeError::Empty)),
    ] {
        let payload = vec![0; bytes];
        assert_eq!(
            AudioCodec::G729.samples_of(&payload, RATE),
            samples,
            "{bytes} bytes"
        );
    }
}
