//! Every word of the page, in each of its languages.

use super::{
    headline::{Headline, Level},
    latency::Window,
};
use chrono::{Datelike as _, NaiveDate};

use crate::{
    command::days::How,
    model::{CheckKind, latency::Grain, page::Language, roles::Role},
};

/// So many names are said in a sentence; of more, how many.
const NAMES_MAX: usize = 3;

impl Language {
    /// In the language itself.
    pub const fn title(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Czech => "čeština",
        }
    }

    /// The one of ours that a reader likes best; absent if they like none.
    ///
    /// Source: RFC 9110, 12.5.4 (Accept-Language).
    pub fn liked(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for range in header.split(',').take(20) {
            let mut parts = range.split(';');
            let Some(language) = parts.next().and_then(Self::of_tag) else {
                continue;
            };
            let weight = parts.find_map(|part| part.trim().strip_prefix("q="));
            let weight = weight.map_or(1.0, |text| text.parse().unwrap_or(0.0));
            if weight > 0.0 && best.is_none_or(|(known, _)| weight > known) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }

    /// The sentence that the page begins with.
    pub fn headline(self, headline: &Headline) -> String {
        let Headline {
            level,
            affected,
            total,
        } = headline;
        let (few, count) = (affected.len() <= NAMES_MAX, affected.len());
        let is_one = count == 1;
        match (self, level) {
            (Self::English, Level::Empty) => String::from("Nothing is watched"),
            (Self::Czech, Level::Empty) => String::from("Nic se nesleduje"),
            (Self::English, Level::Fine) if *total == 1 => String::from("It works"),
            (Self::English, Level::Fine) => format!("All {total} work"),
            (Self::Czech, Level::Fine) => match total {
                1 => String::from("Vše běží"),
                2..=4 => format!("Všechny {total} běží"),
                _ => format!("Všech {total} běží"),
            },
            _ if few => format!(
                "{} {}",
                self.names(affected),
                self.predicate(*level, is_one)
            ),
            (Self::English, _) => format!(
                "{count} of {total} {}: {}",
                self.predicate(*level, false),
                self.names(affected)
            ),
            (Self::Czech, _) => format!(
                "{count} z {total} {}: {}",
                self.predicate(*level, false),
                self.names(affected)
            ),
        }
    }

    /// What is said of those that are so.
    const fn predicate(self, level: Level, is_one: bool) -> &'static str {
        match (self, level) {
            (Self::English, Level::Outage | Level::Partial) if is_one => "is down",
            (Self::English, Level::Outage | Level::Partial) => "are down",
            (Self::English, Level::Degraded) if is_one => "works, but not well",
            (Self::English, Level::Degraded) => "work, but not well",
            (Self::English, Level::Unseen) => "cannot be seen",
            (Self::English, Level::Maintenance) if is_one => "is in maintenance",
            (Self::English, Level::Maintenance) => "are in maintenance",
            (Self::English, Level::Checking) if is_one => "failed a look and is looked at again",
            (Self::English, Level::Checking) => "failed a look and are looked at again",
            (Self::English, Level::Fine | Level::Empty) if is_one => "works",
            (Self::English, Level::Fine | Level::Empty) => "work",
            (Self::Czech, Level::Outage | Level::Partial) => "neběží",
            (Self::Czech, Level::Degraded) => "běží, ale ne dobře",
            (Self::Czech, Level::Unseen) if is_one => "není vidět",
            (Self::Czech, Level::Unseen) => "nejsou vidět",
            (Self::Czech, Level::Maintenance) if is_one => "je v údržbě",
            (Self::Czech, Level::Maintenance) => "jsou v údržbě",
            (Self::Czech, Level::Checking) if is_one => "se znovu ověřuje",
            (Self::Czech, Level::Checking) => "se znovu ověřují",
            (Self::Czech, Level::Fine | Level::Empty) => "běží",
        }
    }

    /// Some names, and how many more.
    pub(super) fn names(self, names: &[(String, Option<Role>)]) -> String {
        let and = match self {
            Self::English => "and",
            Self::Czech => "a",
        };
        let more = names.len().saturating_sub(NAMES_MAX);
        let mut said: Vec<_> = names
            .iter()
            .take(NAMES_MAX)
            .map(|(name, role)| self.name(name, *role))
            .collect();
        said.extend((more > 0).then(|| self.others(more)));
        match said.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            [first @ .., last] => format!("{} {and} {last}", first.join(", ")),
        }
    }

    /// So many others.
    fn others(self, number: usize) -> String {
        match (self, number) {
            (Self::English, _) => format!("{number} more"),
            (Self::Czech, 1..=4) => format!("{number} další"),
            (Self::Czech, _) => format!("{number} dalších"),
        }
    }

    /// That there are others, which are not told by themselves.
    pub(super) fn more(self, number: usize) -> String {
        match self {
            Self::English => format!("and {}, below", self.others(number)),
            Self::Czech => format!("a {} níže", self.others(number)),
        }
    }

    /// A name with its role, if it has one.
    pub(super) fn name(self, name: &str, role: Option<Role>) -> String {
        match role {
            None => name.to_owned(),
            Some(role) => format!("{name} ({})", self.role(role)),
        }
    }

    /// A role in a word or two.
    pub(super) const fn role(self, role: Role) -> &'static str {
        match (self, role) {
            (Self::English, role) => role.words(),
            (Self::Czech, Role::Active) => "aktivní",
            (Self::Czech, Role::Inactive) => "neaktivní",
            (Self::Czech, Role::Unknown) => "role neznámá",
        }
    }

    /// How something is, in a word.
    pub const fn level(self, level: Level) -> &'static str {
        match (self, level) {
            (Self::English, Level::Outage | Level::Partial) => "down",
            (Self::English, Level::Degraded) => "degraded",
            (Self::English, Level::Unseen) => "not seen",
            (Self::English, Level::Maintenance) => "maintenance",
            (Self::English, Level::Checking) => "being checked",
            (Self::English, Level::Fine) => "operational",
            (Self::English, Level::Empty) => "nothing",
            (Self::Czech, Level::Outage | Level::Partial) => "neběží",
            (Self::Czech, Level::Degraded) => "zhoršeno",
            (Self::Czech, Level::Unseen) => "neviděno",
            (Self::Czech, Level::Maintenance) => "údržba",
            (Self::Czech, Level::Checking) => "ověřuje se",
            (Self::Czech, Level::Fine) => "v pořádku",
            (Self::Czech, Level::Empty) => "nic",
        }
    }

    /// How a day was, in a word or two.
    pub(super) const fn day(self, how: How) -> &'static str {
        match (self, how) {
            (_, How::Down) => self.level(Level::Outage),
            (_, How::Degraded) => self.level(Level::Degraded),
            (_, How::Maintenance) => self.level(Level::Maintenance),
            (_, How::Well) => self.level(Level::Fine),
            (Self::English, How::InPart) => "seen in part",
            (Self::English, How::Unseen) => "no data",
            (Self::Czech, How::InPart) => "viděno zčásti",
            (Self::Czech, How::Unseen) => "bez dat",
        }
    }

    /// So many days.
    pub(super) fn days(self, count: usize) -> String {
        let noun = match (self, count) {
            (Self::English, 1) => "day",
            (Self::English, _) => "days",
            (Self::Czech, 1) => "den",
            (Self::Czech, 2..=4) => "dny",
            (Self::Czech, _) => "dní",
        };
        format!("{count} {noun}")
    }

    /// A day of this year or the last one: `3 Nov`, `3. 11.`
    pub(super) fn date(self, date: NaiveDate) -> String {
        match self {
            Self::English => date.format("%-d %b").to_string(),
            Self::Czech => format!("{}.\u{a0}{}.", date.day(), date.month()),
        }
    }

    /// A share of the measured time of so many days: `99.97% of what was measured in 90 days`.
    pub(super) fn share(self, percent: &str, days: usize) -> String {
        match self {
            Self::English => format!("{percent} of what was measured in {}", self.days(days)),
            Self::Czech => {
                let percent = percent.replace('.', ",").replace('%', "\u{a0}%");
                format!("{percent} z toho, co bylo změřeno za {}", self.days(days))
            }
        }
    }

    /// Who was on an incident that may be over.
    pub(super) fn attended(self, name: &str) -> String {
        match self {
            Self::English => format!("{name} was on it"),
            Self::Czech => format!("na tom: {name}"),
        }
    }

    /// That so many other incidents ended lately.
    pub(super) fn more_past(self, number: usize) -> String {
        match self {
            Self::English => format!("and {}", self.others(number)),
            Self::Czech => format!("a {}", self.others(number)),
        }
    }

    /// That the days are counted until this time of this zone.
    pub(super) fn counted(self, until: &str, zone: &str) -> String {
        match self {
            Self::English => format!("Days up to {until} {zone}"),
            Self::Czech => format!("Dny do {until} {zone}"),
        }
    }

    /// How long answers to a check took: `health, 7 days: half within 38 ms, 95% within 142 ms`.
    pub(super) fn latency(
        self,
        kind: CheckKind,
        window: Window,
        [half, most]: &[String; 2],
    ) -> String {
        let kind = kind.as_str();
        let (english, czech) = match window {
            Window::Day => ("24 hours", "24 hodin"),
            Window::Week => ("7 days", "7 dní"),
            Window::Quarter => ("90 days", "90 dní"),
        };
        match self {
            Self::English => format!("{kind}, {english}: half within {half}, 95% within {most}"),
            Self::Czech => format!("{kind}, {czech}: polovina do {half}, 95\u{a0}% do {most}"),
        }
    }

    /// In how many hours or days of a chart nothing was answered.
    pub(super) fn gaps(self, count: usize, window: Window) -> String {
        match (self, window.grain()) {
            (Self::English, Grain::Hour) => format!("Hours without data: {count}"),
            (Self::English, Grain::Day) => format!("Days without data: {count}"),
            (Self::Czech, Grain::Hour) => format!("Hodin bez dat: {count}"),
            (Self::Czech, Grain::Day) => format!("Dnů bez dat: {count}"),
        }
    }

    /// A phrase that is always the same.
    pub(super) const fn say(self, phrase: Phrase) -> &'static str {
        let (english, czech) = phrase.both();
        match self {
            Self::English => english,
            Self::Czech => czech,
        }
    }
}

