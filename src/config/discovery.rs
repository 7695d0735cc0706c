//! What is discovered: where it is read, in which form it comes, and what is known of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use serde::Deserialize;
use url::Url;

use super::{
    environment::Environment,
    files::Loaded,
    tree::{Kind, Node},
};
use crate::model::{Secret, TargetId, discovery::Place, text::clean};

pub use crate::model::discovery::Found;

/// The most things of one list.
const FOUND_MAX: usize = 20_000;
/// The longest address or value of a label, in bytes.
const TEXT_MAX: usize = 2_048;
/// An empty list is believed when it was read so often in a row, if there was something before.
const EMPTY_READS: u8 = 3;

/// What every source of `discovery:` knows, by its name there; in order, nothing twice.
pub type Lists = BTreeMap<String, Vec<Found>>;

/// A checked entry of `discovery:`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Where it is read.
    pub from: Origin,
    /// From one reading to the next, 1 s to 1 d. Default 30 s.
    pub every: Duration,
}

/// Where an entry is read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Files; what they say together.
    Files(Vec<PathBuf>),
    /// An address that answers with JSON.
    Http {
        /// The address; it may hold a secret.
        url: Url,
        /// A bearer token.
        bearer: Option<Secret>,
    },
    /// A place that is asked over its own protocol.
    Place(Box<Place>),
}

/// The discovery of a file that was read, and all that is needed to check it again with other lists.
#[derive(Clone, Default)]
pub struct Discovery {
    /// The entries, in the order of the file.
    pub entries: Vec<Entry>,
    /// Which targets came from which entry.
    pub targets: Vec<(String, TargetId)>,
    /// What was found and is not watched, and why; one sentence each.
    pub left_out: Vec<String>,
    pub(super) kept: Option<Arc<(Loaded, Environment)>>,
}

/// The texts may hold secrets.
impl std::fmt::Debug for Discovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Discovery")
            .field("entries", &self.entries.len())
            .field("targets", &self.targets.len())
            .finish_non_exhaustive()
    }
}

impl Discovery {
    /// The same file with other lists; nothing if no file was read.
    pub fn again(&self, lists: &Lists) -> Option<super::Outcome> {
        let (loaded, environment) = &**self.kept.as_ref()?;
        Some(super::with_lists(loaded.clone(), environment, lists))
    }
}

/// Understands a list in the form of Prometheus' discovery by files and by HTTP.
///
/// Things that are there twice are kept once; the order does not matter.
///
/// Source: <https://prometheus.io/docs/prometheus/latest/http_sd/>.
///
/// # Errors
///
/// One clause if it is no such list: half a list is none.
pub fn read_list(bytes: &[u8]) -> Result<Vec<Found>, String> {
    #[derive(Deserialize)]
    struct Listed {
        targets: Vec<String>,
        #[serde(default)]
        labels: BTreeMap<String, String>,
    }
    let text = std::str::from_utf8(bytes).map_err(|_bytes| String::from("it is not UTF-8 text"))?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        // Most likely somebody is just writing it; a list without things is `[]`.
        return Err(String::from("it is empty"));
    }
    let read: Result<Vec<Listed>, String> = if text.trim_start().starts_with(['[', '{']) {
        serde_json::from_str(text).map_err(|error| error.to_string())
    } else {
        serde_yaml::from_str(text).map_err(|error| error.to_string())
    };
    let groups = read.map_err(|why| {
        let why = clean(&why, 120);
        format!("it is no list of `targets` and `labels`: {why}")
    })?;
    let mut found = BTreeSet::new();
    for Listed { targets, labels } in groups {
        let is_long = |text: &String| text.len() > TEXT_MAX;
        if targets.iter().any(is_long) || labels.values().any(is_long) {
            return Err(format!("a text of it is longer than {TEXT_MAX} bytes"));
        }
        for address in targets {
            found.insert(Found {
                address,
                labels: labels.clone(),
            });
        }
        if found.len() > FOUND_MAX {
            return Err(format!("it lists more than {FOUND_MAX} things"));
        }
    }
    Ok(found.into_iter().collect())
}

/// What is known of one source, and whether it can be believed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Known {
    /// The list that holds.
    pub list: Vec<Found>,
    empty_reads: u8,
    fault: Option<String>,
}

