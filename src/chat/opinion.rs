//! What people say of incidents that are over.

use std::sync::Arc;

use super::Chat;
use crate::{
    command::{Opinion, Reply},
    model::{Incident, IncidentId, incident::Mark, planned::Person},
};

/// Why an incident was not marked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotMarked {
    /// There is none that is called so, or it is beyond retention.
    Unknown,
    /// It is not over.
    Open,
    /// The store did not say; the sentence is its own.
    Store(String),
}

impl Chat {
    /// Writes down what an incident was worth; `said` is asked once it is known to be over, and may leave it as it is.
    ///
    /// # Errors
    ///
    /// If there is nothing to mark, or it cannot be read.
    pub async fn mark(
        &self,
        id: &IncidentId,
        said: impl FnOnce(&Incident) -> Option<Mark>,
    ) -> Result<Incident, NotMarked> {
        let (read, wanted) = (Arc::clone(&self.incidents), id.clone());
        let asked = self.readers.ask(move || read(&wanted)).await;
        let mut incident = asked.map_err(NotMarked::Store)?.ok_or(NotMarked::Unknown)?;
        if incident.is_open() {
            return Err(NotMarked::Open);
        }
        if let Some(mark) = said(&incident) {
            incident.mark = Some(mark);
            (self.marked)(incident.clone());
        }
        Ok(incident)
    }

    /// What becomes of what somebody typed.
    pub(super) async fn opined(&self, opinion: Opinion, by: &Person) -> Reply {
        let Opinion {
            incident,
            worth,
            why,
        } = opinion;
        let at = self.clock.now().at;
        let mark = Mark {
            worth,
            reason: why,
            by: by.name.clone(),
            at,
        };
        let words = match self.mark(&incident, |_| Some(mark)).await {
            Ok(_) => {
                return Reply::Said(vec![format!(
                    "{incident} is marked as {}; `hekate report noise` counts it",
                    worth.as_str()
                )]);
            }
            Err(why) => not_marked(&incident, why),
        };
        super::problem(words, "")
    }
}

/// Why not, as a sentence without a full stop.
pub(super) fn not_marked(id: &IncidentId, why: NotMarked) -> String {
    match why {
        NotMarked::Unknown => format!("no incident is called {id}, or it is beyond retention"),
        NotMarked::Open => {
            format!("{id} is still open; say what it was worth when it is over")
        }
        NotMarked::Store(why) => why,
    }
}
