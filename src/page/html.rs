//! The page for a browser. Each state is a word, a shape and a colour, so that none of them has to be seen.

use maud::{DOCTYPE, Markup, html};

use super::{
    PROBLEMS_MAX, Page, Viewer,
    bars::{self, Shown},
    feed,
    headline::{Level, maintenance},
    past, target,
    words::Phrase,
};
use crate::{
    command::{Line, Section},
    model::{Timestamp, page::Language},
};

pub(super) fn page(page: &Page<'_>) -> Markup {
    let look = &page.look;
    let headline = page.headline();
    let sentence = look.language.headline(&headline);
    html! {
        (DOCTYPE)
        html lang=(look.language.tag()) {
            (head(page, &sentence))
            body data-refresh-seconds=(look.refresh_seconds) {
                header {
                    p.name { (look.title) }
                    (languages(page))
                }
                p #stale hidden role="alert" { (look.language.say(Phrase::Stale)) }
                main {
                    h1 class=(headline.level.as_str()) {
                        (shape(headline.level)) " " (sentence)
                    }
                    (measured(page, latest(page)))
                    @if look.is_copy { p.note { (copied(page)) } }
                    (problems(page))
                    (ourselves(page))
                    (planned(page))
                    (everything(page))
                    (past::section(page))
                }
                (footer(page))
            }
        }
    }
}

/// What comes before a page is seen.
pub(super) fn head(page: &Page<'_>, sentence: &str) -> Markup {
    let look = &page.look;
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (sentence) " \u{2013} " (look.title) }
            @if look.is_copy {
                meta http-equiv="refresh" content="60";
                link rel="stylesheet" href="page.css";
                (feed::links(look))
            } @else {
                noscript { meta http-equiv="refresh" content=(look.refresh_seconds); }
                link rel="stylesheet" href="/page.css";
                (feed::links(look))
                script src="/page.js" defer {}
            }
        }
    }
}

/// The shape of a state; the word stands beside it.
pub(super) fn shape(level: Level) -> Markup {
    let sign = match level {
        Level::Outage | Level::Partial => "\u{2716}",
        Level::Degraded => "\u{25b2}",
        Level::Unseen => "?",
        Level::Maintenance => "\u{2692}",
        Level::Checking => "~",
        Level::Fine => "\u{2714}",
        Level::Empty => "\u{2013}",
    };
    html! { span.shape aria-hidden="true" { (sign) } }
}

/// The word of a state with its shape.
pub(super) fn state(page: &Page<'_>, level: Level) -> Markup {
    html! {
        span class={ "state " (level.as_str()) } { (shape(level)) " " (page.look.language.level(level)) }
    }
}

/// A time for people and for programs.
pub(super) fn time(page: &Page<'_>, at: Timestamp) -> Markup {
    html! { time datetime=(at.to_string()) { (page.time(at)) } }
}

/// Where the same page is in another language.
fn in_language(page: &Page<'_>, language: Language) -> String {
    if page.look.is_copy {
        format!("index.{}.html", language.tag())
    } else {
        format!("?lang={}", language.tag())
    }
}

pub(super) fn languages(page: &Page<'_>) -> Markup {
    html! {
        nav.languages {
            @for language in Language::ALL {
                @if language == page.look.language {
                    span aria-current="true" lang=(language.tag()) { (language.title()) }
                } @else {
                    a href=(in_language(page, language)) lang=(language.tag()) hreflang=(language.tag()) { (language.title()) }
                }
            }
        }
    }
}

/// From when a copy is, with its date: it may be looked at on any day.
fn copied(page: &Page<'_>) -> Markup {
    let now = page.status.now;
    let local = now.to_utc().with_timezone(&page.look.timezone);
    let said = local.format("%Y-%m-%d %H:%M %Z").to_string();
    html! {
        (page.look.language.say(Phrase::CopyOf)) " " time datetime=(now.to_string()) { (said) } ". "
        (page.look.language.say(Phrase::CopyStays))
    }
}

/// When the last look at any of them was.
pub(super) fn latest(page: &Page<'_>) -> Option<Timestamp> {
    let looks = page.lines().filter_map(|line| line.looked);
    looks.map(|(at, _)| at).max()
}

/// When the last look was.
pub(super) fn measured(page: &Page<'_>, latest: Option<Timestamp>) -> Markup {
    let say = |phrase| page.look.language.say(phrase);
    html! {
        p.measured {
            @match latest {
                Some(at) => { (say(Phrase::MeasuredAt)) " " (time(page, at)) " " (page.zone()) },
                None => (say(Phrase::NeverMeasured)),
            }
        }
    }
}

/// hekate's own troubles, for insiders, and since when nobody sees, for everybody.
fn ourselves(page: &Page<'_>) -> Markup {
    let say = |phrase| page.look.language.say(phrase);
    let troubles = match page.look.viewer {
        Viewer::Insider => page.status.troubles.as_slice(),
        Viewer::Public => &[],
    };
    let lapses = &page.status.lapses;
    if troubles.is_empty() && lapses.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="ourselves" {
            h2 #ourselves { (say(Phrase::Ourselves)) }
            ul {
                @for trouble in troubles { li { (trouble) } }
                @for lapse in lapses {
                    li {
                        (say(Phrase::NobodySaw)) ": " (time(page, lapse.from)) "\u{2013}"
                        @match lapse.until {
                            Some(until) => (time(page, until)),
                            None => (say(Phrase::Now)),
                        }
                    }
                }
            }
        }
    }
}

