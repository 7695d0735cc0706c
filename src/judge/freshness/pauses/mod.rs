//! How long a log usually says nothing, as far as that was proved, and what `max_age` should be because of it.
//!
//! A round sees the newest line and the watermark, so a pause is at least what the watermark proved of it, and at most the
//! time between the two newest lines that rounds saw around it. It is *whole*, and the second number is kept, if every
//! round from its first line to its last was answered in full and by a store that was not behind; else the first one is,
//! because the time of an outage of the store is no pause of the log. Not kept at all is a pause in which silence was
//! expected, or in which the target itself did not work: that was no usual one.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{Evidence, LogRow, is_quiet};
use crate::model::{
    Timestamp,
    logs::{LogMemory, LogQuestion},
    pauses::{DAYS_WANTED, Pause, PauseDay, PauseFacts, Pauses, SeenPause},
};

/// Today and a whole week before it.
const DAYS_KEPT: u16 = DAYS_WANTED as u16 + 1;
/// A day of which so much was seen counts as seen.
const SEEN_S: u32 = 12 * 3_600;
const DAY_S: i64 = 86_400;
/// `max_age` has to be so many times the longest usual pause.
const TIMES: u64 = 3;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// What people write, in seconds; the last one is the longest that the file allows.
const WRITTEN: [u64; 26] = [
    MINUTE,
    2 * MINUTE,
    3 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    45 * MINUTE,
    HOUR,
    90 * MINUTE,
    2 * HOUR,
    3 * HOUR,
    4 * HOUR,
    6 * HOUR,
    8 * HOUR,
    12 * HOUR,
    DAY,
    36 * HOUR,
    2 * DAY,
    3 * DAY,
    4 * DAY,
    7 * DAY,
    14 * DAY,
    21 * DAY,
    30 * DAY,
];

/// Takes in a round that was decided: `since` is from when on silence is measured, `silence` how much of it is proved.
pub(super) fn take_in(
    memory: &mut LogMemory,
    question: &LogQuestion,
    evidence: &Evidence<'_>,
    (row, since, silence): (LogRow, Option<Timestamp>, Option<Duration>),
) {
    let (Some(newest), Some(since)) = (memory.newest, since) else {
        // What was never seen has no pauses.
        return;
    };
    let now = evidence.now;
    let is_answered = matches!(evidence.reading, Ok(reading) if !reading.is_partial);
    let is_proved = is_answered
        && evidence.watermark.is_some()
        && !evidence.is_blind
        && !evidence.is_store_lagging
        && !super::is_skewed(evidence);
    let is_excused = evidence.is_in_maintenance
        || evidence.is_expected_silent
        || evidence.is_failing_otherwise
        || is_quiet(&question.quiet, now);
    let begun = Pause {
        since,
        proved: silence.unwrap_or_default(),
        is_whole: is_proved && newest == since,
        is_told: row == LogRow::Stale,
        is_excused,
    };
    let pauses = &mut memory.pauses;
    match &mut pauses.open {
        Some(open) if open.since == since => {
            open.proved = open.proved.max(begun.proved);
            open.is_whole &= is_proved;
            open.is_told |= begun.is_told;
            open.is_excused |= is_excused;
        }
        open => {
            let ended = open.replace(begun);
            if let Some(ended) = ended.filter(|ended| !ended.is_excused && !is_excused) {
                let is_whole = ended.is_whole && is_proved && newest == since;
                note(&mut pauses.days, now, &ended, (since, is_whole));
            }
        }
    }
    if is_proved && let Some(before) = pauses.proved_at {
        let watched = now.as_seconds().saturating_sub(before.as_seconds());
        let watched = u32::try_from(watched.clamp(0, DAY_S)).unwrap_or(0);
        let day = day_mut(&mut pauses.days, now);
        day.watched_s = day.watched_s.saturating_add(watched);
    }
    pauses.proved_at = is_proved.then_some(now);
}

/// The clock was moved, or nobody looked: the pause that went on is not known, and days to come have not been.
pub(super) fn void(pauses: &mut Pauses, now: Timestamp) {
    pauses.open = None;
    pauses.proved_at = None;
    let today = day_of(now);
    pauses.days.retain(|day| day.day <= today);
}

