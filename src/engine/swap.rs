//! An exchange of roles, told once to whoever hears of the group: quietly, for nothing is wrong.

use super::Engine;
use crate::{
    judge::roles::News,
    model::{
        Batch, Moment, Severity, Slot, Story, Verdict,
        roles::{Roles, source_title},
        text::span,
    },
    route,
};

/// So many members are named; the rest is counted.
const NAMED_MAX: usize = 3;

impl Engine {
    /// Writes down that other members are active now.
    pub(super) fn announce(
        &mut self,
        now: Moment,
        slot: Slot,
        roles: &Roles,
        news: &News,
        batch: &mut Batch,
    ) {
        let Some(watched) = self.at(slot) else { return };
        let decision = route::route(&self.plan, watched.case(Verdict::Operational));
        let channels: Vec<_> = decision
            .to
            .into_iter()
            .map(|(channel, _)| channel)
            .collect();
        let story = Story {
            target: Some(watched.target.id.clone()),
            severity: Severity::Info,
            check: watched.target.checks.first().map(|check| check.kind),
            since: news.since,
            also_told: channels.clone(),
            ..Story::plain(title(roles, news), words(news), now.at)
        };
        self.news(now, story, channels, batch);
    }
}

/// `master: green is active now, blue is not`.
fn title(roles: &Roles, news: &News) -> String {
    let is = |positions: &[usize]| if positions.len() == 1 { "is" } else { "are" };
    let parts = [
        (&news.active, "active now"),
        (
            &news.inactive,
            if news.active.is_empty() {
                "not active any more"
            } else {
                "not"
            },
        ),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(positions, _)| !positions.is_empty())
        .map(|(positions, what)| format!("{} {} {what}", named(roles, positions), is(positions)))
        .collect();
    format!("{}: {}", roles.group, parts.join(", "))
}

fn named(roles: &Roles, positions: &[usize]) -> String {
    let mut names: Vec<String> = positions
        .iter()
        .filter_map(|position| roles.members.get(*position))
        .take(NAMED_MAX)
        .map(|member| member.name.clone())
        .collect();
    let more = positions.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    let last = names.pop().unwrap_or_default();
    if names.is_empty() {
        last
    } else {
        format!("{} and {last}", names.join(", "))
    }
}

/// Who says so, and how sure the time is.
fn words(news: &News) -> String {
    let mut words = match news.from {
        "push" => String::from("said by whoever deploys"),
        from => format!("read from {}", source_title(from)),
    };
    if let Some(before) = news.unseen_since {
        words.push_str("; it may have been up to ");
        words.push_str(&span(news.since.since(before)));
        words.push_str(" earlier, when nobody was looking");
    }
    words
}
