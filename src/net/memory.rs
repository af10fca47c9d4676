//! Memory that nobody needs any more after load goes back to the system. By itself the allocator of
//! the C library keeps what lies between pieces in use, for ever: a server that was busy once would
//! stay large ([ADR 15](../../../docs/adr/0015-memory-goes-back-after-load.md)).

use std::time::Duration;

/// Between looks at how much there is to do.
pub(super) const LOOKS: Duration = Duration::from_secs(2);

/// With less difference than this between then and now nothing is worth the while.
const LEAST: usize = 64;

/// How much there was to do, and how much there is.
#[derive(Debug, Default)]
pub(super) struct Tide {
    high: usize,
    /// What ended a moment ago may have let go of its memory only now.
    again: bool,
}

impl Tide {
    /// So many things are there now.
    pub(super) fn is_at(&mut self, there: usize) {
        self.high = self.high.max(there);
    }

    /// A look: so many are there now. True if there were at least twice as many before, or before the
    /// last look: it is time to give memory back.
    pub(super) fn falls_to(&mut self, there: usize) -> bool {
        self.is_at(there);
        let falls = there <= self.high / 2 && self.high - there >= LEAST;
        if falls {
            self.high = there;
        }
        std::mem::replace(&mut self.again, falls) || falls
    }
}

/// Gives free memory back. It takes some milliseconds, in which those wait who want memory: not to
/// be done under load, and never where media is moved.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    {
        #[allow(
            unsafe_code,
            reason = "the C library offers this to C alone, and no safe crate does"
        )]
        // SAFETY: it takes a number, touches memory that is free and nothing else, and may be called
        // by any thread at any time (malloc_trim(3)).
        let given = unsafe { nix::libc::malloc_trim(0) };
        tracing::trace!(given, "free memory goes back");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_when_half_of_what_was_there_is_gone_and_once_more_after() {
        let mut tide = Tide::default();
        let told: Vec<bool> = [10, 1000, 900, 501, 500, 500, 499, 260, 250, 100, 100, 100]
            .map(|there| tide.falls_to(there))
            .to_vec();
        let (no, yes) = (false, true);
        let expected = [no, no, no, no, yes, yes, no, no, yes, yes, yes, no];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_came_and_went_between_two_looks_counts() {
        let mut tide = Tide::default();
        tide.is_at(1000);
        assert!(tide.falls_to(0) && tide.falls_to(0) && !tide.falls_to(0));
    }

    #[test]
    fn what_is_little_is_not_worth_the_while() {
        let mut tide = Tide::default();
        assert!([60, 0, 63, 1, 0].into_iter().all(|it| !tide.falls_to(it)));
    }

    #[test]
    fn free_memory_can_be_given_back_at_any_time() {
        let kept: Vec<Vec<u8>> = (0..100).map(|size| vec![1; size * 100]).collect();
        give_back();
        assert!(kept.iter().all(|it| it.iter().all(|byte| *byte == 1)));
    }
}
