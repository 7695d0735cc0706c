//! Who tells the targets of one incident apart, and what has to be so then.

use hekate::{
    engine::Event,
    model::{
        Entry, Incident, Kind,
        planned::{Asked, Person, Wish},
    },
};

use crate::world::World;

/// The incident of which this begins a part as an incident of its own.
pub(crate) fn whole_of(entry: &Entry) -> Option<&str> {
    let mut notes = entry.story.notes.iter();
    let whole = notes.find_map(|note| note.strip_prefix("was told as a part of "))?;
    let (whole, _) = whole.split_once(';')?;
    (entry.kind == Kind::Opened).then_some(whole)
}

impl World {
    /// Somebody splits one of the open incidents of several.
    pub(super) fn split(&mut self, which: usize, only_first: bool) {
        let open = self.checks.incidents.values();
        let open = open.filter(|incident| incident.is_open() && incident.common.is_some());
        let open: Vec<&Incident> = open.collect();
        let Some(whole) = open.get(which % open.len().max(1)).copied() else {
            return;
        };
        let incident = whole.id.clone();
        let targets: Vec<_> = if only_first {
            let mut bad = whole.common.iter().flat_map(|common| common.bad());
            bad.next()
                .map(|member| member.target.clone())
                .into_iter()
                .collect()
        } else {
            Vec::new()
        };
        let by = Person {
            name: String::from("jan@laptop"),
            slack_user: None,
        };
        self.chronicle.works.parted = None;
        self.chronicle.works.splits = true;
        let before = self.checks.incidents.len();
        let wish = Wish::Split {
            incident: incident.clone(),
            targets,
        };
        // Killed before it could answer, nobody knows whether it was done.
        let is_same = self.event(Event::Planned(Asked {
            number: 1,
            wish,
            by,
        }));
        let works = &mut self.chronicle.works;
        works.splits = false;
        let Some((count, is_over)) = works.parted.take().filter(|_| is_same) else {
            return;
        };
        let new = self.checks.incidents.len() - before;
        let whole = &self.checks.incidents[&incident];
        if new != count || count == 0 || is_over == whole.is_open() {
            works.faults.push(format!(
                "{incident} was split into {count}, {new} are stored, and it is {is_over} that it is over: {whole:?}"
            ));
        }
    }
}
