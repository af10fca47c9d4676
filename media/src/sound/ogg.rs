//! Opus in Ogg (RFC 3533, RFC 7845): as much of it as it takes to read a file of one stream.

use super::{Pcm, SoundError, check_length};
use crate::codec::{AudioCodec, Decoder, MAX_PACKET_SAMPLES, SampleRate};

/// RFC 7845 4: granule positions count at this rate, whatever was recorded.
const RATE: SampleRate = SampleRate::Hz48000;

const PAGE_HEAD: usize = 27;

const CUT: SoundError = SoundError::Damaged("a page of it is cut short");

/// The packets of the first stream, and the granule position of its last page.
struct Stream {
    packets: Vec<Vec<u8>>,
    end: u64,
}

/// What the identification header says (RFC 7845 5.1).
struct Head {
    pre_skip: usize,
    gain: f32,
}

pub(super) fn read(file: &[u8]) -> Result<Pcm, SoundError> {
    let Stream { packets, end } = Stream::read(file)?;
    let head = packets.first().and_then(|packet| Head::read(packet));
    let head = head.ok_or(SoundError::NotOpus)?;
    let damaged = |_| SoundError::Damaged("its sound cannot be decoded");
    let mut decoder = Decoder::new(AudioCodec::Opus, RATE).map_err(damaged_coder)?;
    let mut decoded = vec![0; MAX_PACKET_SAMPLES];
    let mut samples = Vec::new();
    // The second packet has the comments.
    for packet in packets.iter().skip(2) {
        let len = decoder.decode(packet, &mut decoded).map_err(damaged)?;
        samples.extend_from_slice(decoded.get(..len).unwrap_or_default());
        check_length(samples.len(), RATE.hz())?;
    }
    // The last packet is longer than the sound (RFC 7845 4.4).
    samples.truncate(usize::try_from(end).unwrap_or(usize::MAX));
    samples.drain(..head.pre_skip.min(samples.len()));
    if head.gain != 1.0 {
        for sample in &mut samples {
            // A cast of a float saturates.
            *sample = (f32::from(*sample) * head.gain) as i16;
        }
    }
    Ok(Pcm {
        hz: RATE.hz(),
        samples,
    })
}

fn damaged_coder(_: crate::codec::CodecError) -> SoundError {
    SoundError::Damaged("its coder does not start")
}

impl Stream {
    fn read(mut file: &[u8]) -> Result<Self, SoundError> {
        let mut stream = Self {
            packets: Vec::new(),
            end: 0,
        };
        let mut serial = None;
        let mut packet = Vec::new();
        while !file.is_empty() {
            let head = file.get(..PAGE_HEAD).ok_or(CUT)?;
            if !head.starts_with(b"OggS") {
                return Err(SoundError::Damaged("a page of it does not begin as such"));
            }
            let segments = head.get(26).copied().map_or(0, usize::from);
            let lacing = file.get(PAGE_HEAD..PAGE_HEAD + segments).ok_or(CUT)?;
            let len = lacing.iter().copied().map(usize::from).sum::<usize>();
            let start = PAGE_HEAD + segments;
            let mut body = file.get(start..start + len).ok_or(CUT)?;
            file = file.get(start + len..).unwrap_or_default();
            let of = head.get(14..18).map(<[u8]>::to_vec);
            if *serial.get_or_insert_with(|| of.clone()) != of {
                continue;
            }
            let granule = head.get(6..14).and_then(|it| it.try_into().ok());
            // All ones: no packet ends on this page.
            let granule = granule.map(u64::from_le_bytes).filter(|it| *it != u64::MAX);
            stream.end = granule.unwrap_or(stream.end);
            for lace in lacing {
                let (piece, rest) = body.split_at_checked((*lace).into()).ok_or(CUT)?;
                packet.extend_from_slice(piece);
                body = rest;
                if *lace < 255 {
                    stream.packets.push(std::mem::take(&mut packet));
                }
            }
        }
        Ok(stream)
    }
}

impl Head {
    fn read(packet: &[u8]) -> Option<Self> {
        let packet = packet.strip_prefix(b"OpusHead")?;
        let pre_skip = u16::from_le_bytes(packet.get(2..4)?.try_into().ok()?);
        let gain = i16::from_le_bytes(packet.get(8..10)?.try_into().ok()?);
        // Mapping family 0: one stream of one or two channels.
        let family = packet.get(10)?;
        (*family == 0).then(|| Self {
            pre_skip: pre_skip.into(),
            // In dB, times 256.
            gain: 10_f32.powf(f32::from(gain) / (20.0 * 256.0)),
        })
    }
}
