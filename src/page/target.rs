//! The page of one target: how it is and why, its days, its incidents, and how it changed.

use std::collections::BTreeMap;

use maud::{DOCTYPE, Markup, html};

use super::{
    Page, Viewer, bars,
    headline::Level,
    html::{head, languages, measured, people, role, shape, state, time},
    latency::{self, Chart},
    past,
    words::Phrase,
};
use crate::{
    command::{
        Line,
        known::{self, Terms},
    },
    model::{Channel, ChannelName, TargetId, Transition, Verdict},
};

/// The most changes of a page, the newest ones.
pub const CHANGES_MAX: usize = 20;

/// What the page of one target is made from.
#[derive(Clone, Copy, Debug)]
pub struct TargetPage<'a> {
    /// What the page of all of them is made from.
    pub page: Page<'a>,
    /// The target, one of those.
    pub line: &'a Line,
    /// How it changed, oldest first; absent if that is not known, and for strangers.
    pub changes: Option<&'a [Transition]>,
    /// How long its answers took; empty if that is not known.
    pub charts: &'a [Chart],
    /// How people know the channels.
    pub channels: &'a BTreeMap<ChannelName, Channel>,
}

impl TargetPage<'_> {
    /// For a browser.
    #[must_use]
    pub fn html(&self) -> String {
        let Self { page, line, .. } = self;
        let look = &page.look;
        let level = Level::of(line);
        let title = line.target.title();
        let said = format!("{title}: {}", look.language.level(level));
        let document = html! {
            (DOCTYPE)
            html lang=(look.language.tag()) {
                (head(page, &said))
                body data-refresh-seconds=(look.refresh_seconds) {
                    header {
                        p.name { a href={ "/?lang=" (look.language.tag()) } { (look.title) } }
                        (languages(page))
                    }
                    p #stale hidden role="alert" { (look.language.say(Phrase::Stale)) }
                    main {
                        h1 class=(level.as_str()) {
                            (shape(level)) " " (said) (role(page, line))
                        }
                        p.measured {
                            (look.language.say(Phrase::Since)) " " (time(page, line.since())) " " (page.zone())
                        }
                        (measured(page, line.looked.map(|(at, _)| at)))
                        (people(page, line))
                        (self.known())
                        (self.days())
                        (latency::section(page, self.charts))
                        (self.incidents())
                        (self.changed())
                    }
                }
            }
        };
        document.into_string()
    }

    /// All that is known, for insiders; in the words of the terminal.
    fn known(&self) -> Markup {
        let page = &self.page;
        if page.look.viewer == Viewer::Public {
            return html! {};
        }
        let channel = |name: &ChannelName| {
            let known = self.channels.get(name);
            known.map_or_else(|| name.to_string(), |channel| channel.title().to_owned())
        };
        let terms = Terms {
            time: &|at| page.time(at),
            channel: &channel,
        };
        let facts = known::facts(self.line, page.status.now, &terms);
        html! {
            section aria-labelledby="known" {
                h2 #known { (page.look.language.say(Phrase::Known)) }
                table.known lang="en" {
                    tbody {
                        @for fact in facts {
                            tr { td { (fact.label) } td { (fact.words) } }
                        }
                    }
                }
            }
        }
    }

    /// The days as a bar, and one by one.
    fn days(&self) -> Markup {
        let page = &self.page;
        let say = |phrase| page.look.language.say(phrase);
        let found = page
            .bars
            .and_then(|bars| Some((bars, bars.target(&self.line.target.id)?)));
        html! {
            section aria-labelledby="days" {
                h2 #days { (say(Phrase::Days)) }
                (bars::legend(page))
                @if let Some((bars, bar)) = found {
                    (bars::days(page, bars, bar))
                    details {
                        summary { strong { (say(Phrase::EachDay)) } }
                        (bars::table(page, bars, bar))
                    }
                } @else if page.bars.is_some() {
                    p.note { (say(Phrase::NoDays)) }
                }
            }
        }
    }

    fn incidents(&self) -> Markup {
        let Some(incidents) = self.page.incidents else {
            return html! {};
        };
        let id = &self.line.target.id;
        let of_it = incidents
            .iter()
            .filter(|incident| incident.targets.contains(id));
        let of_it: Vec<_> = of_it.cloned().collect();
        past::section(&Page {
            incidents: Some(&of_it),
            ..self.page
        })
    }

    /// How it changed, for insiders: the reasons say what it answered.
    fn changed(&self) -> Markup {
        let page = &self.page;
        let Some(changes) = self.changes.filter(|_| page.look.viewer == Viewer::Insider) else {
            return html! {};
        };
        html! {
            section aria-labelledby="changes" {
                h2 #changes { (page.look.language.say(Phrase::Changes)) }
                @if changes.is_empty() {
                    p.note { (page.look.language.say(Phrase::NoChange)) }
                } @else {
                    table.changes {
                        tbody {
                            @for change in changes.iter().rev().take(CHANGES_MAX) {
                                tr {
                                    td { (time(page, change.since)) }
                                    td { (state(page, level(change.to))) }
                                    td { (change.check.kind.as_str()) ": " (change.reason.words) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How a verdict counts on pages.
pub(super) const fn level(verdict: Verdict) -> Level {
    match verdict {
        Verdict::Down => Level::Outage,
        Verdict::Degraded => Level::Degraded,
        Verdict::Unknown => Level::Unseen,
        Verdict::Suspect => Level::Checking,
        Verdict::Operational => Level::Fine,
    }
}

/// Where the page of a target is, with everything that means something in an address written otherwise.
///
/// Source: RFC 3986, 3.3 (path).
pub fn address(id: &TargetId) -> String {
    use std::fmt::Write as _;
    let mut out = String::from("/targets/");
    for byte in id.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _infallible = write!(out, "%{byte:02X}");
        }
    }
    out
}
