//! The files of sounds that the configuration names, read once at the start.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use media::sound::{Sound, SoundId};

use super::StartError;
use crate::call::config::{Announcement, Sounds};
use crate::config::Config;

/// A caller who is told why waits for his refusal so long.
const MAX_ANNOUNCEMENT: Duration = Duration::from_secs(60);

/// No sound of ten minutes is larger: 32-bit samples at 192 kHz would be, but for a few seconds.
const MAX_FILE: u64 = 512 * 1024 * 1024;

/// All sounds, and which is played when.
///
/// # Errors
/// The key, the file and what is wrong with it.
pub(super) fn load(config: &Config) -> Result<(Arc<[Sound]>, Sounds), StartError> {
    let mut all = Vec::new();
    let mut played = Sounds::default();
    if let Some(path) = &config.media.music_on_hold {
        let music = read("media.music_on_hold", path)?;
        played.music_on_hold = add(&mut all, music.repeated());
    }
    if let Some(ringback) = config.media.ringback {
        let tone = ringback.sound();
        played.ringback = tone.ok().and_then(|tone| add(&mut all, tone));
    }
    for (code, path) in &config.announcements {
        let sound = read("announcements", path)?;
        let length = sound.length();
        if length > MAX_ANNOUNCEMENT {
            return Err(StartError::Sound {
                key: "announcements",
                path: path.clone(),
                problem: format!(
                    "lasts {} s, longer than the {} s that an announcement may last",
                    length.as_secs(),
                    MAX_ANNOUNCEMENT.as_secs()
                ),
            });
        }
        if let Some(sound) = add(&mut all, sound) {
            played
                .announcements
                .insert(code, Announcement { sound, length });
        }
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