/// Keeps a pause that ended at `until` if it is the longest of its day.
fn note(
    days: &mut Vec<PauseDay>,
    now: Timestamp,
    ended: &Pause,
    (until, is_whole): (Timestamp, bool),
) {
    let length = if is_whole {
        until.since(ended.since)
    } else {
        ended.proved
    };
    let length = whole_seconds(length);
    if length == 0 {
        return;
    }
    let day = day_mut(days, now);
    let (longest, longest_is_whole) = if ended.is_told {
        (&mut day.told_s, &mut day.is_told_whole)
    } else {
        (&mut day.longest_s, &mut day.is_longest_whole)
    };
    if length > *longest {
        (*longest, *longest_is_whole) = (length, is_whole);
    }
}

fn day_of(at: Timestamp) -> u16 {
    u16::try_from(
        at.as_seconds()
            .div_euclid(DAY_S)
            .clamp(0, i64::from(u16::MAX)),
    )
    .unwrap_or(0)
}

/// Seconds, rounded up: a pause must not come out shorter than it was.
fn whole_seconds(length: Duration) -> u32 {
    let seconds = length.as_secs() + u64::from(length.subsec_nanos() > 0);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

/// Today, among the days that are kept.
fn day_mut(days: &mut Vec<PauseDay>, now: Timestamp) -> &mut PauseDay {
    let today = day_of(now);
    let place = days.partition_point(|day| day.day < today);
    if days.get(place).is_none_or(|day| day.day != today) {
        days.retain(|day| is_kept(day.day, today));
        let place = days.partition_point(|day| day.day < today);
        let day = PauseDay {
            day: today,
            ..PauseDay::default()
        };
        days.insert(place, day);
        return &mut days[place];
    }
    &mut days[place]
}

/// Whether a day is one of the last ones, as seen from today; a day to come is none.
fn is_kept(day: u16, today: u16) -> bool {
    day <= today && today - day < DAYS_KEPT
}

/// What follows from what is remembered.
pub fn facts(memory: &LogMemory, now: Timestamp) -> PauseFacts {
    if memory.newest.is_none() {
        return PauseFacts::default();
    }
    let today = day_of(now);
    let days: Vec<&PauseDay> = memory
        .pauses
        .days
        .iter()
        .filter(|day| is_kept(day.day, today))
        .collect();
    let seen = days.iter().filter(|day| day.watched_s >= SEEN_S).count();
    let open = memory.pauses.open.filter(|open| !open.is_excused);
    let open = |is_told: bool| {
        let open = open.filter(|open| open.is_told == is_told)?;
        Some((whole_seconds(open.proved), false, today))
    };
    let ordinary = days
        .iter()
        .map(|day| (day.longest_s, day.is_longest_whole, day.day))
        .chain(open(false));
    let mut told: Vec<_> = days
        .iter()
        .map(|day| (day.told_s, day.is_told_whole, day.day))
        .collect();
    if let Some(open) = open(true) {
        match told.iter_mut().find(|(_, _, day)| *day == today) {
            Some(of_today) => *of_today = (*of_today).max(open),
            None => told.push(open),
        }
    }
    told.sort_unstable_by_key(|(length, _, day)| std::cmp::Reverse((*length, *day)));
    // What was told on one day may have been an outage; what as long was told on two days is how this log is.
    let usual = ordinary.chain(told.get(1).copied()).max();
    let longest = usual.filter(|(length, _, _)| *length > 0);
    let told = told
        .first()
        .filter(|told| told.0 > longest.map_or(0, |usual| usual.0));
    PauseFacts {
        days: u8::try_from(seen).unwrap_or(u8::MAX).min(DAYS_WANTED),
        longest: longest.map(seen_pause),
        told: told.copied().map(seen_pause),
    }
}

fn seen_pause((seconds, is_whole, day): (u32, bool, u16)) -> SeenPause {
    let seconds = u64::from(seconds);
    SeenPause {
        length: Duration::from_secs(seconds),
        is_whole,
        day: Timestamp::from_millis(i64::from(day) * DAY_S * 1_000),
        wants: WRITTEN
            .into_iter()
            .find(|written| *written >= seconds * TIMES)
            .map(Duration::from_secs),
    }
}