/// Phrases that are always the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phrase {
    Problems,
    Targets,
    Planned,
    Others,
    Since,
    Until,
    OnIt,
    SomebodyOnIt,
    MeasuredAt,
    NeverMeasured,
    Stale,
    Ourselves,
    NobodySaw,
    NextAt,
    Now,
    PlainText,
    LogIn,
    NotCounted,
    NothingMeasured,
    Past,
    NoneLately,
    SomebodyWasOnIt,
    FalseAlarm,
    Ended,
    Known,
    Days,
    EachDay,
    Changes,
    NoChange,
    CopyOf,
    CopyStays,
    NoDays,
    Latency,
    NoLatency,
    Half,
    NinetyFive,
    EachNumber,
    DaysOfUtc,
    Beginning,
    Looks,
    Failures,
}

impl Phrase {
    #[cfg(test)]
    pub(super) const ALL: [Self; 41] = [
        Self::Problems,
        Self::Targets,
        Self::Planned,
        Self::Others,
        Self::Since,
        Self::Until,
        Self::OnIt,
        Self::SomebodyOnIt,
        Self::MeasuredAt,
        Self::NeverMeasured,
        Self::Stale,
        Self::Ourselves,
        Self::NobodySaw,
        Self::NextAt,
        Self::Now,
        Self::PlainText,
        Self::LogIn,
        Self::NotCounted,
        Self::NothingMeasured,
        Self::Past,
        Self::NoneLately,
        Self::SomebodyWasOnIt,
        Self::FalseAlarm,
        Self::Ended,
        Self::Known,
        Self::Days,
        Self::EachDay,
        Self::Changes,
        Self::NoChange,
        Self::CopyOf,
        Self::CopyStays,
        Self::NoDays,
        Self::Latency,
        Self::NoLatency,
        Self::Half,
        Self::NinetyFive,
        Self::EachNumber,
        Self::DaysOfUtc,
        Self::Beginning,
        Self::Looks,
        Self::Failures,
    ];

