//! Incidents as the page and the feeds tell them: who, how bad, from when to when; to insiders also why, and who was on it.

use std::{collections::HashMap, time::Duration};

use maud::{Markup, html};

use super::{
    Level, Look, Page, Viewer,
    html::{state, time},
    words::Phrase,
};
use crate::{
    command::{Line, Status},
    model::{
        Incident, TargetId, Timestamp, Verdict,
        incident::Worth,
        text::{FOREIGN_MAX, clean, span},
    },
};

/// The page tells incidents that ended so lately, and at most so many of them.
const ENDED_FOR: Duration = Duration::from_hours(14 * 24);
const ENDED_MAX: usize = 10;

/// An incident as whoever looks may know it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Story {
    /// The word that people say.
    pub(super) id: String,
    /// Whom it was about.
    pub(super) names: String,
    /// The worst that was told of it.
    pub(super) level: Level,
    pub(super) since: Timestamp,
    /// Absent while it is open.
    pub(super) until: Option<Timestamp>,
    /// When there was last anything new.
    pub(super) updated_at: Timestamp,
    /// What was seen most often, for insiders.
    pub(super) why: Option<String>,
    /// That somebody was on it; for insiders, who.
    pub(super) attended: Option<String>,
    /// Whether somebody said that nothing was wrong.
    pub(super) is_false_alarm: bool,
}

/// Tells incidents to whoever looks.
#[derive(Debug)]
pub(super) struct Teller<'a> {
    look: &'a Look<'a>,
    lines: HashMap<&'a TargetId, &'a Line>,
}

impl<'a> Teller<'a> {
    pub(super) fn of(status: &'a Status, look: &'a Look<'a>) -> Self {
        let lines = status.lines().map(|line| (&line.target.id, line)).collect();
        Self { look, lines }
    }

    /// Those that whoever looks may know of, in their order.
    pub(super) fn stories(&self, incidents: &[Incident]) -> impl Iterator<Item = Story> {
        incidents.iter().filter_map(|incident| self.story(incident))
    }

    /// What there is to tell; nothing of hekate's own notices, and to strangers nothing of what is not theirs to see.
    fn story(&self, incident: &Incident) -> Option<Story> {
        let is_inside = self.look.viewer == Viewer::Insider;
        let names: Vec<_> = incident
            .targets
            .iter()
            .filter_map(|id| match self.lines.get(id) {
                Some(line) if is_inside || !line.target.stands_for_others() => {
                    Some((line.target.title(), None))
                }
                // Whoever left the file may have been nobody's service.
                None if is_inside => Some((id.as_str().replace('/', " "), None)),
                Some(_) | None => None,
            })
            .collect();
        let level = match incident.worst {
            Verdict::Down => Level::Outage,
            Verdict::Degraded => Level::Degraded,
            Verdict::Unknown => Level::Unseen,
            Verdict::Suspect | Verdict::Operational => return None,
        };
        if names.is_empty() {
            return None;
        }
        let language = self.look.language;
        let taken = incident.acknowledged.as_ref();
        let mark = incident.mark.as_ref();
        let times = [
            incident.closed_at,
            taken.map(|taken| taken.at),
            mark.map(|mark| mark.at),
        ];
        Some(Story {
            id: incident.id.to_string(),
            names: language.names(&names),
            level,
            since: incident.since,
            until: incident.closed_at,
            updated_at: times
                .into_iter()
                .flatten()
                .fold(incident.opened_at, Ord::max),
            why: is_inside.then(|| why(incident)).flatten(),
            attended: taken.map(|taken| {
                if is_inside {
                    language.attended(&taken.by.name)
                } else {
                    language.say(Phrase::SomebodyWasOnIt).to_owned()
                }
            }),
            is_false_alarm: mark.is_some_and(|mark| mark.worth == Worth::FalseAlarm),
        })
    }
}

/// What they had in common, and what was seen most often.
fn why(incident: &Incident) -> Option<String> {
    let common = incident.common.as_ref().map(|common| common.cause.words());
    let seen = incident.seen.first().map(|(words, _)| words.clone());
    let clauses: Vec<_> = common.into_iter().chain(seen).collect();
    (!clauses.is_empty()).then(|| clean(&clauses.join("; "), FOREIGN_MAX))
}

/// The incidents that ended lately.
pub(super) fn section(page: &Page<'_>) -> Markup {
    let say = |phrase| page.look.language.say(phrase);
    let Some(incidents) = page.incidents else {
        return html! {};
    };
    let begin = page.status.now - ENDED_FOR;
    let teller = Teller::of(page.status, &page.look);
    let ended = teller.stories(incidents);
    let mut ended: Vec<_> = ended
        .filter(|story| story.until.is_some_and(|until| until >= begin))
        .collect();
    ended.sort_by_key(|story| std::cmp::Reverse(story.until));
    let more = ended.len().saturating_sub(ENDED_MAX);
    html! {
        section aria-labelledby="past" {
            h2 #past { (say(Phrase::Past)) }
            @if ended.is_empty() {
                p.note { (say(Phrase::NoneLately)) }
            } @else {
                ul.past { @for story in ended.iter().take(ENDED_MAX) { (item(page, story)) } }
            }
            @if more > 0 { p.note { (page.look.language.more_past(more)) } }
        }
    }
}

fn item(page: &Page<'_>, story: &Story) -> Markup {
    let say = |phrase| page.look.language.say(phrase);
    html! {
        li id={ "incident-" (story.id) } {
            p {
                (state(page, story.level)) " "
                strong { (story.names) } " "
                span.since {
                    (time(page, story.since))
                    @if let Some(until) = story.until {
                        "\u{2013}" (time(page, until)) " (" (span(until.since(story.since))) ")"
                    }
                }
            }
            @if let Some(why) = &story.why { p.why { (why) } }
            @if story.is_false_alarm { p.note { (say(Phrase::FalseAlarm)) } }
            @if let Some(attended) = &story.attended { p.note { (attended) } }
        }
    }
}
