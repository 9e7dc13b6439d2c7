//! Protocols made at random: their decoders accept what their schemas accept.
//!
//! A few protocols and a few thousand cases in an ordinary run. `cargo xtask equivalence` runs any number of both.

use wireloom_equivalence::{Protocol, RANDOM, REFUSED, SEED, differ, subjects};

#[test]
fn decoders_agree_with_the_validator_on_protocols_made_at_random() {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let subjects = subjects(RANDOM);
    assert!(!subjects.is_empty());
    match differ(&subjects, cases.unwrap_or(4_000), SEED) {
        Ok(tally) => {
            println!(
                "seed {SEED}: {} protocols ({REFUSED} refused), {} messages; {tally}",
                RANDOM.len(),
                subjects.len()
            );
            // A generator that finds no payloads would let everything pass.
            assert!(tally.missed * 20 < tally.cases(), "{tally}");
        }
        Err(differences) => {
            let named = |protocol: &&Protocol| {
                let line = format!("protocol: {}\n", protocol.name);
                differences.iter().any(|difference| difference.contains(&line))
            };
            let specs: Vec<_> = RANDOM
                .iter()
                .filter(named)
                .map(|protocol| protocol.yaml)
                .collect();
            panic!("{}\n\n{}", differences.join("\n\n"), specs.join("\n"));
        }
    }
}