    const fn both(self) -> (&'static str, &'static str) {
        match self {
            Self::Problems => ("Problems", "Problémy"),
            Self::Targets => ("Everything", "Vše"),
            Self::Planned => ("Planned", "Plánováno"),
            Self::Others => ("others", "ostatní"),
            Self::Since => ("since", "od"),
            Self::Until => ("until", "do"),
            Self::OnIt => ("is on it", "na tom pracuje"),
            Self::SomebodyOnIt => ("somebody is on it", "někdo na tom pracuje"),
            Self::MeasuredAt => ("last look at", "poslední měření"),
            Self::NeverMeasured => ("not looked at yet", "zatím nezměřeno"),
            Self::Stale => (
                "This page is old: hekate does not answer.",
                "Stránka je zastaralá: hekate neodpovídá.",
            ),
            Self::Ourselves => ("hekate itself", "hekate sama"),
            Self::NobodySaw => ("nobody saw anything", "nikdo nic neviděl"),
            Self::NextAt => ("next", "příště"),
            Self::Now => ("now", "nyní"),
            Self::PlainText => ("plain text", "prostý text"),
            Self::LogIn => ("for insiders", "pro zasvěcené"),
            Self::NotCounted => (
                "How the last 90 days were is not counted yet, or cannot be read.",
                "Jaké bylo posledních 90 dní, ještě není spočítáno, nebo to nelze přečíst.",
            ),
            Self::NothingMeasured => ("nothing measured", "nic nezměřeno"),
            Self::Past => ("Past incidents", "Minulé incidenty"),
            Self::NoneLately => ("None in the last 14 days.", "Za posledních 14 dní žádné."),
            Self::SomebodyWasOnIt => ("somebody was on it", "někdo na tom pracoval"),
            Self::FalseAlarm => ("it was a false alarm", "byl to planý poplach"),
            Self::Ended => ("it is over", "už skončilo"),
            Self::Known => ("What is known", "Co se ví"),
            Self::Days => ("The last 90 days", "Posledních 90 dní"),
            Self::EachDay => ("each day by itself", "den po dni"),
            Self::Changes => ("Changes", "Změny"),
            Self::NoDays => (
                "No days are counted of it by itself.",
                "Samostatně se u něj dny nepočítají.",
            ),
            Self::CopyOf => ("This is a copy of", "Toto je kopie z"),
            Self::CopyStays => (
                "It shows how things were then.",
                "Ukazuje, jak tomu tehdy bylo.",
            ),
            Self::Latency => ("How long answers take", "Jak dlouho trvají odpovědi"),
            Self::NoLatency => (
                "Nothing was measured yet; the first numbers come a minute after the start.",
                "Zatím nic nezměřeno; první čísla přijdou minutu po startu.",
            ),
            Self::Half => ("half of them (p50)", "polovina (p50)"),
            Self::NinetyFive => ("95 of 100 (p95)", "95 ze 100 (p95)"),
            Self::EachNumber => ("each number", "číslo po čísle"),
            Self::DaysOfUtc => ("Days of UTC.", "Dny v UTC."),
            Self::Beginning => ("from", "od"),
            Self::Looks => ("looks", "měření"),
            Self::Failures => ("failed", "selhalo"),
            Self::NoChange => ("None in the last 30 days.", "Za posledních 30 dní žádné."),
        }
    }
}
