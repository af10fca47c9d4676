//! A disk on which there is no room left.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::mpsc::sync_channel;

use media::recording::FileFormat;
use tokio::sync::mpsc::channel;

use super::*;
use crate::call::io::RecordingOutcome;

const ID: RecordingId = RecordingId(5);

#[test]
fn a_disk_that_becomes_full_ends_the_recording_without_a_file_and_with_what_to_do() {
    let ends: [fn(&mut Thread, Instant); 2] = [
        |thread, _| thread.write_on(),
        |thread, at| thread.obey(RecordingOrder::End { id: ID, at }),
    ];
    for end in ends {
        let place = tempfile::tempdir().unwrap();
        let settings = RecorderSettings {
            directory: place.path().to_owned(),
            format: FileFormat::Wav,
            max_length: Duration::from_secs(60),
        };
        let (_way, tasks) = sync_channel(1);
        let (complete, completed) = sync_channel(1);
        let (reports, mut received) = channel(1);
        let mut thread = Thread::new(settings, tasks, complete, reports);
        let at = Instant::now();
        let file = "a-1.wav".to_owned();
        thread.obey(RecordingOrder::Begin { id: ID, file, at });
        let running = thread.running.get_mut(&ID).unwrap();
        running.part.write_to_full_disk();
        end(&mut thread, at);
        let report = received.try_recv().unwrap();
        let RecordingOutcome::Failed(sentence) = report.outcome else {
            panic!("it goes on")
        };
        assert!(sentence.starts_with("there is no room in /"), "{sentence}");
        assert!(thread.running.is_empty() && completed.try_recv().is_err());
        let left = std::fs::read_dir(place.path()).unwrap().count();
        assert_eq!(left, 0, "nothing takes the room that there is not");
    }
}
