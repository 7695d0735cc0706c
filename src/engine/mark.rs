//! What people say of incidents that are over.

use std::sync::Arc;

use super::{Action, Engine};
use crate::model::{Batch, Incident, Moment};

impl Engine {
    /// Writes a mark down. An incident that is over belongs to nobody any more, so what was stored of it is what is; one that is
    /// open changes, and what was read of it is old by now.
    pub(super) fn marked(now: Moment, incident: Incident, actions: &mut Vec<Action>) {
        if incident.is_open() {
            return;
        }
        let mut batch = Batch::new(now.at);
        batch.incidents.push(incident);
        actions.push(Action::Commit(Arc::new(batch)));
    }
}
