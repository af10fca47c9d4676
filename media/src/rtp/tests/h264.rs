use proptest::prelude::*;

use crate::rtp::h264::{IDR, PPS, ParameterSets, SPS, Units};

/// Level 3.1, id 0: what baresip's encoder writes, shortened.
const SPS_0: &[u8] = &[0x67, 0x42, 0xE0, 0x1F, 0x8C, 0x68, 0x05];
/// The same id, another size.
const SPS_0_LARGE: &[u8] = &[0x67, 0x42, 0xE0, 0x1F, 0x8C, 0x68, 0x0A];
const PPS_0: &[u8] = &[0x68, 0xCE, 0x3C, 0x80];
/// Id 1: `010`.
const PPS_1: &[u8] = &[0x68, 0x5E, 0x3C, 0x80];

fn kinds(payload: &[u8]) -> Vec<(u8, usize)> {
    let units = Units::of(payload);
    units.map(|unit| (unit.kind, unit.bytes.len())).collect()
}

#[test]
fn units_are_found_alone_aggregated_and_begun() {
    assert_eq!(kinds(&[0x65, 1, 2]), [(IDR, 3)]);
    let aggregated = [0x78, 0, 2, 0x67, 1, 0, 0, 0, 1, 0x68];
    assert_eq!(kinds(&aggregated), [(SPS, 2), (0, 0), (PPS, 1)]);
    assert_eq!(
        kinds(&[0x78, 0, 1, 0x67, 0, 9, 0x68]),
        [(SPS, 1)],
        "cut off"
    );
    assert_eq!(kinds(&[0x7C, 0x85, 1]), [(IDR, 0)]);
    for later_part_or_nothing in [&[0x7C, 0x05, 1][..], &[0x7C], &[]] {
        assert!(kinds(later_part_or_nothing).is_empty());
    }
}

fn sets(units: &[&[u8]]) -> ParameterSets {
    let mut sets = ParameterSets::default();
    units.iter().for_each(|unit| sets.learn(unit));
    sets
}

fn all(sets: &ParameterSets) -> Vec<&[u8]> {
    sets.units().collect()
}

#[test]
fn each_id_is_kept_once_and_sequence_sets_come_first() {
    let known = sets(&[PPS_0, SPS_0, PPS_1, PPS_0, SPS_0, &[0x65, 1], &[]]);
    assert_eq!(all(&known), [SPS_0, PPS_0, PPS_1]);
    assert_eq!((known.len(), known.is_complete()), (3, true));
    assert!(!sets(&[SPS_0]).is_complete());
    assert!(!sets(&[PPS_0]).is_complete());
}

#[test]
fn another_sequence_set_ends_the_picture_sets_of_the_old() {
    let known = sets(&[SPS_0, PPS_0, PPS_1, SPS_0_LARGE]);
    assert_eq!(all(&known), [SPS_0_LARGE]);
    assert!(!known.is_complete());
}

#[test]
fn of_too_many_sets_the_oldest_go_and_too_long_ones_are_not_kept() {
    // Ids 0 to 31 by five bits behind five zeros at the most.
    let set = |id: u32| {
        let zeros = (id + 1).ilog2();
        let bits = (id + 1) << (31 - 2 * zeros);
        [&[0x68][..], &bits.to_be_bytes()].concat()
    };
    let mut known = sets(&[SPS_0]);
    (0..30).for_each(|id| known.learn(&set(id)));
    let expected: Vec<Vec<u8>> = (26..30).map(set).collect();
    assert_eq!(all(&known)[1..], expected);
    let long = [SPS_0, &[0; 300]].concat();
    known.learn(&long);
    assert!(known.is_empty(), "nor is what it replaces of use");
}

#[test]
fn a_set_that_is_too_long_to_keep_ends_none_of_another_id() {
    // Ids 1 to 4.
    let short: [&[u8]; 4] = [&[0x68, 0x5E], &[0x68, 0x7E], &[0x68, 0x26], &[0x68, 0x2E]];
    let mut known = sets(&short);
    known.learn(&[PPS_0, &[0; 300]].concat());
    assert_eq!(all(&known), short);
}

#[test]
fn sets_are_read_from_descriptions() {
    let known = ParameterSets::from_sprop("Z0LgH4xoBQ==,aM48gA==").unwrap();
    assert_eq!(all(&known), [SPS_0, PPS_0]);
    assert_eq!(ParameterSets::from_sprop("Z0LgH4xoBQ, aM48gA"), Some(known));
    for unusable in ["", "Z0LgH4xoBQ==", "aM48gA==", "???,!!!", ",,,"] {
        assert_eq!(ParameterSets::from_sprop(unusable), None, "{unusable}");
    }
}

proptest! {
    #[test]
    fn any_units_are_taken_and_few_are_kept(
        units in prop::collection::vec(
            (prop::sample::select(vec![0x67_u8, 0x68, 0x65]), prop::collection::vec(any::<u8>(), 0..300)),
            0..40,
        ),
    ) {
        let mut known = ParameterSets::default();
        for (header, rest) in units {
            known.learn(&[&[header][..], &rest].concat());
            prop_assert!(known.len() <= 8);
            prop_assert!(known.units().all(|unit| unit.len() <= 256));
        }
    }

    #[test]
    fn any_payload_is_read_to_its_end(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let len: usize = Units::of(&payload).map(|unit| unit.bytes.len()).sum();
        prop_assert!(len <= payload.len());
    }
}
