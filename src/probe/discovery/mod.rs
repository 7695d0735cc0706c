//! What is there: names with SRV records, containers of a Docker engine, pods and services of Kubernetes.
//!
//! A reading brings a whole list or the reason why there is none; half a list is none. What the list means, and for how
//! long an old one holds, is decided elsewhere. What a source says is foreign text: it is cleaned here.

mod docker;
mod kubernetes;
#[cfg(feature = "dns")]
mod srv;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use tokio::time::timeout;

use crate::{
    clock::Clock,
    model::{
        discovery::{Found, Place},
        text::{clean, span},
    },
};

use super::logs::web::Tls;

/// Longer one reading does not take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Lists of many pages take longer than others.
const PAGES_WITHIN: Duration = Duration::from_secs(20);
/// The most things of one list.
const FOUND_MAX: usize = 20_000;
/// The most labels of one thing, those of ours not counted.
const LABELS_MAX: usize = 64;
/// The longest name of a label, in characters.
const NAME_MAX: usize = 128;
/// The longest value of a label, in characters.
const VALUE_MAX: usize = 256;
/// Of the words of a trouble so many characters are kept.
const WORDS_MAX: usize = 200;

/// Reads what places know. All readings share TLS settings.
pub struct Reader {
    clock: Clock,
    tls: Tls,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl Reader {
    /// A reader.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            tls: Tls::new(),
        }
    }

    /// One reading, over within 5 s, or 20 s for lists of many pages; `before` is the list that holds.
    ///
    /// The list is in order, and nothing is in it twice.
    ///
    /// # Errors
    ///
    /// One clause for people: why there is no list.
    pub async fn read(&self, place: &Place, before: &[Found]) -> Result<Vec<Found>, String> {
        let limit = match place {
            Place::DnsSrv(_) | Place::Docker(_) => ANSWER_WITHIN,
            Place::Kubernetes(_) => PAGES_WITHIN,
        };
        let now = self.clock.now().at;
        let reading = async {
            match place {
                #[cfg(feature = "dns")]
                Place::DnsSrv(place) => srv::read(place, limit).await,
                #[cfg(not(feature = "dns"))]
                Place::DnsSrv(_) => Err(String::from("this hekate was built without `dns`")),
                Place::Docker(place) => docker::read(place, &self.tls, before, now).await,
                Place::Kubernetes(place) => kubernetes::read(place, &self.tls, before, now).await,
            }
        };
        let read = timeout(limit, reading)
            .await
            .unwrap_or_else(|_late| Err(format!("there was no answer within {}", span(limit))));
        let mut list = read.map_err(|words| clean(&words, WORDS_MAX))?;
        if list.len() > FOUND_MAX {
            return Err(too_many());
        }
        list.sort();
        list.dedup();
        Ok(list)
    }
}

fn too_many() -> String {
    format!("it lists more than {FOUND_MAX} things")
}

/// What is said of a thing: first what others say, then what we say, which replaces it.
#[derive(Default)]
struct Labels(BTreeMap<String, String>);

impl Labels {
    /// What others say; keys are made such that a template can name them.
    fn foreign<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        let mut labels = Self::default();
        for (key, value) in pairs.into_iter().take(LABELS_MAX) {
            let key: String = key
                .chars()
                .take(NAME_MAX)
                .map(|c| {
                    if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') {
                        c
                    } else {
                        '_'
                    }
                })
                .collect();
            labels.set(&key, value);
        }
        labels
    }

    fn set(&mut self, key: &str, value: &str) {
        self.0.insert(key.to_owned(), clean(value, VALUE_MAX));
    }

    fn set_some(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.set(key, value);
        }
    }

    /// What a thing says to us by itself under this prefix: `health`, `port`, `group`, `name` and whatever else.
    ///
    /// A path always begins with a slash, so that it cannot become a part of a host.
    fn own<'a>(&mut self, prefix: &str, pairs: impl IntoIterator<Item = (&'a String, &'a String)>) {
        self.set("health", "/health");
        for (key, value) in pairs {
            match key.strip_prefix(prefix) {
                Some("health") if !value.starts_with('/') => {
                    self.set("health", &format!("/{value}"));
                }
                Some(own) if !own.is_empty() => {
                    let own = Self::foreign([(&own.to_owned(), value)]);
                    self.0.extend(own.0);
                }
                Some(_) | None => {}
            }
        }
    }
}

/// Whether a thing says that it is not to be watched.
fn is_switched_off(word: Option<&String>) -> bool {
    word.is_some_and(|word| !matches!(word.trim(), "true" | "1" | "yes" | "on"))
}

/// What was known before of the thing with this label.
fn known_before<'a>(before: &'a [Found], key: &str, value: &str) -> Option<&'a Found> {
    before
        .iter()
        .find(|found| found.labels.get(key).is_some_and(|known| known == value))
}