fn problems(page: &Page<'_>) -> Markup {
    let say = |phrase| page.look.language.say(phrase);
    let problems = page.problems();
    if problems.is_empty() {
        return html! {};
    }
    let more = problems.len().saturating_sub(PROBLEMS_MAX);
    html! {
        section aria-labelledby="problems" {
            h2 #problems { (say(Phrase::Problems)) }
            ul.problems {
                @for (level, line) in problems.into_iter().take(PROBLEMS_MAX) {
                    li class=(level.as_str()) {
                        p {
                            (state(page, level)) " "
                            strong { (link(page, line)) }
                            (role(page, line)) " "
                            span.since { (say(Phrase::Since)) " " (time(page, line.since())) }
                        }
                        @if let Some(why) = page.why(line) { p.why { (why) } }
                        @for near in page.near(line) { p.why { (near) } }
                        (people(page, line))
                    }
                }
            }
            @if more > 0 { p.note { (page.look.language.more(more)) } }
        }
    }
}

/// Who works on it, and until when that is planned.
pub(super) fn people(page: &Page<'_>, line: &Line) -> Markup {
    let say = |phrase| page.look.language.say(phrase);
    html! {
        @if let Some(taken) = &line.facts.acknowledged {
            p.note {
                @match page.look.viewer {
                    Viewer::Insider => { (taken.by.name) " " (say(Phrase::OnIt)) },
                    Viewer::Public => (say(Phrase::SomebodyOnIt)),
                }
            }
        }
        @if let Some(note) = maintenance(line) {
            p.note { (page.look.language.level(Level::Maintenance)) " " (say(Phrase::Until)) " " (time(page, note.until)) }
        }
    }
}

pub(super) fn role(page: &Page<'_>, line: &Line) -> Markup {
    html! {
        @if let Some(role) = line.role() {
            " " span.role { (page.look.language.role(role)) }
        }
    }
}

/// The windows of the file that are open or will be.
fn planned(page: &Page<'_>) -> Markup {
    let say = |phrase| page.look.language.say(phrase);
    let mut windows: Vec<_> = page
        .windows
        .iter()
        .filter(|window| window.open.is_some() || window.opens_at.is_some())
        .collect();
    if windows.is_empty() {
        return html! {};
    }
    windows.sort_by_key(|window| {
        (
            window.open.map_or(window.opens_at, |(from, _)| Some(from)),
            &window.name,
        )
    });
    html! {
        section aria-labelledby="planned" {
            h2 #planned { (say(Phrase::Planned)) }
            ul {
                @for window in windows {
                    li {
                        strong { (window.name) } " "
                        @match (window.open, window.opens_at) {
                            (Some((_, until)), _) => { (say(Phrase::Now)) ", " (say(Phrase::Until)) " " (time(page, until)) },
                            (None, Some(at)) => { (say(Phrase::NextAt)) " " (time(page, at)) },
                            (None, None) => {},
                        }
                    }
                }
            }
        }
    }
}

fn everything(page: &Page<'_>) -> Markup {
    let say = |phrase| page.look.language.say(phrase);
    let mut shown = Shown::of(page);
    html! {
        section aria-labelledby="everything" {
            h2 #everything { (say(Phrase::Targets)) }
            (bars::legend(page))
            @for section in &page.status.sections { (group(page, section, &mut shown)) }
        }
    }
}

/// A group, open if something in it is not fine.
fn group(page: &Page<'_>, section: &Section, shown: &mut Shown) -> Markup {
    let lines: Vec<_> = section
        .lines
        .iter()
        .filter(|line| page.is_shown(line))
        .map(|line| (Level::of(line), line))
        .collect();
    let Some(worst) = lines.iter().map(|(level, _)| *level).max() else {
        return html! {};
    };
    let name = section.group.as_ref().map_or_else(
        || page.look.language.say(Phrase::Others),
        |group| group.name.as_str(),
    );
    let fine = lines.iter().filter(|(level, _)| *level == Level::Fine);
    let columns = match page.look.viewer {
        Viewer::Insider => 4,
        Viewer::Public => 2,
    };
    html! {
        details open[worst > Level::Fine] {
            summary {
                strong { (name) } " " (state(page, worst)) " "
                span.count { (fine.count()) " / " (lines.len()) }
                @if lines.len() > 1 { (shown.group(page, section.group.as_ref())) }
            }
            table {
                tbody {
                    @for (level, line) in lines {
                        tr {
                            td { (state(page, level)) }
                            th scope="row" { (link(page, line)) (role(page, line)) }
                            @if page.look.viewer == Viewer::Insider { (figures(page, line)) }
                        }
                        @let bar = shown.target(page, level, line);
                        @if let Some(bar) = bar { tr.days { td colspan=(columns) { (bar) } } }
                    }
                }
            }
        }
    }
}

/// What a target is called, and where its own page is.
fn link(page: &Page<'_>, line: &Line) -> Markup {
    let tag = page.look.language.tag();
    if page.look.is_copy {
        return html! { (line.target.title()) };
    }
    html! { a href={ (target::address(&line.target.id)) "?lang=" (tag) } { (line.target.title()) } }
}

/// What insiders see beside a state.
fn figures(page: &Page<'_>, line: &Line) -> Markup {
    let log = line.log.as_ref().map(|log| log.words(page.status.now));
    html! {
        td.number { @if let Some(took) = line.latency() { (took.as_millis()) " ms" } }
        td.log { @if let Some(log) = log { (log) } }
    }
}

fn footer(page: &Page<'_>) -> Markup {
    let say = |phrase| page.look.language.say(phrase);
    html! {
        footer {
            @let plain = if page.look.is_copy { "page.txt" } else { "?format=text" };
            a href=(plain) { (say(Phrase::PlainText)) }
            (feed::anchors(&page.look))
            @if page.look.viewer == Viewer::Public && !page.look.is_copy {
                " \u{b7} " a href="/?inside" rel="nofollow" { (say(Phrase::LogIn)) }
            }
        }
    }
}
