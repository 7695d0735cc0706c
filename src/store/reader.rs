//! Questions about the past, for other threads.

use super::{
    Error,
    schema::{Form, v1},
    vault::Door,
};
use crate::model::{Incident, IncidentId, TargetId, Timestamp, Transition};

/// Reads history beside the writer. Cheap to clone; goes on working when the store is closed and opened again.
///
/// Every call waits for the disk, up to 20 s on one that does not answer: not for a thread that others wait for.
#[derive(Clone, Debug)]
pub struct Reader {
    door: Door,
}

impl Reader {
    pub(super) const fn new(door: Door) -> Self {
        Self { door }
    }

    /// The newest `limit` transitions of all checks of this target decided at or after `since`, oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] while there is no store; else what the disk or sled reports.
    pub fn transitions(
        &self,
        target: &TargetId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Transition>, Error> {
        let found = self.door.transitions(target.as_str(), since, limit)?;
        Ok(found.into_iter().map(Form::into_model).collect())
    }

    /// The incident with this id, open or closed, if it is not beyond retention.
    ///
    /// # Errors
    ///
    /// As [`transitions`](Self::transitions).
    pub fn incident(&self, id: &IncidentId) -> Result<Option<Incident>, Error> {
        let Some(number) = id.number() else {
            return Ok(None);
        };
        Ok(self.door.incident(number)?.map(Form::into_model))
    }

    /// The newest `limit` incidents that were open at some time since then, newest first.
    ///
    /// # Errors
    ///
    /// As [`transitions`](Self::transitions).
    pub fn incidents(&self, since: Timestamp, limit: usize) -> Result<Vec<Incident>, Error> {
        let was_open = move |incident: &v1::Incident| {
            incident
                .closed_at
                .is_none_or(|closed_at| closed_at.0 >= since)
        };
        let found = self.door.incidents(limit, was_open)?;
        Ok(found.into_iter().map(Form::into_model).collect())
    }
}
