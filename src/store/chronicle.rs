//! What the journal still tells of the past, read beside a running hekate.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    Error,
    journal::{self, Content},
    live::{rename_in, rename_one},
    schema::{Form, Time, v1},
};
use crate::model::{Entry, Incident, Timestamp, Transition};

/// The past as the journal has it: nothing of it is left out from `since` on.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Chronicle {
    /// How far back it reaches; absent if there is nothing.
    pub since: Option<Timestamp>,
    /// When the last batch was written.
    pub until: Option<Timestamp>,
    /// Every change of a verdict, in order, with the looks that it rests on.
    pub transitions: Vec<Transition>,
    /// Every incident that was open at some time, as it was last written, in the order of their numbers.
    pub incidents: Vec<Incident>,
    /// Every message that was owed to somebody, as it was first written, in order.
    pub messages: Vec<Entry>,
    /// When somebody first took an incident on, by its number. An incident itself forgets that when it changes.
    pub acknowledged_at: BTreeMap<u64, Timestamp>,
}

/// Reads the journal in the store's folder. It only reads, and a running hekate does not mind; lines that are not whole
/// are left out, and `hekate store verify` names them.
///
/// The journal keeps the last 8 to 16 MiB, which are weeks of a small fleet and days of a large and restless one.
///
/// # Errors
///
/// [`Error::Disk`] if the folder cannot be read; [`Error::Newer`] if a newer hekate wrote it.
pub fn chronicle(folder: &Path) -> Result<Chronicle, Error> {
    let mut past = Past::default();
    for line in journal::read_all(folder)? {
        match line.content {
            Content::Checkpoint(checkpoint) => past.begin(*checkpoint),
            Content::Batch(batch) => past.apply(*batch),
        }
    }
    Ok(past.told())
}

/// Which change: of which check, with which number, decided when.
type Place = (v1::CheckId, u64, Time);

fn place_of(transition: &v1::Transition) -> Place {
    (transition.check.clone(), transition.number, transition.at)
}

#[derive(Default)]
struct Past {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    transitions: Vec<v1::Transition>,
    /// Where each change is.
    places: BTreeMap<Place, usize>,
    incidents: BTreeMap<u64, v1::Incident>,
    messages: Vec<v1::Entry>,
    acknowledged_at: BTreeMap<u64, Timestamp>,
    /// Which messages are there already; a later state of one is no other message.
    seen: BTreeSet<v1::EntryKey>,
}

impl Past {
    fn begin(&mut self, checkpoint: v1::Checkpoint) {
        for incident in checkpoint.open {
            self.note_acknowledgement(&incident);
            self.incidents.entry(incident.number).or_insert(incident);
        }
    }

    fn apply(&mut self, batch: v1::Batch) {
        self.since = self.since.or(Some(batch.at.0));
        self.until = self.until.max(Some(batch.at.0));
        if !batch.renamed.is_empty() {
            for transition in &mut self.transitions {
                rename_one(&mut transition.check.target, &batch.renamed);
            }
            let places = self.transitions.iter().map(place_of);
            self.places = places.zip(0..).collect();
            for incident in self.incidents.values_mut() {
                rename_in(incident, &batch.renamed);
            }
        }
        for transition in batch.transitions {
            let place = place_of(&transition);
            // What is written again takes the place of what was written.
            if let Some(at) = self.places.get(&place) {
                self.transitions[*at] = transition;
            } else {
                self.places.insert(place, self.transitions.len());
                self.transitions.push(transition);
            }
        }
        for incident in &batch.incidents {
            self.note_acknowledgement(incident);
        }
        let incidents = batch.incidents.into_iter();
        self.incidents
            .extend(incidents.map(|incident| (incident.number, incident)));
        for entry in batch.entries {
            if self.seen.insert(entry.key.clone()) {
                self.messages.push(entry);
            }
        }
    }

    fn note_acknowledgement(&mut self, incident: &v1::Incident) {
        if let Some(acknowledged) = &incident.acknowledged {
            let first = self.acknowledged_at.entry(incident.number);
            first.or_insert(acknowledged.at.0);
        }
    }

    fn told(self) -> Chronicle {
        Chronicle {
            since: self.since,
            until: self.until,
            transitions: self.transitions.into_iter().map(Form::into_model).collect(),
            incidents: self.incidents.into_values().map(Form::into_model).collect(),
            messages: self.messages.into_iter().map(Form::into_model).collect(),
            acknowledged_at: self.acknowledged_at,
        }
    }
}
