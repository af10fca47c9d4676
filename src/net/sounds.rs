//! The files of sounds that the configuration names, read once at the start.

use std::path::Path;
use std::sync::Arc;

use media::sound::{Sound, SoundId};

use super::StartError;
use crate::call::config::Sounds;
use crate::config::Media;

/// No sound of ten minutes is larger: 32-bit samples at 192 kHz would be, but for a few seconds.
const MAX_FILE: u64 = 512 * 1024 * 1024;

/// All sounds, and which is played when.
///
/// # Errors
/// The key, the file and what is wrong with it.
pub(super) fn load(config: &Media) -> Result<(Arc<[Sound]>, Sounds), StartError> {
    let mut all = Vec::new();
    let mut played = Sounds::default();
    if let Some(path) = &config.music_on_hold {
        let music = read("media.music_on_hold", path)?;
        played.music_on_hold = add(&mut all, music.repeated());
    }
    if let Some(ringback) = config.ringback {
        let tone = ringback.sound();
        played.ringback = tone.ok().and_then(|tone| add(&mut all, tone));
    }
    Ok((all.into(), played))
}

fn add(all: &mut Vec<Sound>, sound: Sound) -> Option<SoundId> {
    let id = u16::try_from(all.len()).ok()?;
    all.push(sound);
    Some(SoundId(id))
}

fn read(key: &'static str, path: &Path) -> Result<Sound, StartError> {
    let fault = |problem: String| StartError::Sound {
        key,
        path: path.to_owned(),
        problem,
    };
    let unreadable = |error: std::io::Error| fault(format!("cannot be read: {error}"));
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_FILE {
        return Err(fault(format!("is larger than {} MB", MAX_FILE >> 20)));
    }
    let file = std::fs::read(path).map_err(unreadable)?;
    let sound = Sound::read(&file).map_err(|error| fault(error.to_string()))?;
    tracing::info!(key, length_s = sound.length().as_secs(), "sound read");
    Ok(sound)
}

#[cfg(test)]
mod tests;
