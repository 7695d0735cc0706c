//! What a time was like, group by group: counted from what the journal tells and from what was measured.

use std::{collections::HashMap, time::Duration};

use super::noise::{self, Noise};
use crate::{
    command::sli::{Line, Sli, SloLine, Span},
    model::{GroupName, Incident, Plan, TargetId, Verdict},
    store::Chronicle,
};

/// What was measured, all of the same time.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Measured {
    /// How available each target was.
    pub lines: Vec<Line>,
    /// How far each SLO is kept, over its own window.
    pub slos: Vec<SloLine>,
}

/// What a time was like.
#[derive(Clone, PartialEq, Debug)]
pub struct Weekly {
    /// Which time.
    pub window: Span,
    /// All that the groups below were told, each incident once.
    pub together: Incidents,
    /// Group by group, in the order of the file; whoever has no group comes last.
    pub parts: Vec<Part>,
    /// The SLOs of targets in several groups.
    pub slos: Vec<SloLine>,
}

/// What it was like for the targets of one group.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    /// Which group; absent for the targets without one.
    pub group: Option<GroupName>,
    /// How available its targets were together; absent if nobody said.
    pub sli: Option<Sli>,
    /// Whose outage the longest one was, as people call it.
    pub longest_of: Option<String>,
    /// The SLOs that concern this group only.
    pub slos: Vec<SloLine>,
    /// What was told of them.
    pub incidents: Incidents,
    /// Who told the most, if anybody told more than once or told something false.
    pub noisiest: Option<Noise>,
}

/// How many incidents there were.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Incidents {
    /// Those that began in the time.
    pub begun: usize,
    /// Of those, the ones that were told as down …
    pub down: usize,
    /// … at the worst as unknown …
    pub unknown: usize,
    /// … or at the worst as degraded.
    pub degraded: usize,
    /// Those that are still open, whenever they began.
    pub open: usize,
    /// Of those that began in the time, the ones that somebody acknowledged.
    pub acknowledged: usize,
    /// Half of those were acknowledged within this time; absent if none was.
    pub acknowledged_within: Option<Duration>,
}

/// Counts a time. `groups` are those that are asked about; none are all.
///
/// The group of a target that the file does not know is that which was measured, else the one in its id.
pub fn weekly(
    chronicle: &Chronicle,
    window: Span,
    plan: &Plan,
    measured: &Measured,
    groups: &[GroupName],
) -> Weekly {
    let homes = Homes::new(plan, measured);
    let told: Vec<_> = chronicle
        .incidents
        .iter()
        .filter(|incident| concerns(incident, window))
        .map(|incident| (incident, homes.of_all(&incident.targets)))
        .collect();
    let mut all = homes.order.clone();
    for home in told.iter().flat_map(|(_, homes)| homes) {
        if !all.contains(home) {
            all.push(home.clone());
        }
    }
    all.sort_by_key(Option::is_none);
    if !groups.is_empty() {
        all.retain(|home| home.as_ref().is_some_and(|group| groups.contains(group)));
    }
    let noise = noise::noise(chronicle, window.from);
    let of_slos: Vec<_> = measured
        .slos
        .iter()
        .map(|slo| (slo, homes_of_slo(slo, plan)))
        .collect();
    let count = |homes: &[Option<GroupName>]| {
        let of_these = told
            .iter()
            .filter(|(_, of)| of.iter().any(|home| homes.contains(home)));
        let incidents = of_these.map(|(incident, _)| *incident);
        Incidents::count(incidents, chronicle, window)
    };
    let part = |home: &Option<GroupName>| {
        let lines = measured.lines.iter().filter(|line| line.group == *home);
        let (sli, longest_of) = together(lines);
        let slos = of_slos
            .iter()
            .filter(|(_, of)| of.as_slice() == std::slice::from_ref(home))
            .map(|(slo, _)| (*slo).clone());
        let noisiest = noise.iter().find(|noise| {
            homes.of(&noise.check.target) == *home && (noise.told > 1 || noise.false_alarms > 0)
        });
        Part {
            group: home.clone(),
            sli,
            longest_of,
            slos: slos.collect(),
            incidents: count(std::slice::from_ref(home)),
            noisiest: noisiest.cloned(),
        }
    };
    let parts = all.iter().map(part).collect();
    let of_several = of_slos.iter().filter(|(_, of)| of.len() != 1);
    Weekly {
        window,
        together: count(&all),
        parts,
        // Whoever asks about some groups gets no budget that others spend, too.
        slos: of_several
            .filter(|_| groups.is_empty())
            .map(|(slo, _)| (*slo).clone())
            .collect(),
    }
}

