//! What is released: told when it is announced, looked at once more a while later, and remembered for whatever fails near it.
//!
//! Where a bot edits messages a release is one message, and what came of it is its end; elsewhere only what got worse is told.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{Action, Engine, tell::entry_of};
use crate::model::{
    Batch, CheckRecord, EntryKey, Kind, Loaded, Moment, Severity, Slot, Story, TargetId, Tick,
    Timestamp, Verdict,
    batch::Memory,
    living::Account,
    plan::Matcher,
    planned::{Answer, DEPLOY_DEFAULT, Done, Person, PlanId, PlanKind, Planned, Refused},
    release::{
        Announced, Announcement, Change, ChangeKind, Outcome, RELEASES_MAX, Release, ReleaseId,
        near,
    },
    text::span,
};

/// So many changes are remembered for whatever fails near them.
const CHANGES_KEPT: usize = 500;
/// The same version to the same targets is the same release for so long, if it has no word of its own.
const REPEATED_WITHIN: Duration = Duration::from_mins(10);
/// So long after a start everything has been looked at again, and what was over before it was read.
const SEEN_AFTER: Duration = Duration::from_mins(1);
/// So many targets are named that are worse or better; the rest is counted.
const NAMED_MAX: usize = 5;

/// Releases, and whatever else may be why something fails.
#[derive(Debug, Default)]
pub(super) struct Releases {
    /// All that are kept, oldest first.
    known: VecDeque<Arc<Release>>,
    /// When is looked what came of them.
    due: BTreeMap<ReleaseId, Tick>,
    /// When this process heard of them.
    heard: BTreeMap<ReleaseId, Tick>,
    /// Oldest first.
    changes: VecDeque<Change>,
    is_changed: bool,
}

impl Releases {
    pub(super) fn next_deadline(&self) -> Option<Tick> {
        self.due.values().copied().min()
    }

    /// The version that a target got last, if that is not longer ago.
    pub(super) fn version_of(
        &self,
        now: Tick,
        target: &TargetId,
        lately: Duration,
    ) -> Option<&str> {
        let is_late = |release: &&Arc<Release>| {
            let heard = self.heard.get(&release.id);
            heard.is_some_and(|heard| now.since(*heard) <= lately)
        };
        let mut known = self.known.iter().rev().take_while(is_late);
        let release = known.find(|release| release.targets.contains(target))?;
        Some(&release.version)
    }

    /// Writes down how a release stands now.
    fn write(&mut self, release: Release, batch: &mut Batch) {
        batch.releases.retain(|written| written.id != release.id);
        batch.releases.push(release.clone());
        if release.outcome.is_some() {
            self.due.remove(&release.id);
        }
        let release = Arc::new(release);
        let mut known = self.known.iter_mut().rev();
        match known.find(|known| known.id == release.id) {
            Some(known) => *known = release,
            None => self.known.push_back(release),
        }
        while self.known.len() > RELEASES_MAX {
            if let Some(oldest) = self.known.pop_front() {
                self.due.remove(&oldest.id);
                self.heard.remove(&oldest.id);
            }
        }
        self.is_changed = true;
    }

    fn changed(&mut self, change: Change) {
        let is_same = |known: &Change| known.at == change.at && known.words == change.words;
        if self.changes.iter().any(is_same) {
            return;
        }
        let place = self.changes.partition_point(|known| known.at <= change.at);
        self.changes.insert(place, change);
        if self.changes.len() > CHANGES_KEPT {
            self.changes.pop_front();
        }
        self.is_changed = true;
    }
}

impl Engine {
    /// Takes over what a store remembers of releases, of what people have done, and of jobs.
    pub(super) fn restore_releases(
        &mut self,
        now: Moment,
        releases: Vec<Release>,
        batch: &mut Batch,
    ) {
        for mut release in releases {
            if rename(&mut release, &batch.renamed) {
                batch.releases.push(release.clone());
            }
            let is_known = self
                .releases
                .known
                .iter()
                .any(|known| known.id == release.id);
            if is_known {
                continue;
            }
            if release.outcome.is_none() {
                let left = (release.at + self.plan.releases.look_after).since(now.at);
                let left = left.min(self.plan.releases.look_after).max(SEEN_AFTER);
                self.releases.due.insert(release.id, now.tick + left);
            }
            self.releases.changed(change_of(&release));
            let place = self
                .releases
                .known
                .partition_point(|known| known.id < release.id);
            self.releases.known.insert(place, Arc::new(release));
        }
        self.releases.is_changed = true;
    }

