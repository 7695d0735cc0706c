//! What a bot does to deliver one parcel: a request, or a few of them, one after the other.
//!
//! [`Errand`] is a plain state machine: it says which [`Call`] is next, is told the [`Answer`], and ends with a [`Delivery`].
//! Whoever drives it knows Slack's addresses and forms; it knows none of them.
//!
//! | the parcel | calls |
//! |---|---|
//! | begins a living message, or is a message by itself | post |
//! | goes on with a living message | edit it, then a line in its thread |
//! | goes on with what people have done | edit it |
//! | may have arrived before | first look whether it is there; what is there is not told again |
//! | the living message cannot be edited any more | post a new one |
//!
//! An edit says what is true now, so it may be repeated without harm. A post and a line of a thread carry the sequence of
//! the newest entry that they tell of each incident, by which they are found again: whatever has that sequence or a lower one
//! is told.

pub mod answer;
mod driver;
#[cfg(test)]
mod tests;

pub use self::answer::{Answer, Fault, Found};
pub use self::driver::{Body, Line};

use super::courier::{Parcel, Search, Way};
use crate::model::{Delivery, EntryKey, IncidentId, Spot, Timestamp};

/// At most so many pages of a channel's or a thread's messages are read; what is further back is not found.
const PAGES_MAX: u32 = 5;
/// At most so many pages of the workspace's channels are read for the id of one.
const LIST_PAGES_MAX: u32 = 20;

/// One request to Slack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// Which id the channel of the file has.
    Channels {
        /// The page.
        cursor: Option<String>,
    },
    /// The messages of a channel since then.
    History {
        /// The channel.
        channel_id: String,
        /// From when on.
        since: Timestamp,
        /// The page.
        cursor: Option<String>,
    },
    /// The thread of a message.
    Replies {
        /// The message.
        of: Spot,
        /// The page.
        cursor: Option<String>,
    },
    /// The whole message.
    Post {
        /// Whether it has to say that it may have come before.
        is_repeat: bool,
    },
    /// The same in place of what a message says now.
    Update {
        /// The message.
        spot: Spot,
        /// The sequence of the entry that made it.
        begun_by: u32,
    },
    /// A line in the thread of a message.
    Reply {
        /// The message.
        to: Spot,
        /// What is told already: entries up to this sequence.
        after: Option<u32>,
        /// Whether it has to say that it may have come before.
        is_repeat: bool,
    },
}

impl Call {
    /// Slack's name of the method.
    ///
    /// Source: <https://docs.slack.dev/reference/methods>.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Channels { .. } => "conversations.list",
            Self::History { .. } => "conversations.history",
            Self::Replies { .. } => "conversations.replies",
            Self::Post { .. } | Self::Reply { .. } => "chat.postMessage",
            Self::Update { .. } => "chat.update",
        }
    }
}

/// The requests that deliver one parcel. See the [module](self).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Errand {
    call: Call,
    /// What the parcel tells, one for each incident.
    wanted: Vec<Wanted>,
    search: Option<Box<Search>>,
    /// The living message that was found, and up to which sequence it tells.
    found: Option<(Spot, u32)>,
    /// The message that it is about by now, if that is another one than the parcel says.
    moved_to: Option<Spot>,
    /// A message that cannot be edited any more.
    gone: Option<Spot>,
    /// Slack's id of the channel, if the file says it.
    channel_id: Option<String>,
    /// Whether somebody alone is told; which channel that is Slack says with the first message.
    is_direct: bool,
    /// Whether an edit is all that there is to it: it tells of what people have done, in one line.
    is_one_line: bool,
    pages: u32,
}

/// What a parcel tells of one incident.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Wanted {
    incident: IncidentId,
    first: u32,
    newest: u32,
    /// What was found of it: entries up to this sequence are told.
    told: Option<u32>,
}

impl Wanted {
    fn is_told(&self) -> bool {
        self.told.is_some_and(|told| told >= self.newest)
    }
}

fn wanted(parcel: &Parcel) -> Vec<Wanted> {
    let mut all: Vec<Wanted> = Vec::new();
    for entry in &parcel.entries {
        let EntryKey {
            incident, sequence, ..
        } = &entry.key;
        match all.iter_mut().find(|wanted| wanted.incident == *incident) {
            Some(wanted) => wanted.newest = wanted.newest.max(*sequence),
            None => all.push(Wanted {
                incident: incident.clone(),
                first: *sequence,
                newest: *sequence,
                told: None,
            }),
        }
    }
    all
}

