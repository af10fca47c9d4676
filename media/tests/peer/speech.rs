//! Speech, and how good it still is at the far end: by PESQ (ITU-T P.862, P.862.2).
//!
//! Needs what `./test` installs: ffmpeg, which speaks, and the Python package `pesq`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use media::codec::SampleRate;

/// Harvard sentences, list 1 (IEEE 297-1969), said by two voices.
const SENTENCES: [(&str, &str); 2] = [
    ("slt", "The birch canoe slid on the smooth planks."),
    ("rms", "Glue the sheet to the dark blue background."),
];

/// Prints one score a line for lines of: `nb` or `wb`, rate, original, what was heard. PESQ knows 8 and
/// 16 kHz; of what has more it hears every two samples as one.
const SCORER: &str = "
import sys, numpy, pesq
for line in sys.stdin:
    mode, rate, original, heard = line.split()
    original, heard = (numpy.fromfile(it, dtype='<i2') for it in (original, heard))
    rate = int(rate)
    if rate == 32000:
        halves = (it[:len(it) // 2 * 2].reshape(-1, 2) for it in (original, heard))
        original, heard = (it.mean(axis=1).astype('<i2') for it in halves)
        rate = 16000
    print(pesq.pesq(rate, original, heard, mode))
";

/// A woman and a man speak at this rate, some six seconds.
pub fn speech(rate: SampleRate) -> Vec<i16> {
    static SAID: Mutex<BTreeMap<u32, Vec<i16>>> = Mutex::new(BTreeMap::new());
    let mut said = SAID.lock().unwrap();
    let said = said.entry(rate.hz()).or_insert_with(|| say(rate));
    said.clone()
}

fn say(rate: SampleRate) -> Vec<i16> {
    let mut sound = Vec::new();
    for (voice, text) in SENTENCES {
        let source = format!("flite=voice={voice}:text={text}");
        let hz = rate.hz().to_string();
        let done = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", &source])
            .args(["-ar", &hz, "-ac", "1", "-f", "s16le", "-"])
            .output()
            .unwrap_or_else(|error| panic!("ffmpeg, which ./test installs: {error}"));
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "ffmpeg: {said}");
        let (samples, _) = done.stdout.as_chunks();
        sound.extend(samples.iter().map(|it| i16::from_le_bytes(*it)));
    }
    let frame = rate.samples(20);
    sound.truncate(sound.len() / frame * frame);
    sound
}

/// What was heard of speech.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Of both.
    pub rate: SampleRate,
    /// Up to 7 kHz counts (P.862.2), or up to 3.4 kHz (P.862).
    pub wide: bool,
    pub original: Vec<i16>,
    pub sound: Vec<i16>,
}

/// The listening quality of each, MOS-LQO: 1 is bad, 4.6 is as it was.
pub fn scores(heard: &[Heard]) -> Vec<f64> {
    let scratch = Scratch::new();
    let mut lines = String::new();
    for (number, it) in heard.iter().enumerate() {
        let original = scratch.write(&format!("{number}-original"), &it.original);
        let sound = scratch.write(&format!("{number}-heard"), &it.sound);
        let mode = if it.wide { "wb" } else { "nb" };
        let (hz, original, sound) = (it.rate.hz(), original.display(), sound.display());
        writeln!(lines, "{mode} {hz} {original} {sound}").unwrap();
    }
    let python = python();
    let mut scorer = Command::new(&python)
        .args(["-c", SCORER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            let python = python.display();
            panic!("{python}, which ./test installs with the package pesq: {error}")
        });
    let mut input = scorer.stdin.take().unwrap();
    input.write_all(lines.as_bytes()).unwrap();
    drop(input);
    let done = scorer.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "pesq: {said}");
    let printed = String::from_utf8(done.stdout).unwrap();
    printed.lines().map(|line| line.parse().unwrap()).collect()
}

/// Of the virtual environment below the target directory.
fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("tools/pesq/bin/python")
}

/// A directory for as long as it is needed.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let made = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("pesq-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&made).unwrap();
        Self(made)
    }

    fn write(&self, name: &str, pcm: &[i16]) -> PathBuf {
        let path = self.0.join(name);
        let bytes: Vec<u8> = pcm.iter().flat_map(|it| it.to_le_bytes()).collect();
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left lies in the target directory.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
