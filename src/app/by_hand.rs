//! Looks that somebody asks for: beside those of the engine, and judged by nobody.

use tokio::sync::oneshot;

use crate::{chat::Glances, model::Slot, probe::Prober};

/// Looks whenever somebody asks.
pub(super) fn glances(prober: Prober) -> Glances {
    std::sync::Arc::new(move |target| {
        let (answer, answered) = oneshot::channel();
        let prober = prober.clone();
        tokio::spawn(async move {
            // It belongs to no slot of the engine.
            let glance = prober.glance(Slot(u32::MAX), &target).await;
            // Whoever asked may have gone.
            let _ = answer.send(glance.worst());
        });
        answered
    })
}
