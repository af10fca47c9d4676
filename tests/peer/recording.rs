//! A call that is recorded by the real server: both sides say a tone, and the file has each in a
//! channel of its own.

use rtc::rtp_transceiver::rtp_sender::RtpCodecKind::Audio;
use serde_json::Value;

use super::calls::Call;
use super::make::{AUDIO, Make};
use super::tone::speak;

const SOUND: Make = Make {
    g711: true,
    ..AUDIO
};

/// The power of a tone in parts of all, in a channel of 16 kHz.
fn share(samples: &[f64], hz: f64) -> f64 {
    let (mut re, mut im, mut power) = (0.0, 0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let (sin, cos) = (std::f64::consts::TAU * hz * at as f64 / 16_000.0).sin_cos();
        re += sample * cos;
        im += sample * sin;
        power += sample * sample;
    }
    2.0 * (re * re + im * im) / samples.len() as f64 / f64::max(power, 1.0)
}

#[tokio::test]
async fn a_call_that_is_recorded_has_each_side_in_its_channel_of_the_file() {
    let settings = "[recording]\nmode = \"all\"\nformat = \"wav\"\n";
    let mut call = Call::between(settings, SOUND, SOUND).await;
    let speaking = [
        speak(&call.alice.agent, 440.0),
        speak(&call.bob.agent, 1_000.0),
    ];
    for agent in [&call.alice.agent, &call.bob.agent] {
        let enough = |it: &super::record::Heard| (it.delivered(Audio).len() >= 75).then_some(());
        agent.record.until("a second and a half", enough).await;
    }
    let directory = call.server().place.path().join("recordings");
    let answer = call.server().request("GET", "/api/v1/calls", &[]);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let calls: Value = serde_json::from_str(body).unwrap();
    let recording = &calls[0]["recordings"][0];
    assert_eq!(recording["state"], "running");
    let file = recording["file"].as_str().unwrap().to_owned();
    assert!(!directory.join(&file).exists(), "it is not complete");
    call.hang_up().await;
    for speaking in speaking {
        speaking.abort();
    }
    let server = call.server();
    server.wait_for_line(&format!("recorded in {file}"));
    let kept = server.wait_for_line(" s in 20");
    assert!(kept.ends_with(&file), "{kept}");
    let bytes = std::fs::read(directory.join(&file)).unwrap();
    let samples: Vec<f64> = bytes[44..]
        .chunks_exact(2)
        .map(|it| f64::from(i16::from_le_bytes([it[0], it[1]])))
        .collect();
    let side = |place| samples.iter().skip(place).step_by(2).copied();
    let (left, right): (Vec<f64>, Vec<f64>) = (side(0).collect(), side(1).collect());
    // Half a second of it, a second before the end.
    let part = |all: &[f64]| all[all.len() - 16_000..][..8_000].to_vec();
    let (left, right) = (part(&left), part(&right));
    let (alice, bob) = (share(&left, 440.0), share(&right, 1_000.0));
    assert!(alice > 0.95 && bob > 0.95, "{alice} {bob}");
    let foreign = (share(&left, 1_000.0), share(&right, 440.0));
    assert!(foreign.0 < 0.001 && foreign.1 < 0.001, "{foreign:?}");
}

/// Status and body of an answer of the API.
fn ask(call: &mut Call, method: &str, path: &str) -> (String, Value) {
    let answer = call.server().request(method, path, &[]);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().to_owned();
    (status, serde_json::from_str(body).unwrap_or_default())
}

fn names(directory: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[tokio::test]
async fn on_request_a_call_is_recorded_in_whole_files_and_a_crash_leaves_no_other() {
    let settings = "[recording]\nmode = \"accounts\"\ndirectory = \"calls\"\n";
    let mut call = Call::between(settings, SOUND, SOUND).await;
    let speaking = speak(&call.alice.agent, 440.0);
    let (_, calls) = ask(&mut call, "GET", "/api/v1/calls");
    assert_eq!(calls[0]["recordings"], Value::Array(Vec::new()));
    let path = format!(
        "/api/v1/calls/{}/recording",
        calls[0]["id"].as_str().unwrap()
    );
    let (status, refused) = ask(&mut call, "DELETE", &path);
    assert_eq!(status, "409");
    assert_eq!(refused["error"], "The call is not recorded.");
    let (status, first) = ask(&mut call, "POST", &path);
    assert_eq!(status, "201", "{first}");
    let first = first["file"].as_str().unwrap().to_owned();
    let heard = |it: &super::record::Heard| (it.delivered(Audio).len() >= 25).then_some(());
    call.bob.agent.record.until("half a second", heard).await;
    assert_eq!(ask(&mut call, "DELETE", &path).0, "204");
    let directory = call.server().place.path().join("calls");
    let kept = call.server().wait_for_line(" s in 20");
    assert!(kept.ends_with(&first) && first.ends_with(".ogg"), "{kept}");
    assert_eq!(names(&directory).join(" "), first);

    let (_, second) = ask(&mut call, "POST", &path);
    let second = second["file"].as_str().unwrap().to_owned();
    let part = format!(".{second}.callbox-part");
    let heard = |it: &super::record::Heard| (it.delivered(Audio).len() >= 75).then_some(());
    call.bob.agent.record.until("another second", heard).await;
    let server = call.server();
    server.signal(nix::sys::signal::Signal::SIGKILL);
    server.wait();
    speaking.abort();
    let mut left = names(&directory);
    left.sort();
    assert_eq!(left, [part.clone(), first.clone()]);
    server.start_again();
    server.wait_for_line(&format!("removed {part}"));
    assert_eq!(names(&directory), [first]);
}