impl Errand {
    /// The errand of this parcel to the channel that the file calls so: by its id, or by `#` and its name.
    pub fn new(parcel: &Parcel, channel: &str) -> Self {
        let mut errand = Self {
            call: Call::Post { is_repeat: false },
            wanted: wanted(parcel),
            search: parcel.search.clone(),
            found: None,
            moved_to: None,
            gone: None,
            channel_id: (is_id(channel) && !is_user(channel)).then(|| channel.to_owned()),
            is_direct: is_user(channel),
            is_one_line: {
                let newest = parcel.newest();
                newest.is_account() || newest.ends_account()
            },
            pages: 0,
        };
        match &parcel.way {
            Way::GoOn(message) => {
                errand.call = Call::Update {
                    spot: message.spot.clone(),
                    begun_by: message.begun_by,
                };
            }
            Way::Begin | Way::Post | Way::Spare => {
                errand.look(errand.channel_id.clone());
            }
        }
        errand
    }

    /// What to ask next.
    pub const fn next(&self) -> &Call {
        &self.call
    }

    /// Takes what was answered to [`next`](Self::next); gives how it ended, if it did.
    pub fn answered(&mut self, answer: Answer) -> Option<Delivery> {
        let call = self.call.clone();
        match (call, answer) {
            (_, Answer::Failed(fault)) => self.failed(fault),
            (Call::Channels { .. }, Answer::Channels { id: Some(id), .. }) => {
                self.look(Some(id));
                None
            }
            (Call::Channels { .. }, Answer::Channels { id: None, next }) => {
                self.turn_page(next, LIST_PAGES_MAX);
                None
            }
            (Call::History { .. }, Answer::Messages { found, next }) => {
                self.read_channel(&found, next)
            }
            (Call::Replies { of, .. }, Answer::Messages { found, next }) => {
                self.read_thread(of, &found, next)
            }
            (Call::Update { .. }, Answer::Done | Answer::Posted(_)) if self.is_one_line => {
                Some(self.done())
            }
            (Call::Update { spot, .. }, Answer::Done | Answer::Posted(_)) => {
                self.edited(spot);
                None
            }
            (Call::Post { .. }, Answer::Posted(spot)) => Some(Delivery::Posted(spot)),
            (Call::Reply { .. }, Answer::Posted(_) | Answer::Done) => Some(self.done()),
            // The answer to another question: nobody knows what became of this one.
            (
                Call::Channels { .. }
                | Call::History { .. }
                | Call::Replies { .. }
                | Call::Post { .. }
                | Call::Reply { .. }
                | Call::Update { .. },
                Answer::Done
                | Answer::Posted(_)
                | Answer::Channels { .. }
                | Answer::Messages { .. },
            ) => self.failed(Fault::Lost(String::from("Slack answered something else"))),
        }
    }

    /// Looks whether it is there, if that is to be done, else posts.
    fn look(&mut self, channel_id: Option<String>) {
        let Some(search) = &self.search else {
            self.call = Call::Post { is_repeat: false };
            return;
        };
        self.pages = 0;
        self.call = match channel_id.or_else(|| search.channel_id.clone()) {
            Some(channel_id) => Call::History {
                channel_id,
                since: search.since,
                cursor: None,
            },
            None if self.is_direct => Call::Post { is_repeat: true },
            None => Call::Channels { cursor: None },
        };
    }

    /// Goes on with the next page of a search; without one, or with too many of them, nothing is found.
    fn turn_page(&mut self, next: Option<String>, pages_max: u32) {
        self.pages += 1;
        if next.is_none() || self.pages >= pages_max {
            self.cannot_search();
            return;
        }
        match &mut self.call {
            Call::Channels { cursor }
            | Call::History { cursor, .. }
            | Call::Replies { cursor, .. } => *cursor = next,
            Call::Post { .. } | Call::Update { .. } | Call::Reply { .. } => {}
        }
    }

    /// A page of the channel was read.
    fn read_channel(&mut self, found: &[Found], next: Option<String>) -> Option<Delivery> {
        self.note(found);
        if let [wanted] = self.wanted.as_slice() {
            // One that cannot be edited any more is found all the same.
            let is_ours =
                |found: &&Found| found.does_live && self.gone.as_ref() != Some(&found.spot);
            let ours = found.iter().filter(is_ours);
            let told = |found: &Found| {
                let told = found.told_of(&wanted.incident)?;
                (told >= wanted.first).then(|| (found.spot.clone(), told))
            };
            let newest = ours.filter_map(told).max_by_key(|(_, told)| *told);
            self.found = newest.or_else(|| self.found.take());
        }
        let is_all_told = self.wanted.iter().all(Wanted::is_told);
        if let Some((spot, told)) = self.found.clone() {
            if is_all_told {
                return Some(Delivery::Posted(spot));
            }
            self.moved_to = Some(spot.clone());
            self.call = Call::Update {
                spot,
                begun_by: told,
            };
        } else if is_all_told {
            return Some(Delivery::Accepted);
        } else if next.is_some() {
            self.turn_page(next, PAGES_MAX);
        } else {
            // What was told in part is told again as a whole.
            let is_begun = self.wanted.iter().any(|wanted| wanted.told.is_some());
            self.call = Call::Post {
                is_repeat: is_begun || self.is_doubtful(),
            };
        }
        None
    }

