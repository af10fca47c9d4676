//! From samples to payloads.

use super::g711::{self, Law};
use super::{AudioCodec, CodecError, EncodeError, SampleRate, g722, g729, l16, opus, speex};

/// What an encoder can be told. A coder ignores what it has no use for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How much work is spent on a good sound, 0 to 10 (Opus and Speex).
    pub complexity: u8,
    /// Bits a second at the most, `None` for the coder's own choice (Opus: `maxaveragebitrate`
    /// of RFC 7587 6.1; Speex: its quality is chosen by it).
    pub bitrate: Option<u32>,
    /// Repeat each packet in the next one in short, so that one lost can be recovered (Opus).
    /// How much is spent on that depends on the expected loss.
    pub fec: bool,
    /// How many packets of a hundred get lost at the receiver (Opus).
    pub expected_loss_percent: u8,
    /// Send nothing, or next to nothing, in silence (Opus and Speex).
    pub dtx: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            complexity: 5,
            bitrate: None,
            fec: false,
            expected_loss_percent: 0,
            dtx: false,
        }
    }
}

/// Encodes one direction of one stream.
#[derive(Debug)]
pub struct Encoder {
    codec: AudioCodec,
    rate: SampleRate,
    settings: Settings,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Each sample by itself.
    Samples,
    G722(g722::Encoder),
    G729(Box<g729::Encoder>),
    Speex(speex::Encoder),
    Opus(opus::Encoder),
}

impl Encoder {
    /// An encoder in its first state.
    ///
    /// # Errors
    /// If the coder does not run at this rate.
    pub fn new(
        codec: AudioCodec,
        rate: SampleRate,
        settings: Settings,
    ) -> Result<Self, CodecError> {
        if !codec.runs_at(rate) {
            return Err(CodecError::Rate { codec, rate });
        }
        let state = match codec {
            AudioCodec::Pcmu | AudioCodec::Pcma | AudioCodec::L16(_) => State::Samples,
            AudioCodec::G722 => State::G722(g722::Encoder::new()),
            AudioCodec::G729 => State::G729(Box::new(g729::Encoder::new())),
            AudioCodec::Speex(band) => State::Speex(speex::Encoder::new(band, settings)?),
            AudioCodec::Opus => State::Opus(opus::Encoder::new(rate, settings)?),
        };
        Ok(Self {
            codec,
            rate,
            settings,
            state,
        })
    }

    /// The coder.
    pub fn codec(&self) -> AudioCodec {
        self.codec
    }

    /// The sampling rate of what it takes.
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// What it was told last.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Changes the settings from the next packet on.
    pub fn set(&mut self, settings: Settings) {
        self.settings = settings;
        match &mut self.state {
            State::Samples | State::G722(_) | State::G729(_) => {}
            State::Speex(speex) => speex.set(settings),
            State::Opus(opus) => opus.set(settings),
        }
    }

    /// Encodes the samples of one packet time to the beginning of `out` and says how many bytes
    /// the payload has. 0: in this silence nothing is to be sent (DTX).
    ///
    /// # Errors
    /// If the samples are no packet time of the coder ([`AudioCodec::packet_times`]), or `out` is
    /// too short. [`MAX_PAYLOAD`](super::MAX_PAYLOAD) is never too short for up to 60 ms.
    pub fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError> {
        let is_packet = |ms: &u16| self.rate.samples(*ms) == pcm.len();
        if !self.codec.packet_times().iter().any(is_packet) {
            return Err(EncodeError::Length(pcm.len()));
        }
        match &mut self.state {
            State::Samples => match self.codec {
                AudioCodec::Pcmu => encode_g711(Law::Mu, pcm, out),
                AudioCodec::Pcma => encode_g711(Law::A, pcm, out),
                _ => l16::encode(pcm, out),
            },
            State::G722(g722) => g722.encode(pcm, out),
            State::G729(g729) => g729.encode(pcm, out),
            State::Speex(speex) => speex.encode(pcm, out),
            State::Opus(opus) => opus.encode(pcm, out),
        }
    }
}

fn encode_g711(law: Law, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError> {
    let out = out.get_mut(..pcm.len()).ok_or(EncodeError::NoRoom)?;
    g711::encode(law, pcm, out);
    Ok(pcm.len())
}