    /// The file changed: targets may be called otherwise.
    pub(super) fn replan_releases(
        &mut self,
        renamed: &[(TargetId, TargetId)],
        asked_otherwise: Vec<TargetId>,
        now: Moment,
        batch: &mut Batch,
    ) {
        if !asked_otherwise.is_empty() {
            self.releases.changed(Change {
                at: now.at,
                targets: asked_otherwise,
                job: None,
                words: String::from("how it is looked at was changed"),
                kind: ChangeKind::Reload,
            });
        }
        for change in &mut self.releases.changes {
            rename_in(&mut change.targets, renamed);
        }
        for place in 0..self.releases.known.len() {
            let mut release = (*self.releases.known[place]).clone();
            if rename(&mut release, renamed) {
                self.releases.write(release, batch);
            }
        }
        self.releases.is_changed = true;
    }

    /// Takes a release in, tells of it, and answers.
    pub(super) fn announce_release(
        &mut self,
        now: Moment,
        said: Announcement,
        by: Person,
        batch: &mut Batch,
        actions: &mut Vec<Action>,
    ) -> Answer {
        let mut targets = said.targets.clone();
        targets.retain(|target| self.index.contains_key(target));
        if targets.is_empty() {
            return Err(Refused {
                is_missing: true,
                words: String::from("nobody of them is watched any more"),
            });
        }
        if let Some(known) = self.release_known(now.at, &said) {
            return Ok(Done::Announced(Box::new(Announced {
                release: (*known).clone(),
                is_repeat: true,
                deploy: None,
                but: None,
            })));
        }
        let before = targets.iter().filter_map(|target| {
            let verdict = self.verdict(target)?;
            (!is_well(verdict)).then(|| (target.clone(), verdict))
        });
        let last = self.releases.known.back().map_or(0, |known| known.id.0);
        let mut release = Release {
            id: ReleaseId(last + 1),
            title: said.title,
            before: before.collect(),
            targets,
            version: said.version,
            by,
            changes: said.changes,
            url: said.url,
            key: said.key,
            at: now.at,
            account: None,
            outcome: None,
        };
        self.tell_release(now, &mut release, batch);
        let due = now.tick + self.plan.releases.look_after;
        self.releases.due.insert(release.id, due);
        self.releases.heard.insert(release.id, now.tick);
        self.releases.changed(change_of(&release));
        self.releases.write(release.clone(), batch);
        let began = said
            .is_deploy
            .then(|| self.deploy_release(now, &release, batch, actions));
        let (deploy, but) = match began {
            Some(Ok(Done::Begun { planned, but })) => (Some(planned), but),
            Some(Err(refused)) => (None, Some(refused.words)),
            Some(Ok(_)) | None => (None, None),
        };
        Ok(Done::Announced(Box::new(Announced {
            release,
            is_repeat: false,
            deploy,
            but,
        })))
    }

    /// The release that this is, if it is known already.
    fn release_known(&self, now: Timestamp, said: &Announcement) -> Option<Arc<Release>> {
        let mut known = self.releases.known.iter().rev();
        let found = known.find(|known| match (&said.key, &known.key) {
            (Some(said), Some(known)) => said == known,
            (Some(_), None) | (None, Some(_)) => false,
            (None, None) => {
                known.version == said.version
                    && known.targets == said.targets
                    && now.since(known.at) <= REPEATED_WITHIN
            }
        });
        found.cloned()
    }

    /// One instance gets it: it may go down and come back untold.
    fn deploy_release(
        &mut self,
        now: Moment,
        release: &Release,
        batch: &mut Batch,
        actions: &mut Vec<Action>,
    ) -> Answer {
        let planned = Planned {
            id: PlanId {
                kind: PlanKind::Deploy,
                number: self.plans.last_number() + 1,
            },
            matcher: Matcher {
                targets: release.targets.clone(),
                ..Matcher::default()
            },
            why: String::new(),
            release: Some(release.version.clone()),
            by: release.by.clone(),
            from: now.at,
            until: now.at + DEPLOY_DEFAULT,
            is_until_recovered: false,
            ended: None,
        };
        self.begin_plan(now, planned, batch, actions)
    }

    fn tell_release(&mut self, now: Moment, release: &mut Release, batch: &mut Batch) {
        let channel = self.plan.releases.channel.clone();
        let Some(channel) = channel.filter(|name| self.plan.channels.contains_key(name)) else {
            return;
        };
        let mut story = told(release, now.at);
        story.also_told = vec![channel.clone()];
        if self.is_edited(&channel) {
            let incident = self.news_as(now, Kind::Noted, story, vec![channel.clone()], batch);
            release.account = Some(Account {
                incident,
                channel,
                sequence: 0,
            });
        } else {
            self.news(now, story, vec![channel], batch);
        }
    }

