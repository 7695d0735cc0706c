//! The keys of records in sled: their order on the disk is the order in which ranges are read and retired.

use super::schema::v1;
use crate::model::Timestamp;

/// Ends a text in a key, so that no name is the beginning of another one's keys.
const END: [u8; 2] = [0, 0];

/// The text with an end that sorts before every continuation; a zero byte inside of it is followed by `0xFF`.
fn push_text(key: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        key.push(byte);
        if byte == 0 {
            key.push(0xFF);
        }
    }
    key.extend(END);
}

fn push_time(key: &mut Vec<u8>, at: Timestamp) {
    // With the sign bit turned, times before 1970 sort before the others.
    let shifted = at.as_millis().cast_unsigned() ^ (1 << 63);
    key.extend(shifted.to_be_bytes());
}

/// All transitions of this target begin with it.
pub(super) fn history_of(target: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(target.len() + 19);
    push_text(&mut key, target);
    key
}

/// Sorts before all transitions of this target at and after this time, and after all before it.
pub(super) fn history_from(target: &str, since: Timestamp) -> Vec<u8> {
    let mut key = history_of(target);
    push_time(&mut key, since);
    key
}

/// Target, time, kind of check, number.
pub(super) fn transition(transition: &v1::Transition) -> Vec<u8> {
    let mut key = history_from(&transition.check.target, transition.at.0);
    key.push(kind(transition.check.kind));
    key.extend(transition.number.to_be_bytes());
    key
}

/// How many bytes of a transition's key follow the target's part: time, kind, number.
const AFTER_TARGET: usize = 8 + 1 + 8;

/// The target's part of a transition's key; absent if this is no such key.
pub(super) fn target_part(key: &[u8]) -> Option<&[u8]> {
    let part = &key[..key.len().checked_sub(AFTER_TARGET)?];
    part.ends_with(&END).then_some(part)
}

/// The time in a transition's key; absent if this is no such key.
pub(super) fn time_part(key: &[u8]) -> Option<Timestamp> {
    let start = key.len().checked_sub(AFTER_TARGET)?;
    let bytes = key[start..start + 8].try_into().ok()?;
    Some(Timestamp::from_millis(
        (u64::from_be_bytes(bytes) ^ (1 << 63)).cast_signed(),
    ))
}

/// Sorts after every key that begins with this part, which ends with [`END`].
pub(super) fn after(part: &[u8]) -> Vec<u8> {
    let mut key = part.to_vec();
    if let Some(last) = key.last_mut() {
        *last = 1;
    }
    key
}

pub(super) fn check(check: &v1::CheckId) -> Vec<u8> {
    let mut key = history_of(&check.target);
    key.push(kind(check.kind));
    key
}

pub(super) fn incident(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

pub(super) const fn planned(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// Sorts before all plans that ended at and after this time.
pub(super) fn ended_from(at: Timestamp) -> Vec<u8> {
    let mut key = Vec::with_capacity(16);
    push_time(&mut key, at);
    key
}

/// When it ended, and its number.
pub(super) fn ended(at: Timestamp, number: u64) -> Vec<u8> {
    let mut key = ended_from(at);
    key.extend(number.to_be_bytes());
    key
}

pub(super) const fn attempt(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

pub(super) const fn release(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// Its beginning, and the byte of its kind, which never changes for one kind.
pub(super) fn lapse(from: Timestamp, kind: v1::LapseKind) -> Vec<u8> {
    let mut key = Vec::with_capacity(9);
    push_time(&mut key, from);
    key.push(match kind {
        v1::LapseKind::Blind => 1,
        v1::LapseKind::Away => 2,
        v1::LapseKind::Stopped => 3,
    });
    key
}

pub(super) fn entry(key: &v1::EntryKey) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.incident.len() + key.channel.len() + 6);
    push_text(&mut out, &key.incident);
    out.extend(key.sequence.to_be_bytes());
    out.extend(key.channel.bytes());
    out
}

/// Its incident, and its channel behind it.
pub(super) fn living((incident, channel): &(String, String)) -> Vec<u8> {
    let mut key = history_of(incident);
    key.extend(channel.bytes());
    key
}

/// Sorts before all blocks of this grain that begin at and after this time.
pub(super) fn latencies_from(grain: v1::Grain, from: Timestamp) -> Vec<u8> {
    let mut key = Vec::with_capacity(48);
    key.push(match grain {
        v1::Grain::Hour => 1,
        v1::Grain::Day => 2,
    });
    push_time(&mut key, from);
    key
}

/// Grain, beginning, target, kind of check: what is written together lies together, and the oldest lies first.
pub(super) fn latency(grain: v1::Grain, from: Timestamp, of: &v1::CheckId) -> Vec<u8> {
    let mut key = latencies_from(grain, from);
    key.extend(check(of));
    key
}

/// The byte of a kind of check in keys; never changes for one kind.
const fn kind(kind: v1::CheckKind) -> u8 {
    match kind {
        v1::CheckKind::Health => 1,
        v1::CheckKind::LogFreshness => 2,
        v1::CheckKind::Http => 3,
        v1::CheckKind::Tcp => 4,
        v1::CheckKind::Tls => 5,
        v1::CheckKind::Dns => 6,
        v1::CheckKind::Grpc => 7,
        v1::CheckKind::Icmp => 8,
        v1::CheckKind::Websocket => 9,
        v1::CheckKind::Heartbeat => 10,
        v1::CheckKind::Steps => 11,
        v1::CheckKind::Metrics => 12,
        v1::CheckKind::LogStore => 13,
        v1::CheckKind::Roles => 14,
        v1::CheckKind::Job => 15,
        v1::CheckKind::ErrorBudget => 16,
    }
}
