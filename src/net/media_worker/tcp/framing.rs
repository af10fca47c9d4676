//! Datagrams in a stream: each behind its length in two bytes (RFC 4571 2).

use super::super::socket::DATAGRAM_LEN;

/// Bytes in front of each datagram.
pub(super) const HEADER_LEN: usize = 2;

/// No media has longer ones: over UDP they are dropped, here nothing good can follow.
const MAX_FRAME: usize = DATAGRAM_LEN;

/// What has come of a frame that is not whole yet.
#[derive(Debug, Default)]
pub(super) struct Partial(Vec<u8>);

/// A frame is longer than any datagram of media.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FrameTooLong;

impl Partial {
    /// Puts it in front of what will be read, and returns how long it is.
    pub(super) fn restore(&self, buffer: &mut [u8]) -> usize {
        match buffer.get_mut(..self.0.len()) {
            Some(front) => {
                front.copy_from_slice(&self.0);
                self.0.len()
            }
            None => 0,
        }
    }

    /// Keeps what follows the last whole frame in `bytes`, and returns how long the whole ones
    /// are together.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> Result<usize, FrameTooLong> {
        let mut whole = 0;
        let mut rest = bytes;
        while let Some((head, behind)) = rest.split_first_chunk::<HEADER_LEN>() {
            let len = usize::from(u16::from_be_bytes(*head));
            if len > MAX_FRAME {
                return Err(FrameTooLong);
            }
            let Some(behind) = behind.get(len..) else {
                break;
            };
            whole += HEADER_LEN + len;
            rest = behind;
        }
        self.0.clear();
        self.0.extend_from_slice(rest);
        Ok(whole)
    }
}

/// The datagrams in whole frames.
pub(in super::super) struct Frames<'a>(pub(in super::super) &'a mut [u8]);

impl<'a> Iterator for Frames<'a> {
    type Item = &'a mut [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = std::mem::take(&mut self.0);
        let (head, rest) = bytes.split_first_chunk_mut::<HEADER_LEN>()?;
        let len = usize::from(u16::from_be_bytes(*head));
        let (datagram, rest) = rest.split_at_mut_checked(len)?;
        self.0 = rest;
        Some(datagram)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stream(datagrams: &[Vec<u8>]) -> Vec<u8> {
        let framed = |it: &Vec<u8>| {
            let len = u16::try_from(it.len()).unwrap().to_be_bytes();
            [&len[..], it].concat()
        };
        datagrams.iter().flat_map(framed).collect()
    }

    proptest! {
        #[test]
        fn datagrams_come_out_as_they_went_in_however_the_stream_is_cut(
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..12),
            cuts in prop::collection::vec(1_usize..400, 1..40),
        ) {
            let stream = stream(&datagrams);
            let mut partial = Partial::default();
            let mut buffer = vec![0; 8192];
            let (mut seen, mut at) = (Vec::new(), 0);
            for cut in cuts.iter().cycle() {
                let read = stream.get(at..stream.len().min(at + cut)).unwrap();
                at += read.len();
                let kept = partial.restore(&mut buffer);
                buffer[kept..kept + read.len()].copy_from_slice(read);
                let whole = partial.keep(&buffer[..kept + read.len()]).unwrap();
                seen.extend(Frames(&mut buffer[..whole]).map(|it| it.to_vec()));
                if at == stream.len() {
                    break;
                }
            }
            prop_assert_eq!(seen, datagrams);
            prop_assert!(partial.0.is_empty());
        }

        #[test]
        fn any_bytes_are_kept_within_one_frame_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..8192)
        ) {
            let mut partial = Partial::default();
            if let Ok(whole) = partial.keep(&bytes) {
                prop_assert!(partial.0.len() < HEADER_LEN + MAX_FRAME);
                prop_assert_eq!(whole + partial.0.len(), bytes.len());
            }
        }
    }

    #[test]
    fn a_frame_longer_than_any_datagram_is_refused_before_it_is_there() {
        let mut partial = Partial::default();
        assert_eq!(partial.keep(&[0x08, 0x00]), Ok(0));
        assert_eq!(partial.keep(&[0x08, 0x01]), Err(FrameTooLong));
        assert_eq!(partial.keep(b"GET / HTTP/1.1\r\n"), Err(FrameTooLong));
    }
}
