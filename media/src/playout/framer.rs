//! From one packet time to another.

/// Collects samples until they make a frame of the sink's packet time.
///
/// Memory is allocated once, for one frame and 120 ms of input at 48 kHz; what would not fit is
/// refused: the owner takes the frames out after each [`Framer::push`].
#[derive(Debug)]
pub struct Framer {
    frame: usize,
    samples: Vec<i16>,
    /// Taken already.
    taken: usize,
}

/// 120 ms at 48 kHz.
const LONGEST_INPUT: usize = 5760;

impl Framer {
    /// For frames of so many samples.
    pub fn new(frame: usize) -> Self {
        let frame = frame.clamp(1, LONGEST_INPUT);
        Self {
            frame,
            samples: Vec::with_capacity(frame + LONGEST_INPUT),
            taken: 0,
        }
    }

    /// Adds samples; tells how many there was room for.
    pub fn push(&mut self, samples: &[i16]) -> usize {
        self.samples.drain(..self.taken);
        self.taken = 0;
        let room = self.frame + LONGEST_INPUT - self.samples.len();
        let count = samples.len().min(room);
        self.samples
            .extend_from_slice(samples.get(..count).unwrap_or_default());
        count
    }

    /// The next frame, if there is one.
    pub fn pop(&mut self) -> Option<&[i16]> {
        let frame = self.samples.get(self.taken..self.taken + self.frame)?;
        self.taken += self.frame;
        Some(frame)
    }

    /// Samples that wait for their frame to be full.
    pub fn pending(&self) -> usize {
        self.samples.len() - self.taken
    }

    /// The packet time changes: what is pending goes into the first frame of the new length.
    pub fn set_frame(&mut self, frame: usize) {
        self.frame = frame.clamp(1, LONGEST_INPUT);
        self.samples.drain(..self.taken);
        self.taken = 0;
        self.samples
            .reserve_exact((self.frame + LONGEST_INPUT).saturating_sub(self.samples.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All samples that come out for `pushes` of `from` samples.
    fn through(framer: &mut Framer, from: usize, pushes: usize, next: &mut i16) -> Vec<i16> {
        let mut out = Vec::new();
        for _ in 0..pushes {
            let samples: Vec<i16> = (0..from)
                .map(|_| {
                    *next = next.wrapping_add(1);
                    *next
                })
                .collect();
            assert_eq!(framer.push(&samples), from);
            while let Some(frame) = framer.pop() {
                out.extend_from_slice(frame);
            }
        }
        out
    }

    #[test]
    fn any_packet_time_becomes_any_other_without_a_sample_lost() {
        for from in [80, 160, 240, 320, 480, 5760] {
            for to in [80, 160, 240, 320, 480, 5760] {
                let (mut framer, mut next) = (Framer::new(to), 0);
                let out = through(&mut framer, from, 60, &mut next);
                assert_eq!(out.len() % to, 0);
                assert_eq!(out.len() + framer.pending(), 60 * from);
                assert!(framer.pending() < to);
                assert!(out.windows(2).all(|two| two[1] == two[0].wrapping_add(1)));
            }
        }
    }

    #[test]
    fn a_packet_time_that_changes_loses_nothing() {
        let (mut framer, mut next) = (Framer::new(480), 0);
        let mut out = through(&mut framer, 160, 5, &mut next);
        framer.set_frame(80);
        out.extend(through(&mut framer, 160, 5, &mut next));
        assert_eq!(out.len(), 1600);
        assert!(out.windows(2).all(|two| two[1] == two[0] + 1));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut framer = Framer::new(160);
        assert_eq!(framer.push(&[0; 10_000]), 5920);
        assert_eq!(framer.push(&[0; 10]), 0);
        assert!(framer.pop().is_some());
        assert_eq!(framer.push(&[0; 1000]), 160);
    }
}