/// What a reading changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Learned {
    /// Whether another list holds now.
    pub is_other: bool,
    /// The trouble with the source if it is new: why, or nothing if it is over.
    pub trouble: Option<Option<String>>,
}

impl Known {
    /// Begins with what was known before.
    pub fn of(list: Vec<Found>) -> Self {
        Self {
            list,
            ..Self::default()
        }
    }

    /// Takes in a reading. A source that fails changes nothing, however long it does; an empty list after one with things
    /// is believed at the third reading in a row.
    pub fn take(&mut self, read: Result<Vec<Found>, String>) -> Learned {
        let list = match read {
            Ok(list) => list,
            Err(why) => {
                let is_new = self.fault.is_none();
                self.fault = Some(why.clone());
                return Learned {
                    is_other: false,
                    trouble: is_new.then_some(Some(why)),
                };
            }
        };
        let trouble = self.fault.take().map(|_why| None);
        if list.is_empty() && !self.list.is_empty() {
            self.empty_reads += 1;
            if self.empty_reads < EMPTY_READS {
                return Learned {
                    is_other: false,
                    trouble,
                };
            }
        }
        self.empty_reads = 0;
        let is_other = self.list != list;
        self.list = list;
        Learned { is_other, trouble }
    }
}

/// The `target:` of each entry of `discovery:`, as nodes: they are filled in and decoded once for each thing.
pub(super) fn templates(tree: &Node) -> BTreeMap<String, Node> {
    let section = |node: &Node, key: &str| match &node.kind {
        Kind::Map(entries) => entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| entry.value.clone()),
        Kind::Scalar(..) | Kind::List(_) => None,
    };
    let Some(Kind::Map(entries)) = section(tree, "discovery").map(|node| node.kind) else {
        return BTreeMap::new();
    };
    entries
        .into_iter()
        .filter_map(|entry| Some((entry.key, section(&entry.value, "target")?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(names: &[&str]) -> Vec<Found> {
        names
            .iter()
            .map(|name| Found {
                address: (*name).to_owned(),
                labels: BTreeMap::new(),
            })
            .collect()
    }

    #[test]
    fn lists_are_read_as_json_and_as_yaml() {
        let json = r#"[{"targets":["b:1","a:1"],"labels":{"team":"core"}},{"targets":["a:1"],"labels":{"team":"core"}}]"#;
        let yaml = "- targets: [a:1, b:1]\n  labels: { team: core }\n";
        let list = read_list(json.as_bytes()).unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!(list[0].labels["team"], "core");
        assert_eq!(read_list(yaml.as_bytes()).unwrap(), list);
        assert_eq!(read_list(b"[]").unwrap(), []);
        for wrong in [
            "",
            "{}",
            "<html>",
            "[{\"targets\":[1]}]",
            "[{\"labels\":{}}]",
            "[{\"targets\":[\"a\"]},",
            "\u{0}",
        ] {
            assert!(read_list(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_failing_source_forgets_nothing_and_is_told_once() {
        let mut known = Known::of(found(&["a", "b"]));
        let learned = known.take(Err(String::from("refused")));
        assert_eq!(learned.trouble, Some(Some(String::from("refused"))));
        for _ in 0..100 {
            assert_eq!(known.take(Err(String::from("refused"))), Learned::default());
        }
        assert_eq!(known.list.len(), 2);
        let learned = known.take(Ok(found(&["a"])));
        assert_eq!((learned.is_other, learned.trouble), (true, Some(None)));
    }

    #[test]
    fn an_empty_list_is_believed_the_third_time() {
        let mut known = Known::of(found(&["a"]));
        assert!(!known.take(Ok(vec![])).is_other);
        assert!(!known.take(Ok(vec![])).is_other);
        assert!(!known.take(Ok(found(&["a"]))).is_other);
        assert!(!known.take(Ok(vec![])).is_other);
        assert!(!known.take(Err(String::from("x"))).is_other);
        assert!(!known.take(Ok(vec![])).is_other);
        assert_eq!(known.list.len(), 1);
        assert!(known.take(Ok(vec![])).is_other);
        assert!(known.list.is_empty());
        assert!(!known.take(Ok(vec![])).is_other);
    }

    proptest! {
        #[test]
        fn no_list_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\":, a-z\\n-]{0,80}") {
            let _ = read_list(&bytes);
            let _ = read_list(text.as_bytes());
        }
    }
}
