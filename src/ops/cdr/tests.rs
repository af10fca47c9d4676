use std::os::unix::fs::PermissionsExt;

use super::super::log;
use super::*;

fn lines(file: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.ends_with('\n'));
    let lines = text.lines();
    lines.map(|it| serde_json::from_str(it).unwrap()).collect()
}

#[tokio::test]
async fn a_call_that_is_over_is_one_line_that_its_user_alone_can_read() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("calls.jsonl");
    let (records, writer) = open(&file).unwrap();
    records.take(&log::tests::record(log::tests::call()));
    records.take(&log::tests::record(log::tests::call()));
    drop(records);
    writer.run().await;
    let lines = lines(&file);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["call"]["caller"], "alice@localhost");
    assert_eq!(lines[0]["talked_ms"], 34_000);
    assert_eq!(lines[0]["end"]["code"], "hung_up");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_was_moved_away_is_begun_anew() {
    let home = tempfile::tempdir().unwrap();
    let (file, moved) = (home.path().join("calls"), home.path().join("calls.1"));
    append(&file, "{\"n\":1}\n").unwrap();
    std::fs::rename(&file, &moved).unwrap();
    append(&file, "{\"n\":2}\n").unwrap();
    assert_eq!(
        (
            lines(&moved)[0]["n"].as_u64(),
            lines(&file)[0]["n"].as_u64()
        ),
        (Some(1), Some(2))
    );
}

#[test]
fn a_line_that_a_crash_tore_spoils_no_other() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("calls");
    std::fs::write(&file, "{\"n\":1}\n{\"n\":").unwrap();
    append(&file, "{\"n\":2}\n").unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, "{\"n\":1}\n{\"n\":\n{\"n\":2}\n");
}

/// Its directory is gone for a while, as where a disk is not mounted.
#[tokio::test(start_paused = true)]
async fn records_wait_while_the_file_cannot_be_written() {
    let home = tempfile::tempdir().unwrap();
    let (disk, away) = (home.path().join("disk"), home.path().join("away"));
    std::fs::create_dir(&disk).unwrap();
    let file = disk.join("calls");
    let (records, writer) = open(&file).unwrap();
    std::fs::rename(&disk, &away).unwrap();
    let over = async {
        records.take(&log::tests::record(log::tests::call()));
        tokio::time::sleep(3 * RETRY).await;
        assert!(!file.exists());
        std::fs::rename(&away, &disk).unwrap();
        tokio::time::sleep(2 * RETRY).await;
        drop(records);
    };
    tokio::join!(writer.run(), over);
    assert_eq!(lines(&file).len(), 1);
}

#[tokio::test]
async fn beyond_the_records_that_may_wait_calls_go_on_and_the_first_are_kept() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("calls");
    let (records, writer) = open(&file).unwrap();
    for _ in 0..MAX_WAITING + 10 {
        records.take(&log::tests::record(log::tests::call()));
    }
    drop(records);
    writer.run().await;
    assert_eq!(lines(&file).len(), MAX_WAITING);
}

#[test]
fn a_file_that_cannot_be_made_is_known_at_once() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("no such directory/calls");
    assert_eq!(open(&file).err().unwrap().kind(), io::ErrorKind::NotFound);
}
