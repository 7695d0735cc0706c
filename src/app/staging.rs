//! What a plan passes before it holds.

use std::{fmt, sync::Arc};

use crate::model::Plan;

/// Changes every plan before it holds: at the start, at a reload, and when other targets are found. By default nothing is
/// changed.
#[derive(Clone, Default)]
pub struct Staging(Option<Arc<dyn Fn(Plan) -> Plan + Send + Sync>>);

impl Staging {
    /// Every plan passes this.
    pub fn new(change: impl Fn(Plan) -> Plan + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(change)))
    }

    /// The plan that holds in place of this one.
    pub(super) fn of(&self, plan: Arc<Plan>) -> Arc<Plan> {
        match &self.0 {
            Some(change) => Arc::new(change(Plan::clone(&plan))),
            None => plan,
        }
    }
}

impl fmt::Debug for Staging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staging").finish_non_exhaustive()
    }
}
