//! The order of SRV records (RFC 2782, "Usage rules").

use rand::Rng;

use super::Srv;

/// By priority, and among equals at random, by weight.
pub(super) fn in_order(mut records: Vec<Srv>, rng: &mut impl Rng) -> Vec<Srv> {
    // "Those with weight 0 are placed at the beginning of the list", of each priority.
    records.sort_by_key(|record| (record.priority, record.weight));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(priority) = records.first().map(|first| first.priority) {
        let equals = records
            .iter()
            .take_while(|record| record.priority == priority);
        let weights: Vec<u64> = equals.map(|record| u64::from(record.weight)).collect();
        let sum: u64 = weights.iter().sum();
        // "A uniform random number between 0 and the sum computed (inclusive)".
        let random = rng.next_u64() % (sum + 1);
        let mut running = 0;
        let chosen = weights.iter().position(|weight| {
            running += weight;
            running >= random
        });
        ordered.push(records.remove(chosen.unwrap_or(0)));
    }
    ordered
}