impl Incidents {
    fn count<'a>(
        incidents: impl Iterator<Item = &'a Incident>,
        chronicle: &Chronicle,
        window: Span,
    ) -> Self {
        let mut counted = Self::default();
        let mut after = Vec::new();
        for incident in incidents {
            counted.open += usize::from(incident.is_open());
            if incident.opened_at < window.from {
                continue;
            }
            counted.begun += 1;
            match incident.worst {
                Verdict::Down => counted.down += 1,
                Verdict::Unknown => counted.unknown += 1,
                Verdict::Operational | Verdict::Suspect | Verdict::Degraded => {
                    counted.degraded += 1;
                }
            }
            if let Some(at) = chronicle.acknowledged_at.get(&incident.number) {
                after.push(at.since(incident.opened_at));
            }
        }
        counted.acknowledged = after.len();
        counted.acknowledged_within = median(after);
        counted
    }
}

/// Whether it began in this time, or is still open.
fn concerns(incident: &Incident, window: Span) -> bool {
    incident.opened_at <= window.until && (incident.opened_at >= window.from || incident.is_open())
}

/// The one in the middle; of an even number, what is between the two in the middle.
fn median(mut lengths: Vec<Duration>) -> Option<Duration> {
    lengths.sort_unstable();
    let upper = *lengths.get(lengths.len() / 2)?;
    if lengths.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = lengths[lengths.len() / 2 - 1];
    Some((lower + upper) / 2)
}

/// Several targets as one, and whose outage was the longest; nothing of nobody.
fn together<'a>(lines: impl Iterator<Item = &'a Line>) -> (Option<Sli>, Option<String>) {
    let mut all: Option<Sli> = None;
    let mut longest_of = None;
    for line in lines {
        let all = all.get_or_insert_default();
        let before = all.longest;
        all.add(&line.sli);
        if all.longest != before {
            longest_of = Some(line.title.clone());
        }
    }
    (all, longest_of)
}

/// The groups of the targets that an SLO is about, none for those without one; nothing at all if the file does not know it.
fn homes_of_slo(line: &SloLine, plan: &Plan) -> Vec<Option<GroupName>> {
    let Some(slo) = plan.slos.iter().find(|slo| slo.name == line.name) else {
        return Vec::new();
    };
    let targets = plan.targets.iter().filter(|target| slo.takes(target));
    let homes = targets.map(|target| target.group.clone());
    // What is found elsewhere is not in the file, but its group is.
    let mut out = Vec::new();
    for home in homes.chain(slo.groups.iter().cloned().map(Some)) {
        if !out.contains(&home) {
            out.push(home);
        }
    }
    out
}

/// Which target is in which group.
struct Homes<'a> {
    known: HashMap<&'a TargetId, Option<&'a GroupName>>,
    /// The groups of what is watched for people, in the order of the file.
    order: Vec<Option<GroupName>>,
}

impl<'a> Homes<'a> {
    fn new(plan: &'a Plan, measured: &'a Measured) -> Self {
        let targets = plan.targets.iter();
        let services = targets
            .clone()
            .filter(|target| !target.stands_for_others())
            .map(|target| target.group.clone());
        let found = measured.lines.iter().map(|line| line.group.clone());
        let mut order = Vec::new();
        for home in services.chain(found) {
            if !order.contains(&home) {
                order.push(home);
            }
        }
        let found = measured.lines.iter();
        let known = found
            .map(|line| (&line.target, line.group.as_ref()))
            .chain(targets.map(|target| (&target.id, target.group.as_ref())));
        Self {
            known: known.collect(),
            order,
        }
    }

    fn of(&self, target: &TargetId) -> Option<GroupName> {
        if let Some(home) = self.known.get(target) {
            return home.cloned();
        }
        // Nobody watches it any more.
        let (group, _) = target.as_str().split_once('/')?;
        Some(GroupName::new(group))
    }

    fn of_all(&self, targets: &[TargetId]) -> Vec<Option<GroupName>> {
        targets.iter().map(|target| self.of(target)).collect()
    }
}
