//! Ten circles for any number of targets, in which no trouble is ever rounded away.

use crate::{command::Counts, model::Verdict, slack::look};

/// The circles of a bar.
pub(super) const LENGTH: usize = 10;

/// The circles of these counts, worst first; as many as targets, if there are at most ten.
///
/// Every verdict that occurs has at least one circle; the rest are shared out so that each share is as near to the truth
/// as it can be.
pub(super) fn bar(counts: &Counts) -> String {
    let total = counts.total();
    let length = total.min(LENGTH);
    let mut shares: Vec<(Verdict, usize, usize)> = counts
        .present()
        .map(|(verdict, count)| (verdict, count, 1))
        .collect();
    for _ in shares.len()..length {
        // The share that is furthest below its due; among equals the worst, which stands first.
        let neediest = shares.iter_mut().rev().max_by_key(|(_, count, given)| {
            (count * length).cast_signed() - (*given * total).cast_signed()
        });
        if let Some((_, _, given)) = neediest {
            *given += 1;
        }
    }
    shares
        .into_iter()
        .flat_map(|(verdict, _, given)| std::iter::repeat_n(look::dot(verdict), given))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(operational: usize, degraded: usize, down: usize) -> Counts {
        Counts {
            operational,
            degraded,
            down,
            ..Counts::default()
        }
    }

    #[test]
    fn one_failure_among_thousands_is_still_a_circle() {
        assert_eq!(bar(&counts(9_999, 0, 1)), "🔴🟢🟢🟢🟢🟢🟢🟢🟢🟢");
        assert_eq!(bar(&counts(1, 0, 9_999)), "🔴🔴🔴🔴🔴🔴🔴🔴🔴🟢");
        assert_eq!(bar(&counts(11, 0, 14)), "🔴🔴🔴🔴🔴🔴🟢🟢🟢🟢");
        assert_eq!(bar(&counts(23, 2, 0)), "🟡🟢🟢🟢🟢🟢🟢🟢🟢🟢");
    }

    #[test]
    fn few_targets_have_a_circle_each() {
        assert_eq!(bar(&counts(2, 1, 1)), "🔴🟡🟢🟢");
        assert_eq!(bar(&counts(0, 0, 0)), "");
    }

    proptest! {
        #[test]
        fn every_verdict_is_seen_and_the_length_is_kept(
            operational in 0_usize..3_000, suspect in 0_usize..50, unknown in 0_usize..50,
            degraded in 0_usize..50, down in 0_usize..3_000,
        ) {
            let counts = Counts { operational, suspect, unknown, degraded, down };
            let bar = bar(&counts);
            prop_assert_eq!(bar.chars().count(), counts.total().min(LENGTH));
            for (verdict, _) in counts.present() {
                prop_assert!(bar.contains(look::dot(verdict)));
            }
        }
    }
}
