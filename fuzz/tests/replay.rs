//! Replays the corpora: seeds, and whatever a search once found.

use std::fs;
use std::path::Path;

use callbox_fuzz::TARGETS;

#[test]
fn every_target_survives_its_corpus() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in TARGETS {
        let corpus = fs::read_dir(corpora.join(name))
            .unwrap_or_else(|error| panic!("{name} has no corpus: {error}"));
        let mut count = 0;
        for entry in corpus {
            let path = entry.unwrap().path();
            eprintln!("{name}: {}", path.display());
            target(&fs::read(&path).unwrap());
            count += 1;
        }
        assert!(count > 0, "the corpus of {name} is empty");
    }
}

/// The search proper is a command of its own; this is its short version: every seed with bytes
/// changed, cut and doubled in a fixed order.
#[test]
fn every_target_survives_its_corpus_damaged() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in TARGETS {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below.max(1) as u64) as usize
        };
        for entry in fs::read_dir(corpora.join(name)).unwrap() {
            let seed = fs::read(entry.unwrap().path()).unwrap();
            for _ in 0..500 {
                let mut damaged = seed.clone();
                for _ in 0..=next(4) {
                    if damaged.is_empty() {
                        break;
                    }
                    let at = next(damaged.len());
                    match next(4) {
                        0 => damaged[at] = next(256) as u8,
                        1 => damaged.truncate(at),
                        2 => drop(damaged.remove(at)),
                        _ => {
                            let end = at + next(damaged.len() - at);
                            let piece = damaged[at..end].to_vec();
                            damaged.splice(at..at, piece);
                        }
                    }
                }
                target(&damaged);
            }
        }
    }
}
