//! An incident that was closed, as people ask for it by its id.

use crate::model::{
    Board, ChannelName, Incident, IncidentId, TargetId, Timestamp, Verdict, incident::Mark,
    release::near,
};

/// What is known of an incident of the past.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Past {
    /// The word that people say.
    pub id: IncidentId,
    /// Whom it was about, as people call them: `master blue`; empty for a notice of hekate about itself.
    pub titles: Vec<String>,
    /// Their ids.
    pub targets: Vec<TargetId>,
    /// The worst that was told.
    pub worst: Verdict,
    /// Since when it was bad.
    pub since: Timestamp,
    /// When it was closed; absent while it is open.
    pub closed_at: Option<Timestamp>,
    /// Who was told, and when first.
    pub told: Vec<(ChannelName, Timestamp)>,
    /// What was seen meanwhile, and how often.
    pub seen: Vec<(String, u32)>,
    /// What happened near its beginning, one clause each, as far as it is remembered.
    pub near: Vec<String>,
    /// What somebody said of it.
    pub mark: Option<Mark>,
    /// When it was asked for.
    pub now: Timestamp,
}

impl Past {
    /// What the store knows of an incident; the board says what its targets are called today.
    pub fn of(incident: Incident, board: &Board, now: Timestamp) -> Self {
        let title = |id: &TargetId| {
            board
                .row(id)
                .map_or_else(|| id.as_str().replace('/', " "), |row| row.target.title())
        };
        let agenda = board.agenda.load();
        let changes = near(
            agenda.changes.iter(),
            &incident.targets,
            incident.since,
            agenda.near_within,
        );
        Self {
            near: changes
                .into_iter()
                .map(|change| change.near(incident.since))
                .collect(),
            titles: incident.targets.iter().map(title).collect(),
            id: incident.id,
            targets: incident.targets,
            worst: incident.worst,
            since: incident.since,
            closed_at: incident.closed_at,
            told: incident
                .told
                .into_iter()
                .map(|told| (told.channel, told.at))
                .collect(),
            seen: incident.seen,
            mark: incident.mark,
            now,
        }
    }

    /// Whom it was about, in words.
    pub fn title(&self) -> String {
        if self.titles.is_empty() {
            String::from("hekate itself")
        } else {
            self.titles.join(", ")
        }
    }
}
