//! What happens in a demo: stories in the language of `hekate test`, which plays them in virtual time as well.

use std::{path::PathBuf, sync::Arc};

use clap::ValueEnum;

use crate::{
    config::{
        Environment,
        script::{Library, Script},
    },
    model::Plan,
};

/// One of the stories.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Story {
    /// A bit of everything.
    #[default]
    Tour,
    /// One of a pair refuses and comes back.
    Outage,
    /// The store of logs falls behind; then a target really is silent.
    LogLag,
    /// A whole host goes away.
    Storm,
    /// Our own network goes away.
    Blind,
    /// Deploys that were announced.
    Deploy,
    /// Up and down, again and again.
    Flap,
}

impl Story {
    const fn text(self) -> &'static str {
        match self {
            Self::Tour => include_str!("stories/tour.yaml"),
            Self::Outage => include_str!("stories/outage.yaml"),
            Self::LogLag => include_str!("stories/log-lag.yaml"),
            Self::Storm => include_str!("stories/storm.yaml"),
            Self::Blind => include_str!("stories/blind.yaml"),
            Self::Deploy => include_str!("stories/deploy.yaml"),
            Self::Flap => include_str!("stories/flap.yaml"),
        }
    }

    /// The story as a script about this plan.
    ///
    /// # Errors
    ///
    /// In words, if the script names what the plan does not have.
    pub(super) fn script(self, plan: &Plan) -> Result<Script, String> {
        let environment = Environment::of::<&str, &str>([]);
        let library = Library::new(environment, PathBuf::from("targets.yaml"));
        let mut library = library.with_plan(Arc::new(plan.clone()));
        let mut loaded = library.load_text("story.yaml", self.text());
        match loaded.scripts.pop() {
            Some(script) => Ok(script),
            None => Err(loaded.report.first_line()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::review;

    /// What a story promises comes true in virtual time, by the engine and the plan of the demo.
    #[test]
    fn every_story_does_what_it_promises() {
        let plan = super::super::plan::pretended();
        for story in Story::value_variants() {
            let script = story.script(&plan).expect("a story about the shipped file");
            for play in 1..=2 {
                let faults = review::review(&script, play).faults;
                let words: Vec<_> = faults
                    .iter()
                    .map(|fault| (fault.after, fault.words.as_str()))
                    .collect();
                assert_eq!(words, [], "{story:?}, play {play}");
            }
        }
    }
}
