//! What of H.264 payloads is read (RFC 6184): where a picture begins that needs no other, and the
//! parameter sets that a decoder must have before it.

use base64ct::{Base64Unpadded, Encoding};

/// A picture that needs no other (ITU-T H.264, table 7-1).
pub const IDR: u8 = 5;
/// A sequence parameter set.
pub const SPS: u8 = 7;
/// A picture parameter set.
pub const PPS: u8 = 8;

/// Several units in one packet (RFC 6184 5.7.1).
const STAP_A: u8 = 24;
/// A part of one unit (RFC 6184 5.8).
const FU_A: u8 = 28;

/// Sets of each kind that are kept; encoders have one or two.
const MAX_SETS: usize = 4;

/// The longest set that is kept, bytes; encoders write 10 to 60.
const MAX_LEN: usize = 256;

/// A NAL unit of which at least the beginning is in a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit<'a> {
    /// `nal_unit_type`; 0 where the unit is empty.
    pub kind: u8,
    /// The whole unit; empty where it is only begun.
    pub bytes: &'a [u8],
}

/// The units that begin in a payload.
#[derive(Debug, Clone)]
pub struct Units<'a>(Form<'a>);

#[derive(Debug, Clone)]
enum Form<'a> {
    One(Option<Unit<'a>>),
    /// Each after its length.
    Several(&'a [u8]),
}

impl<'a> Units<'a> {
    /// Of a payload.
    pub fn of(payload: &'a [u8]) -> Self {
        let whole = Unit::whole(payload);
        Self(match whole.kind {
            STAP_A => Form::Several(payload.get(1..).unwrap_or_default()),
            FU_A => {
                let begins = payload.get(1).filter(|header| **header & 0x80 != 0);
                Form::One(begins.map(|header| Unit {
                    kind: kind_of(*header),
                    bytes: &[],
                }))
            }
            _ => Form::One((!payload.is_empty()).then_some(whole)),
        })
    }
}

impl<'a> Iterator for Units<'a> {
    type Item = Unit<'a>;

    fn next(&mut self) -> Option<Unit<'a>> {
        match &mut self.0 {
            Form::One(unit) => unit.take(),
            Form::Several(rest) => {
                let (len, after) = std::mem::take(rest).split_first_chunk::<2>()?;
                let (unit, after) = after.split_at_checked(u16::from_be_bytes(*len).into())?;
                *rest = after;
                Some(Unit::whole(unit))
            }
        }
    }
}

impl<'a> Unit<'a> {
    fn whole(bytes: &'a [u8]) -> Self {
        Self {
            kind: bytes.first().map_or(0, |first| kind_of(*first)),
            bytes,
        }
    }
}

fn kind_of(header: u8) -> u8 {
    header & 0x1F
}

/// The parameter sets of one encoder, each id once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParameterSets {
    /// Of each kind the one that came first first.
    sets: Vec<Box<[u8]>>,
}

impl ParameterSets {
    /// Reads the value of `sprop-parameter-sets` (RFC 6184 8.1). `None` if it holds no pair of
    /// sets that can be used.
    pub fn from_sprop(value: &str) -> Option<Self> {
        let mut sets = Self::default();
        for text in value.split(',').take(4 * MAX_SETS) {
            let mut unit = [0; MAX_LEN];
            let text = text.trim().trim_end_matches('=');
            if let Ok(unit) = Base64Unpadded::decode(text, &mut unit) {
                sets.learn(unit);
            }
        }
        sets.is_complete().then_some(sets)
    }

    /// Takes a unit in, if it is a parameter set. It replaces the one of its kind with its id; a
    /// sequence parameter set that says something new ends the picture parameter sets, which were
    /// of the old. Where there are too many, the oldest goes.
    pub fn learn(&mut self, unit: &[u8]) {
        let Some(name) = name_of(unit) else {
            return;
        };
        let known = self.sets.iter().position(|set| name_of(set) == Some(name));
        if known.is_some_and(|at| self.sets.get(at).is_some_and(|set| **set == *unit)) {
            return;
        }
        let (kind, _) = name;
        let mut of_kind = (0..).zip(&self.sets).filter(|(_, set)| is(set, kind));
        let fits = unit.len() <= MAX_LEN;
        let full = of_kind.clone().count() >= MAX_SETS;
        let oldest = of_kind.next().filter(|_| full && fits);
        if let Some(at) = known.or(oldest.map(|(at, _)| at)) {
            self.sets.remove(at);
        }
        if kind == SPS && known.is_some() {
            self.sets.retain(|set| !is(set, PPS));
        }
        if fits {
            self.sets.push(unit.into());
        }
    }

    /// Takes in all that others are.
    pub fn learn_all(&mut self, others: &Self) {
        others.units().for_each(|unit| self.learn(unit));
    }

    /// There is one of both kinds: what a decoder needs.
    pub fn is_complete(&self) -> bool {
        [SPS, PPS]
            .iter()
            .all(|kind| self.sets.iter().any(|set| is(set, *kind)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// In the order in which a decoder needs them.
    pub fn units(&self) -> impl Iterator<Item = &[u8]> {
        let of = |kind| self.sets.iter().filter(move |set| is(set, kind));
        of(SPS).chain(of(PPS)).map(|set| &**set)
    }
}

fn is(set: &[u8], kind: u8) -> bool {
    Unit::whole(set).kind == kind
}

/// The kind and the id of a parameter set.
fn name_of(unit: &[u8]) -> Option<(u8, u32)> {
    let kind = Unit::whole(unit).kind;
    let id = match kind {
        // Behind the profile, its constraints and the level (ITU-T H.264 7.3.2.1.1).
        SPS => unit.get(4..)?,
        PPS => unit.get(1..)?,
        _ => return None,
    };
    Some((kind, first_number(id)?))
}

/// ue(v) of ITU-T H.264 9.1, as long as ids are: up to 255.
fn first_number(bytes: &[u8]) -> Option<u32> {
    let mut word = [0; 4];
    for (to, from) in word.iter_mut().zip(bytes) {
        *to = *from;
    }
    let word = u32::from_be_bytes(word);
    let zeros = word.leading_zeros();
    (zeros <= 8).then(|| ((word << zeros) >> (31 - zeros)) - 1)
}