    /// Looks what came of releases, as far as it is time to.
    pub(super) fn turn_releases(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let due = self.releases.due.iter();
        let due: Vec<_> = due
            .filter(|(_, at)| **at <= now.tick)
            .map(|(id, _)| *id)
            .collect();
        if due.is_empty() {
            return;
        }
        let mut batch = Batch::new(now.at);
        for id in due {
            self.releases.due.remove(&id);
            let known = self.releases.known.iter();
            let Some(release) = known.into_iter().find(|known| known.id == id).cloned() else {
                continue;
            };
            let mut release = (*release).clone();
            release.outcome = Some(self.outcome(now, &release));
            self.tell_outcome(now, &mut release, &mut batch);
            self.releases.write(release, &mut batch);
        }
        actions.push(Action::Commit(Arc::new(batch)));
    }

    fn tell_outcome(&mut self, now: Moment, release: &mut Release, batch: &mut Batch) {
        let Some(outcome) = &release.outcome else {
            return;
        };
        let later = format!("{} later", span(now.at.since(release.at)));
        let account = release.account.as_mut();
        let account = account.filter(|account| self.plan.channels.contains_key(&account.channel));
        if let Some(account) = account {
            account.sequence += 1;
            let key = EntryKey {
                incident: account.incident.clone(),
                sequence: account.sequence,
                channel: account.channel.clone(),
            };
            let mut story = told(release, now.at);
            story.also_told = vec![key.channel.clone()];
            let words = outcome.words.join("; ");
            story.notes.insert(0, format!("{later}: {words}"));
            batch
                .entries
                .push(entry_of(key, Kind::Notice, now, None, &Arc::new(story)));
        } else if outcome.is_worse
            && let Some(channel) = self.plan.releases.channel.clone()
            && self.plan.channels.contains_key(&channel)
        {
            let story = Story {
                severity: Severity::Info,
                runbook_url: release.url.clone(),
                also_told: vec![channel.clone()],
                ..Story::plain(
                    format!("worse after {}", release.name()),
                    format!("{later}: {}", outcome.words.join("; ")),
                    now.at,
                )
            };
            self.news(now, story, vec![channel], batch);
        }
    }

    /// What got better or worse with those who got a release.
    fn outcome(&self, now: Moment, release: &Release) -> Outcome {
        let zone = self.plan.server.timezone;
        let (mut worse, mut better) = (Vec::new(), Vec::new());
        let mut seen = 0_usize;
        for target in &release.targets {
            let slot = self.index.get(target).copied();
            let Some(watched) = slot.and_then(|slot| self.at(slot)) else {
                continue;
            };
            seen += 1;
            let before = release.before.iter().find(|(known, _)| known == target);
            let before = before.map_or(Verdict::Operational, |(_, verdict)| *verdict);
            let verdict = watched.settled();
            let title = watched.target.title();
            let was = self.shifts.worst_since(target, release.at);
            match (is_well(before), is_well(verdict)) {
                (_, false) if verdict != before => worse.push(format!(
                    "{title} is {} since {}",
                    shown(verdict),
                    watched.since().words(zone)
                )),
                (false, true) => {
                    let was = shown(before);
                    better.push(format!("{title} is operational, it was {was}"));
                }
                (_, false) => {}
                (true, true) => worse.extend(was.map(|(worst, length, id)| {
                    format!("{title} was {} for {} (#{id})", shown(worst), span(length))
                })),
            }
        }
        let is_worse = !worse.is_empty();
        let mut words = Vec::new();
        for (label, list) in [("worse", worse), ("better", better)] {
            let more = list.len().saturating_sub(NAMED_MAX);
            if list.is_empty() {
                continue;
            }
            let mut line = format!("{label}: {}", list[..list.len() - more].join(", "));
            if more > 0 {
                line.push_str(", and ");
                line.push_str(&more.to_string());
                line.push_str(" more");
            }
            words.push(line);
        }
        if words.is_empty() {
            words.push(match seen {
                0 => String::from("nobody of those who got it is watched any more"),
                1 => format!("{} is as before", release.title),
                all => format!("all {all} are as before"),
            });
        }
        Outcome {
            at: now.at,
            words,
            is_worse,
        }
    }

    /// Remembers what may be why something fails from now on, by what is to be stored.
    pub(super) fn note_changes(&mut self, actions: &[Action]) {
        for action in actions {
            if let Action::Commit(batch) = action {
                self.note_changes_of(batch);
            }
        }
    }

