//! Finds what several troubles have in common: pure, over names.
//!
//! The kinds of cause are tried in their order, from the one that explains most to the one that explains least; of one
//! kind the one with most members first. A cause is believed if at least half of all that could suffer from it do.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::cause::Cause;

/// Several that have one cause.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Set {
    /// What they have in common.
    pub cause: Cause,
    /// Which of the cases, in their order.
    pub members: Vec<usize>,
}

/// How many could suffer from a cause, and how many do.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Census {
    /// All of them, as far as is known.
    pub all: usize,
    /// Those of them that are bad.
    pub bad: usize,
}

/// Whether so many with this in common are to be told as one.
pub fn is_believed(cause: &Cause, members: usize, census: Census) -> bool {
    let are_enough = match cause {
        Cause::Host(_)
        | Cause::Component(_)
        | Cause::Source(_)
        | Cause::Group(_)
        | Cause::Release(_) => members >= 2,
        Cause::Network(_) | Cause::Error(_) | Cause::Together => members >= 3,
    };
    let is_common = match cause {
        Cause::Host(_) | Cause::Network(_) | Cause::Group(_) => census.bad * 2 >= census.all,
        Cause::Component(_)
        | Cause::Source(_)
        | Cause::Error(_)
        | Cause::Release(_)
        | Cause::Together => true,
    };
    are_enough && is_common
}

/// Divides cases, given by what each could have in common with others, into sets of one cause; whoever is in none of
/// them stands alone.
pub fn divide(cases: &[Vec<Cause>], mut census: impl FnMut(&Cause) -> Census) -> Vec<Set> {
    let mut causes: BTreeMap<&Cause, Vec<usize>> = BTreeMap::new();
    for (index, traits) in cases.iter().enumerate() {
        for cause in traits.iter().collect::<BTreeSet<_>>() {
            causes.entry(cause).or_default().push(index);
        }
    }
    let mut candidates: Vec<_> = causes.into_iter().collect();
    // The order of kinds stays; of one kind the largest comes first.
    candidates.sort_by_key(|(cause, members)| (rank(cause), std::cmp::Reverse(members.len())));
    let mut taken = BTreeSet::new();
    let mut out = Vec::new();
    for (cause, members) in candidates {
        let left: Vec<_> = members
            .into_iter()
            .filter(|member| !taken.contains(member))
            .collect();
        if left.len() >= 2 && is_believed(cause, left.len(), census(cause)) {
            taken.extend(left.iter().copied());
            out.push(Set {
                cause: cause.clone(),
                members: left,
            });
        }
    }
    out
}

const fn rank(cause: &Cause) -> u8 {
    match cause {
        Cause::Host(_) => 0,
        Cause::Network(_) => 1,
        Cause::Component(_) => 2,
        Cause::Source(_) => 3,
        Cause::Group(_) => 4,
        Cause::Error(_) => 5,
        Cause::Release(_) => 6,
        Cause::Together => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cause(text: &str) -> Cause {
        let (word, name) = text.split_once(':').unwrap_or((text, ""));
        Cause::of(word, name.to_owned()).expect("a cause")
    }

    /// Cases are lines of causes, the census is `cause=bad/all`; a cause that is not there is everybody's.
    fn story(cases: &[&str], census: &[(&str, usize, usize)]) -> Vec<String> {
        let cases: Vec<Vec<_>> = cases
            .iter()
            .map(|case| case.split_whitespace().map(cause).collect())
            .collect();
        let known: BTreeMap<_, _> = census
            .iter()
            .map(|(text, bad, all)| {
                let (bad, all) = (*bad, *all);
                (cause(text), Census { all, bad })
            })
            .collect();
        divide(&cases, |cause| {
            known.get(cause).copied().unwrap_or_default()
        })
        .into_iter()
        .map(|set| {
            format!(
                "{}:{} {:?}",
                set.cause.as_str(),
                set.cause.name(),
                set.members
            )
        })
        .collect()
    }

    #[test]
    fn the_kind_that_explains_most_comes_first() {
        for (cases, census, says) in [
            // Two on one host.
            (
                vec!["host:a group:g", "host:a group:g"],
                vec![("host:a", 2, 2)],
                vec!["host:a [0, 1]"],
            ),
            // A host of which most is fine is not to blame; the group is.
            (
                vec!["host:a group:g", "host:a group:g"],
                vec![("host:a", 2, 9), ("group:g", 2, 2)],
                vec!["group:g [0, 1]"],
            ),
            // Two hosts, and one that is alone.
            (
                vec!["host:a", "host:b", "host:a", "host:b", "host:b", "host:c"],
                vec![],
                vec!["host:b [1, 3, 4]", "host:a [0, 2]"],
            ),
            (
                vec!["component:db", "component:db component:mq"],
                vec![],
                vec!["component:db [0, 1]"],
            ),
            // Two of the same error are chance, three are not.
            (vec!["error:x", "error:x"], vec![], vec![]),
            (
                vec!["error:x", "error:x", "error:x"],
                vec![],
                vec!["error:x [0, 1, 2]"],
            ),
            (vec!["together", "together"], vec![], vec![]),
            (
                vec![
                    "together",
                    "together host:a",
                    "together",
                    "together host:a",
                    "together",
                ],
                vec![],
                vec!["host:a [1, 3]", "together: [0, 2, 4]"],
            ),
        ] {
            assert_eq!(story(&cases, &census), says, "{cases:?}");
        }
    }

    proptest! {
        #[test]
        fn nobody_is_told_twice_and_no_set_is_of_one(
            cases in prop::collection::vec(prop::collection::vec((0..7_u8, 0..3_u8), 0..5), 0..12),
        ) {
            let words = ["host", "network", "component", "source", "group", "error", "together"];
            let cases: Vec<Vec<_>> = cases
                .iter()
                .map(|case| {
                    case.iter()
                        .map(|(word, name)| cause(&format!("{}:{name}", words[usize::from(*word)])))
                        .collect()
                })
                .collect();
            let mut seen = BTreeSet::new();
            for set in divide(&cases, |_| Census::default()) {
                prop_assert!(set.members.len() >= 2);
                for member in set.members {
                    prop_assert!(seen.insert(member));
                    prop_assert!(cases[member].contains(&set.cause));
                }
            }
        }
    }
}