    /// A page of the thread was read.
    fn read_thread(&mut self, of: Spot, found: &[Found], next: Option<String>) -> Option<Delivery> {
        self.note(found);
        if self.wanted.iter().all(Wanted::is_told) {
            return Some(self.done());
        }
        if next.is_some() {
            self.turn_page(next, PAGES_MAX);
        } else {
            self.call = Call::Reply {
                to: of,
                after: self.told(),
                is_repeat: self.is_doubtful(),
            };
        }
        None
    }

    /// Notes what messages tell that are there.
    fn note(&mut self, found: &[Found]) {
        for wanted in &mut self.wanted {
            let here = found
                .iter()
                .filter_map(|found| found.told_of(&wanted.incident))
                .filter(|told| *told >= wanted.first);
            wanted.told = here.chain(wanted.told).max();
        }
    }

    /// Up to which sequence it is told, of the one incident that has a thread.
    fn told(&self) -> Option<u32> {
        self.wanted.first().and_then(|wanted| wanted.told)
    }

    /// The message says what is true; what is missing is the line of the thread.
    fn edited(&mut self, spot: Spot) {
        self.pages = 0;
        self.call = if self.search.is_some() {
            Call::Replies {
                of: spot,
                cursor: None,
            }
        } else {
            Call::Reply {
                to: spot,
                after: self.told(),
                is_repeat: false,
            }
        };
    }

    /// Whether that nothing was found proves nothing.
    fn is_doubtful(&self) -> bool {
        self.search.as_ref().is_some_and(|search| !search.is_proof)
    }

    /// Nobody can say whether it is there: it is told, and says that it may be a repeat.
    fn cannot_search(&mut self) {
        self.call = match &self.call {
            Call::Replies { of, .. } => Call::Reply {
                to: of.clone(),
                after: self.told(),
                is_repeat: true,
            },
            Call::Channels { .. }
            | Call::History { .. }
            | Call::Post { .. }
            | Call::Update { .. }
            | Call::Reply { .. } => Call::Post { is_repeat: true },
        };
    }

    fn done(&self) -> Delivery {
        match &self.moved_to {
            Some(spot) => Delivery::Posted(spot.clone()),
            None => Delivery::Accepted,
        }
    }

    fn failed(&mut self, fault: Fault) -> Option<Delivery> {
        match &self.call {
            Call::Channels { .. } | Call::History { .. } | Call::Replies { .. } => {
                self.failed_to_search(fault)
            }
            Call::Update { spot, .. } => match fault {
                Fault::Gone(_) => {
                    // An attempt before may have found the same, and posted a new one, where the file says by now.
                    self.gone = Some(spot.clone());
                    self.found = None;
                    self.moved_to = None;
                    for wanted in &mut self.wanted {
                        wanted.told = None;
                    }
                    self.look(self.channel_id.clone());
                    None
                }
                // Whether it is edited or not: it will be edited again.
                Fault::Lost(why) => Some(later(why)),
                other @ (Fault::Throttled { .. }
                | Fault::Later(_)
                | Fault::Refused(_)
                | Fault::Malformed(_)) => Some(other.into_delivery()),
            },
            Call::Post { .. } | Call::Reply { .. } => Some(fault.into_delivery()),
        }
    }

    fn failed_to_search(&mut self, fault: Fault) -> Option<Delivery> {
        let is_patient = self.search.as_ref().is_some_and(|search| search.is_patient);
        match fault {
            Fault::Throttled { .. } if is_patient => Some(fault.into_delivery()),
            Fault::Later(why) | Fault::Lost(why) if is_patient => Some(later(why)),
            Fault::Throttled { .. }
            | Fault::Later(_)
            | Fault::Lost(_)
            | Fault::Refused(_)
            | Fault::Malformed(_)
            | Fault::Gone(_) => {
                self.cannot_search();
                None
            }
        }
    }
}

/// Whether the file names a channel by its id.
pub fn is_id(channel: &str) -> bool {
    !channel.starts_with('#')
}

/// Whether this is somebody's id and no channel's.
fn is_user(channel: &str) -> bool {
    channel.starts_with(['U', 'W'])
}

const fn later(why: String) -> Delivery {
    Delivery::Retry {
        after: None,
        is_throttled: false,
        why,
    }
}

impl Fault {
    /// What it means for something that would be there now if it had gone well.
    fn into_delivery(self) -> Delivery {
        match self {
            Self::Throttled { after, why } => Delivery::Retry {
                after,
                is_throttled: true,
                why,
            },
            // The thread vanished after its message was edited: the next edit finds that out.
            Self::Later(why) | Self::Gone(why) => later(why),
            Self::Lost(why) => Delivery::Unsure { why },
            Self::Refused(why) => Delivery::Refused {
                why,
                is_malformed: false,
            },
            Self::Malformed(why) => Delivery::Refused {
                why,
                is_malformed: true,
            },
        }
    }
}