    /// What a batch changes that may be why something fails.
    pub(super) fn note_changes_of(&mut self, batch: &Batch) {
        for attempt in &batch.attempts {
            let Some(at) = attempt.began_at else { continue };
            let what = attempt.action.replace(['_', '-'], " ");
            let change = Change {
                at,
                targets: self.family(&attempt.target),
                job: None,
                words: format!(
                    "{} of {} by {}",
                    what,
                    self.title_of(&attempt.target),
                    attempt.by
                ),
                kind: ChangeKind::Action,
            };
            self.releases.changed(change);
        }
        for record in &batch.checks {
            if let Some(Memory::Job(memory)) = record.memory.as_deref() {
                let target = &record.check.target;
                for run in &memory.runs {
                    self.run_noted(target, run.began_at, "began");
                }
                if let Some(last) = &memory.last {
                    let words = match last.failure {
                        Some(_) => "failed",
                        None => "ended",
                    };
                    self.run_noted(target, last.at, words);
                }
            }
        }
    }

    fn run_noted(&mut self, target: &TargetId, at: Timestamp, what: &str) {
        let words = format!("{} {what}", self.title_of(target));
        self.releases.changed(Change {
            at,
            targets: Vec::new(),
            job: Some(target.clone()),
            words,
            kind: ChangeKind::Job,
        });
    }

    /// A target and the others of its group: what is done to one of a pair may harm the other one.
    fn family(&self, target: &TargetId) -> Vec<TargetId> {
        let slot = self.index.get(target).copied();
        let group = slot.and_then(|slot| self.at(slot)?.target.group.clone());
        let members = group.and_then(|group| self.groups.get(&group));
        let Some(members) = members else {
            return vec![target.clone()];
        };
        let members = members.iter().filter_map(|slot| self.at(*slot));
        members.map(|watched| watched.target.id.clone()).collect()
    }

    /// What happened near the beginning of a trouble of these, one clause each.
    pub(super) fn near_words<'a>(
        &self,
        slots: impl IntoIterator<Item = &'a Slot>,
        since: Timestamp,
    ) -> Vec<String> {
        if self.releases.changes.is_empty() {
            return Vec::new();
        }
        let slots = slots.into_iter().filter_map(|slot| self.at(*slot));
        let targets: Vec<_> = slots.map(|watched| watched.target.id.clone()).collect();
        let within = self.plan.releases.near_within;
        let near = near(self.releases.changes.iter(), &targets, since, within);
        near.into_iter().map(|change| change.near(since)).collect()
    }

    /// Whether what was released or changed is to be shown anew.
    pub(super) fn is_release_news(&mut self) -> bool {
        std::mem::take(&mut self.releases.is_changed)
    }

    /// What was released, and what changed, oldest first.
    pub(super) fn chronicle(&self) -> (Vec<Arc<Release>>, Arc<[Change]>) {
        let known = self.releases.known.iter().cloned().collect();
        (known, self.releases.changes.iter().cloned().collect())
    }
}

/// What a store remembers that may be why something fails, beside releases.
pub(super) fn past_of(loaded: &Loaded) -> Batch {
    let is_job = |record: &&CheckRecord| matches!(record.memory.as_deref(), Some(Memory::Job(_)));
    Batch {
        attempts: loaded.attempts.clone(),
        checks: loaded.checks.iter().filter(is_job).cloned().collect(),
        ..Batch::default()
    }
}

/// The facts of the message of a release: its name, who announced it, and what changed.
fn told(release: &Release, at: Timestamp) -> Story {
    Story {
        severity: Severity::Info,
        notes: release.changes.clone(),
        runbook_url: release.url.clone(),
        ..Story::plain(
            format!("{} is released", release.name()),
            format!("by {} · {}", release.by, release.id),
            at,
        )
    }
}

fn change_of(release: &Release) -> Change {
    Change {
        at: release.at,
        targets: release.targets.clone(),
        job: None,
        words: format!("{} by {} went out", release.name(), release.by),
        kind: ChangeKind::Release,
    }
}

const fn is_well(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Operational | Verdict::Suspect => true,
        Verdict::Degraded | Verdict::Down | Verdict::Unknown => false,
    }
}

fn shown(verdict: Verdict) -> String {
    match verdict {
        Verdict::Down => String::from("DOWN"),
        Verdict::Operational | Verdict::Suspect | Verdict::Degraded | Verdict::Unknown => {
            verdict.to_string()
        }
    }
}

/// Gives the targets of a release their new names; says whether any has one.
fn rename(release: &mut Release, renamed: &[(TargetId, TargetId)]) -> bool {
    let mut is_renamed = rename_in(&mut release.targets, renamed);
    for (target, _) in &mut release.before {
        if let Some((_, new)) = renamed.iter().find(|(old, _)| old == target) {
            target.clone_from(new);
            is_renamed = true;
        }
    }
    is_renamed
}

fn rename_in(targets: &mut [TargetId], renamed: &[(TargetId, TargetId)]) -> bool {
    let mut is_renamed = false;
    for target in targets {
        if let Some((_, new)) = renamed.iter().find(|(old, _)| old == target) {
            target.clone_from(new);
            is_renamed = true;
        }
    }
    is_renamed
}
