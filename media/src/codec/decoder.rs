//! From payloads to samples.

use super::conceal::Concealer;
use super::g711::{self, Law};
use super::{AudioCodec, CodecError, DecodeError, SampleRate, g722, g729, l16, opus, speex};

/// Decodes one direction of one stream.
///
/// For each packet time either [`decode`](Self::decode), or where its packet is missing
/// [`recover`](Self::recover) or [`conceal`](Self::conceal), in the order in which it is to be
/// heard.
#[derive(Debug)]
pub struct Decoder {
    codec: AudioCodec,
    rate: SampleRate,
    state: State,
}

#[derive(Debug)]
enum State {
    /// A coder whose packets do not depend on each other, and that has no concealment itself.
    Samples(Concealer),
    G722(g722::Decoder),
    G729(g729::Decoder),
    Speex(speex::Decoder),
    Opus(opus::Decoder),
}

/// How a missing packet was made up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovered {
    /// Out of what the packet after it says about it.
    FromNext,
    /// The packet after it says nothing about it: as by [`Decoder::conceal`].
    Concealed,
}

impl Decoder {
    /// A decoder in its first state.
    ///
    /// # Errors
    /// If the coder does not run at this rate.
    pub fn new(codec: AudioCodec, rate: SampleRate) -> Result<Self, CodecError> {
        if !codec.runs_at(rate) {
            return Err(CodecError::Rate { codec, rate });
        }
        let state = match codec {
            AudioCodec::Pcmu | AudioCodec::Pcma | AudioCodec::L16(_) => {
                State::Samples(Concealer::new(rate))
            }
            AudioCodec::G722 => State::G722(g722::Decoder::new()),
            AudioCodec::G729 => State::G729(g729::Decoder::new()),
            AudioCodec::Speex(band) => State::Speex(speex::Decoder::new(band)?),
            AudioCodec::Opus => State::Opus(opus::Decoder::new(rate)?),
        };
        Ok(Self { codec, rate, state })
    }

    /// The coder.
    pub fn codec(&self) -> AudioCodec {
        self.codec
    }

    /// The sampling rate of what it gives.
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Decodes a payload to the beginning of `out` and says how many samples it was.
    ///
    /// # Errors
    /// Of the payload, or if `out` is shorter than what it holds. What `out` holds then means nothing.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, DecodeError> {
        let samples = self.codec.samples_of(payload, self.rate)?;
        let out = out.get_mut(..samples).ok_or(DecodeError::TooLong)?;
        match &mut self.state {
            State::Samples(concealer) => {
                match self.codec {
                    AudioCodec::Pcmu => g711::decode(Law::Mu, payload, out),
                    AudioCodec::Pcma => g711::decode(Law::A, payload, out),
                    _ => l16::decode(payload, out),
                }
                concealer.received(out);
            }
            State::G722(g722) => g722.decode(payload, out)?,
            State::G729(g729) => g729.decode(payload, out),
            State::Speex(speex) => speex.decode(payload, out)?,
            State::Opus(opus) => opus.decode(payload, out)?,
        }
        Ok(samples)
    }

    /// Fills `out` with what may have been said there. Repeated calls go on with the same gap,
    /// which fades to silence; coders with frames fill whole frames best.
    pub fn conceal(&mut self, out: &mut [i16]) {
        match &mut self.state {
            State::Samples(concealer) => concealer.conceal(out),
            State::G722(g722) => g722.conceal(out),
            State::G729(g729) => g729.conceal(out),
            State::Speex(speex) => speex.conceal(out),
            State::Opus(opus) => opus.conceal(out),
        }
    }

    /// Fills `out` with the packet that is missing before `next`, where `next` carries it as well
    /// (in-band FEC, RFC 6716 2.1.7). `next` is to be decoded afterwards all the same. Only the
    /// one packet right before `next` can be recovered: of a longer gap, conceal what is earlier.
    pub fn recover(&mut self, next: &[u8], out: &mut [i16]) -> Recovered {
        match &mut self.state {
            State::Opus(opus) => opus.recover(next, out),
            _ => {
                self.conceal(out);
                Recovered::Concealed
            }
        }
    }
}
