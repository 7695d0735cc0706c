//! Stories of a small fleet: what its targets do over time, and what people are told.

mod act;
mod blindness;
mod budget;
mod claim;
mod correlate;
mod disaster;
mod ending;
mod flapping;
mod handover;
mod heartbeat;
mod job;
mod lapse;
mod logs;
mod parents;
mod planned;
mod quiet;
mod released;
mod reminders;
mod roles;
mod shift;
mod split;

use std::{collections::BTreeMap, fmt::Write as _};

use expect_test::{Expect, expect};

use super::*;
use crate::{
    model::{
        Check, CheckKind, Component, ComponentState, Degradation, DegradationKind, Detail, Entry,
        EntryKey, Failure, FailureClass, FailureKind, Family, Gap, GapKind, Incident, Kind,
        OnCallName, Outcome, Phases, Policy, Severity,
        plan::{Connection, HealthQuestion, HttpVersion, IpFamily, Question, TlsSettings},
    },
    route::tests::{plan, to},
};

/// A target `group/name`, or `name`.
fn target(id: &str) -> Target {
    let (group, name) = id.split_once('/').map_or((None, id), |(group, name)| {
        (Some(GroupName::new(group)), name)
    });
    let question = HealthQuestion {
        role_field: None,
        url: format!("http://{}.test/health", name.replace(' ', "-"))
            .parse()
            .expect("an address"),
        url_secrets: Vec::new(),
        headers: Vec::new(),
        credentials: None,
        format: None,
        critical_components: Vec::new(),
        rules: Vec::new(),
        connection: Connection::default(),
        http_version: HttpVersion::default(),
        ip: IpFamily::default(),
        all_addresses: false,
        tls: TlsSettings::default(),
    };
    Target {
        id: TargetId::new(id),
        name: name.to_owned(),
        group,
        aliases: Vec::new(),
        icon: None,
        severity: Severity::Critical,
        runbook_url: None,
        was: None,
        depends_on: Vec::new(),
        checks: vec![Check {
            kind: CheckKind::Health,
            policy: Policy::default(),
            question: Question::Health(Arc::new(question)),
        }],
    }
}

/// A target on this host.
fn on(host: &str, id: &str) -> Target {
    let mut target = target(id);
    let Question::Health(health) = &mut target.checks[0].question else {
        unreachable!("it is a health check");
    };
    let url = format!("http://{host}/health").parse().expect("an address");
    Arc::make_mut(health).url = url;
    target
}

fn fleet(targets: Vec<Target>) -> Plan {
    let reminded = crate::model::Route {
        mention: Some(OnCallName::new("core")),
        remind_after: vec![Duration::from_mins(30), Duration::from_hours(2)],
        ..to(&["core"])
    };
    Plan {
        targets: targets.into_iter().map(Arc::new).collect(),
        ..plan(&["core", "ops"], vec![reminded])
    }
}

/// The real engine in virtual time: looks are answered by what the story says, messages are written down.
struct World {
    engine: Engine,
    now: Duration,
    weather: BTreeMap<String, String>,
    flights: Vec<(Duration, Order)>,
    told: String,
    open: BTreeMap<String, Incident>,
    looks: usize,
    /// Looks at stores of logs.
    rounds: usize,
    committed: Loaded,
    store: logs::Store,
    /// Who is active, as a source would say; absent while it does not answer.
    active: Option<Vec<u16>>,
    /// What the grid knows of each target.
    shown: BTreeMap<String, Facts>,
    places: BTreeMap<Slot, TargetId>,
    /// The last role shown of each target.
    roles: BTreeMap<String, &'static str>,
    /// What the grid says of logs, target by target, each change once.
    rows: Vec<(Duration, String, &'static str)>,
    entries: Vec<Entry>,
    witnesses: blindness::Witnesses,
    /// What became of wishes.
    answers: Vec<Answer>,
    /// What became of orders, what is to be read, and what is to be done.
    ordered: Vec<Answered>,
    rereads: Vec<Reread>,
    runs: Vec<Run>,
    /// What is shown of jobs, and the numbers of calls that were taken in.
    jobs: BTreeMap<Slot, Arc<JobFacts>>,
    heard: Vec<u64>,
    /// Changes with the incidents that tell of them.
    changes: claim::Changes,
}

/// A message as the stories write it down.
fn line_of(entry: &Entry) -> String {
    let story = &entry.story;
    let mut line = match entry.kind {
        Kind::Notice => format!("{}: {}", story.title, story.reason.words),
        Kind::Recovered => format!("{} {} -> {}", story.name(), story.from, story.to),
        Kind::Noted => {
            let deed = match &story.attended {
                Some(attended) => &attended.deed,
                None => &story.reason.words,
            };
            format!("{}: {deed}", story.name())
        }
        Kind::Opened | Kind::Changed | Kind::Reminder | Kind::Removed | Kind::Split => format!(
            "{} {} -> {}: {}",
            story.name(),
            story.from,
            story.to,
            story.reason.words
        ),
    };
    if !story.notes.is_empty() {
        write!(line, " [{}]", story.notes.join("; ")).expect("a string takes it");
    }
    match story.flapping.as_deref() {
        Some(flapping) if flapping.is_steady => line.push_str(" [flapping, but steady]"),
        Some(flapping) => {
            let (outages, timeline) = (flapping.outages, &flapping.timeline);
            write!(line, " [flapping {outages}x: {timeline}]").expect("a string takes it");
        }
        None => {}
    }
    if let Some(many) = story.many.as_deref() {
        write!(line, " ({} of {} back)", many.back, many.total).expect("a string takes it");
    }
    line
}

impl World {
    fn new(plan: Plan) -> Self {
        Self::restored(plan, Loaded::default(), Duration::ZERO)
    }

    fn restored(plan: Plan, loaded: Loaded, now: Duration) -> Self {
        let committed = loaded.clone();
        let settings = Settings {
            seed: 7,
            looks_max: 100,
        };
        let (engine, actions) =
            Engine::start(Arc::new(plan), loaded, settings, Moment::default() + now);
        let mut world = Self {
            engine,
            now,
            weather: BTreeMap::new(),
            flights: Vec::new(),
            told: String::new(),
            open: committed
                .open
                .iter()
                .map(|incident| (incident.id.to_string(), incident.clone()))
                .collect(),
            looks: 0,
            rounds: 0,
            committed,
            store: logs::Store::default(),
            active: Some(vec![0]),
            shown: BTreeMap::new(),
            places: BTreeMap::new(),
            roles: BTreeMap::new(),
            rows: Vec::new(),
            entries: Vec::new(),
            witnesses: blindness::Witnesses::default(),
            answers: Vec::new(),
            ordered: Vec::new(),
            rereads: Vec::new(),
            runs: Vec::new(),
            jobs: BTreeMap::new(),
            heard: Vec::new(),
            changes: claim::Changes::default(),
        };
        world.carry_out(actions);
        world
    }

    fn moment(&self) -> Moment {
        Moment::default() + self.now
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Look(order) => {
                    self.looks += 1;
                    self.rounds += usize::from(order.ask.is_some());
                    self.flights.push((self.now, order));
                }
                Action::Commit(batch) => self.commit(&batch),
                Action::Placed(slot, id) => {
                    self.places.insert(slot, id);
                }
                Action::Show(slot, facts) => {
                    let name = self.places[&slot].to_string();
                    self.shown.insert(name, *facts);
                }
                Action::Vacated(_)
                | Action::Looked(_)
                | Action::Noted(..)
                | Action::ShowAgenda(_)
                | Action::LookTrouble(_) => {}
                Action::Answer(_, answer) => self.answers.push(*answer),
                Action::Ordered(_, answer) => self.ordered.push(*answer),
                Action::Reread(reread) => self.rereads.push(*reread),
                Action::Run(run) => self.runs.push(*run),
                Action::AskWitnesses(order) => self.witnesses.asked(self.now, order),
                Action::Blind(blind) => self.show_blind(blind.is_some()),
                Action::ShowLog(slot, facts) => self.show_log(slot, &facts),
                Action::ShowRole(slot, facts) => self.show_role(slot, facts.as_deref()),
                Action::ShowJob(slot, facts) => {
                    self.jobs.insert(slot, facts);
                }
                Action::Heard(number) => self.heard.push(number),
            }
        }
    }

    fn commit(&mut self, batch: &Batch) {
        for transition in &batch.transitions {
            let again = crate::judge::replay(&transition.proof).map(|change| change.to);
            assert_eq!(again, Some(transition.to), "{transition:?}");
        }
        self.changes.take_in(batch);
        self.entries.extend(batch.entries.iter().cloned());
        self.note_lapses(batch);
        for entry in &batch.entries {
            let at = humantime::format_duration(Duration::from_secs(self.now.as_secs()));
            let mention = entry
                .mention
                .as_ref()
                .map(|name| format!(" @{name}"))
                .unwrap_or_default();
            let kind = entry.kind.as_str();
            let line = line_of(entry);
            writeln!(
                self.told,
                "{at} #{}{mention} {kind}: {line}",
                entry.key.channel
            )
            .expect("a string takes it");
        }
        for incident in &batch.incidents {
            if incident.is_open() {
                self.open.insert(incident.id.to_string(), incident.clone());
            } else {
                self.open.remove(incident.id.as_str());
            }
            self.committed.incidents = self.committed.incidents.max(incident.number);
        }
        for record in &batch.checks {
            self.committed
                .checks
                .retain(|known| known.check != record.check);
            self.committed.checks.push(record.clone());
        }
        for planned in &batch.planned {
            let known = &mut self.committed.planned;
            known.retain(|known| known.id != planned.id);
            self.committed.plans = self.committed.plans.max(planned.id.number);
            if planned.ended.is_none() {
                known.push(planned.clone());
            }
        }
        for attempt in &batch.attempts {
            let known = &mut self.committed.attempts;
            known.retain(|known| known.id != attempt.id);
            known.push(attempt.clone());
        }
        for release in &batch.releases {
            let known = &mut self.committed.releases;
            known.retain(|known| known.id != release.id);
            known.push(release.clone());
        }
        self.committed.open = self.open.values().cloned().collect();
        self.committed.last_at = Some(batch.at);
    }

    fn event(&mut self, event: Event) {
        let mut actions = Vec::new();
        self.engine.handle(self.moment(), event, &mut actions);
        self.carry_out(actions);
    }

    fn set(&mut self, target: &str, weather: &str) {
        self.weather.insert(target.to_owned(), weather.to_owned());
    }

    /// How a look at this target ends, and when.
    fn answer(&self, order: &Order) -> (Duration, Outcome) {
        let weather = self.weather_of(order);
        let quick = Duration::from_millis(20);
        let failure = |class, kind, words: &str| {
            Outcome::Unhealthy(Failure {
                class,
                kind,
                words: words.to_owned(),
            })
        };
        match weather {
            "ok" => (quick, Outcome::Healthy),
            "slow" => (Duration::from_secs(3), Outcome::Healthy),
            "refused" => (
                quick,
                failure(
                    FailureClass::Refused,
                    FailureKind::ConnectionRefused,
                    "connection refused",
                ),
            ),
            "db" => (
                quick,
                failure(FailureClass::Explicit, FailureKind::SaysDown, "db is down"),
            ),
            "silent" => (
                order.limit,
                failure(
                    FailureClass::Silent,
                    FailureKind::FirstByteTimeout,
                    "no answer",
                ),
            ),
            "witness" => {
                let words = String::from("not measured lately");
                let kind = GapKind::Witness;
                (quick, Outcome::Unobservable(Gap { kind, words }))
            }
            "no-files" => {
                let words = String::from("too many open files");
                (
                    quick,
                    Outcome::Unobservable(Gap {
                        kind: GapKind::OwnResources,
                        words,
                    }),
                )
            }
            "degraded" => {
                let words = String::from("the body says DEGRADED");
                let kind = DegradationKind::SaysDegraded;
                (quick, Outcome::Degraded(Degradation { kind, words }))
            }
            "401" => {
                let words = String::from("HTTP 401");
                (
                    quick,
                    Outcome::Unobservable(Gap {
                        kind: GapKind::NotAuthorised,
                        words,
                    }),
                )
            }
            other => (quick, ending::outcome(other)),
        }
    }

    /// Which components its body calls down.
    fn components(&self, order: &Order) -> Option<Box<Detail>> {
        let component = Component {
            name: String::from("db"),
            state: ComponentState::Down,
            message: None,
        };
        (self.weather_of(order) == "db").then(|| {
            Box::new(Detail {
                components: vec![component],
                components_total: 3,
                ..Detail::default()
            })
        })
    }

    /// How the target of this look answers; its certificate has a weather of its own.
    fn weather_of(&self, order: &Order) -> &str {
        let id = order.target.id.as_str();
        let kind = order.target.checks[usize::from(order.look.check)].kind;
        let weather = if kind == CheckKind::Tls {
            self.weather.get(&format!("{id} tls"))
        } else {
            self.weather.get(id)
        };
        weather.map_or("ok", String::as_str)
    }

    fn run_until(&mut self, end: Duration) {
        loop {
            let landing = self
                .flights
                .iter()
                .enumerate()
                .map(|(index, (started, order))| (*started + self.answer(order).0, index))
                .min();
            let due = self
                .engine
                .next_deadline()
                .map(|tick| tick.since(Tick::ZERO));
            let soonest = landing.map(|(at, _)| at).into_iter().chain(due).min();
            if let Some(at) = self.witnesses.next_at().filter(|at| *at <= end)
                && soonest.is_none_or(|soonest| at <= soonest)
            {
                self.now = at.max(self.now);
                let round = self.witnesses.answer();
                self.event(Event::Witnessed(round));
                continue;
            }
            match (landing, due) {
                (Some((at, index)), due) if due.is_none_or(|due| at <= due) && at <= end => {
                    let (started, order) = self.flights.swap_remove(index);
                    let (_, outcome) = self.answer(&order);
                    let detail = self.components(&order);
                    let phases = Phases {
                        // What names its components has answered.
                        first_byte_us: detail.as_ref().map(|_| 20_000),
                        ..Phases::default()
                    };
                    self.now = at.max(self.now);
                    let observation = Observation {
                        look: order.look,
                        started: Moment::default() + started,
                        finished: self.moment(),
                        outcome,
                        status: None,
                        phases,
                        family: Some(Family::Spring3),
                        detail,
                        extra: self
                            .store
                            .answer(&order, self.now)
                            .or_else(|| self.role_answer(&order))
                            .or_else(|| ending::extra(self.weather_of(&order))),
                    };
                    self.event(Event::Observed(observation));
                }
                (_, Some(due)) if due <= end => {
                    self.now = due.max(self.now);
                    self.event(Event::Due);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn check(&mut self, expected: &Expect) {
        expected.assert_eq(&std::mem::take(&mut self.told));
    }
}

const fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

#[test]
fn an_outage_is_told_once_and_so_is_its_end() {
    let mut world = World::new(fleet(vec![target("master/blue"), target("master/green")]));
    world.run_until(minutes(2));
    world.set("master/blue", "refused");
    world.run_until(minutes(5));
    world.set("master/blue", "ok");
    world.run_until(minutes(20));
    world.check(&expect![[r#"
        2m 29s #core @core opened: master blue operational -> down: connection refused
        5m 16s #core recovered: master blue down -> operational
    "#]]);
    assert!(world.open.is_empty());
}

#[test]
fn a_blip_and_our_own_trouble_tell_the_team_nothing() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.run_until(minutes(1));
    world.set("api", "silent");
    world.run_until(minutes(1) + Duration::from_secs(12));
    world.set("api", "ok");
    world.run_until(minutes(10));
    world.check(&expect![[""]]);
    world.set("api", "no-files");
    world.run_until(minutes(30));
    world.set("api", "ok");
    world.run_until(minutes(40));
    world.check(&expect![[r#"
        13m 15s #ops notice: looks say nothing because of trouble on this machine: too many open files
        30m 20s #ops notice: over: looks say nothing because of trouble on this machine: 
    "#]]);
}

#[test]
fn reminders_come_while_it_is_down_and_stop_with_it() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.set("api", "refused");
    world.run_until(Duration::from_hours(7));
    world.set("api", "ok");
    world.run_until(Duration::from_hours(20));
    world.check(&expect![[r#"
        12s #core @core opened: api unknown -> down: connection refused
        30m 12s #core @core reminder: api down -> down: connection refused
        2h 12s #core reminder: api down -> down: connection refused
        4h 12s #core reminder: api down -> down: connection refused
        6h 12s #core reminder: api down -> down: connection refused
        7h 15s #core recovered: api down -> operational
    "#]]);
}

#[test]
fn not_being_let_in_goes_to_ops_and_ends_there() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.set("api", "401");
    world.run_until(minutes(5));
    world.set("api", "ok");
    world.run_until(minutes(10));
    world.check(&expect![[r#"
        12s #ops opened: api unknown -> unknown: HTTP 401
        5m 32s #ops recovered: api unknown -> operational
    "#]]);
}

#[test]
fn a_removed_target_says_goodbye_and_a_renamed_one_goes_on() {
    let mut world = World::new(fleet(vec![target("master/blue"), target("master/green")]));
    world.set("master/blue", "refused");
    world.set("master/green", "refused");
    world.run_until(minutes(5));
    let renamed = Target {
        was: Some(TargetId::new("master/green")),
        ..target("master/teal")
    };
    world.set("master/teal", "refused");
    world.event(Event::Replanned(Arc::new(fleet(vec![renamed]))));
    world.run_until(minutes(10));
    world.set("master/teal", "ok");
    world.run_until(minutes(15));
    world.check(&expect![[r#"
        12s #core @core opened: master blue unknown -> down: connection refused
        29s #core changed: 2 of 2 in group master down -> down: master blue and master green: connection refused (0 of 2 back)
        5m #core changed: 2 of 2 in group master down -> down: 1 of 2 are back; still bad: master teal: connection refused (1 of 2 back)
        10m 21s #core recovered: 2 of 2 in group master down -> operational (2 of 2 back)
    "#]]);
    assert!(world.open.is_empty());
}

#[test]
fn a_reload_asks_nothing_twice_and_tells_nothing_twice() {
    let mut world = World::new(fleet(vec![target("a"), target("b")]));
    world.set("a", "refused");
    world.run_until(minutes(5));
    let looks = world.looks;
    for _ in 0..100 {
        world.event(Event::Replanned(Arc::new(fleet(vec![
            target("b"),
            target("a"),
        ]))));
    }
    assert_eq!(world.looks, looks);
    world.run_until(minutes(6));
    assert!(
        world.looks - looks <= 8,
        "{} looks in a minute",
        world.looks - looks
    );
    world.set("a", "ok");
    world.run_until(minutes(10));
    world.check(&expect![[r#"
        12s #core @core opened: a unknown -> down: connection refused
        6m 17s #core recovered: a down -> operational
    "#]]);
}

#[test]
fn a_restart_in_an_outage_repeats_nothing_and_still_tells_the_end() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.set("api", "refused");
    world.run_until(minutes(5));
    world.check(&expect![[r#"
        12s #core @core opened: api unknown -> down: connection refused
    "#]]);
    let loaded = world.committed.clone();
    let mut world = World::restored(fleet(vec![target("api")]), loaded, minutes(6));
    world.set("api", "refused");
    world.run_until(minutes(9));
    world.check(&expect![[r#"
        6m #ops notice: hekate is back; nobody was looking for a while: the last sign of life is from 1 Jan 00:00:12 UTC; what happened since then was not seen
    "#]]);
    world.set("api", "ok");
    world.run_until(minutes(15));
    world.check(&expect![[r#"
        9m 12s #core recovered: api down -> operational
    "#]]);
}

#[test]
fn an_interruption_voids_what_was_in_question() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.run_until(minutes(2));
    world.set("api", "silent");
    world.run_until(minutes(2) + Duration::from_secs(40));
    world.event(Event::Interrupted);
    world.set("api", "ok");
    world.run_until(minutes(20));
    world.check(&expect![[""]]);
}

#[test]
fn our_own_troubles_are_told_once_and_so_is_their_end() {
    let mut world = World::new(fleet(vec![target("api")]));
    let trouble = Trouble {
        key: String::from("store"),
        is_over: false,
        title: String::from("the store cannot be written"),
        words: String::from("no space left"),
        not_to: None,
    };
    world.event(Event::Troubled(trouble.clone()));
    world.event(Event::Troubled(trouble.clone()));
    world.event(Event::Troubled(Trouble {
        is_over: true,
        ..trouble.clone()
    }));
    world.event(Event::Troubled(Trouble {
        is_over: true,
        ..trouble
    }));
    world.check(&expect![[r#"
        0s #ops notice: the store cannot be written: no space left
        0s #ops notice: over: the store cannot be written: no space left
    "#]]);
}

#[test]
fn after_a_restart_nobody_is_reminded_of_what_was_not_looked_at_again() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.set("api", "refused");
    world.run_until(minutes(5));
    world.told.clear();
    let loaded = world.committed.clone();
    let mut world = World::restored(fleet(vec![target("api")]), loaded, minutes(50));
    world.run_until(minutes(60));
    world.check(&expect![[r#"
        50m #ops notice: hekate is back; nobody was looking for a while: the last sign of life is from 1 Jan 00:00:12 UTC; what happened since then was not seen
        50m 10s #core recovered: api down -> operational
    "#]]);
}

#[test]
fn a_clock_that_was_wrong_does_not_put_a_reminder_off_for_years() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.set("api", "refused");
    world.run_until(minutes(5));
    let mut loaded = world.committed.clone();
    for incident in &mut loaded.open {
        incident.remind_at = Some(Timestamp::default() + Duration::from_hours(24 * 3650));
    }
    let mut world = World::restored(fleet(vec![target("api")]), loaded, minutes(6));
    world.set("api", "refused");
    world.told.clear();
    world.run_until(Duration::from_hours(3));
    world.check(&expect![[r#"
        2h 6m #core @core reminder: api down -> down: connection refused
    "#]]);
}

#[test]
fn what_a_found_store_says_is_open_ends_only_when_it_was_seen() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.set("api", "refused");
    world.run_until(minutes(5));
    let found = world.committed.clone();
    let ends = "6m #core recovered: api down -> operational\n";
    for (weather, told) in [("refused", ""), ("ok", ends)] {
        let loaded = Loaded {
            incidents: 1_000,
            ..Loaded::default()
        };
        let mut world = World::restored(fleet(vec![target("api")]), loaded, minutes(6));
        world.set("api", weather);
        world.event(Event::Found(Box::new(found.clone())));
        world.check(&expect![[""]]);
        world.run_until(minutes(20));
        assert_eq!(world.told, told);
    }
}

#[test]
fn interruptions_again_and_again_keep_nobody_from_being_looked_at() {
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let mut world = World::new(fleet(names.map(target).to_vec()));
    let mut seen = BTreeSet::new();
    for second in 1..120_u64 {
        world.run_until(Duration::from_secs(second));
        seen.extend(
            world
                .flights
                .iter()
                .map(|(_, order)| order.target.id.to_string()),
        );
        if second % 2 == 0 {
            world.event(Event::Interrupted);
        }
    }
    for name in names {
        let started = world.engine.verdict(&TargetId::new(name));
        assert_eq!(started, Some(Verdict::Operational), "{name}");
    }
    let looks = world.looks;
    for second in 120..240_u64 {
        world.run_until(Duration::from_secs(second));
        if second % 2 == 0 {
            world.event(Event::Interrupted);
        }
    }
    assert!(world.looks >= looks + 3 * names.len());
}

fn asked_otherwise(id: &str, count: Option<crate::model::judgement::Count>, port: u16) -> Target {
    let mut target = target(id);
    target.checks[0].policy.count = count;
    let Question::Health(question) = &target.checks[0].question else {
        panic!("it is a health check");
    };
    let mut question = (**question).clone();
    question.url.set_port(Some(port)).expect("a port");
    target.checks[0].question = Question::Health(Arc::new(question));
    target
}

#[test]
fn an_answer_to_the_old_question_says_nothing_about_the_new_one() {
    let once = Some(crate::model::judgement::Count { failures: 1, of: 1 });
    let mut world = World::new(fleet(vec![asked_otherwise("api", once, 1)]));
    world.run_until(minutes(2));
    world.set("api", "silent");
    while world.flights.is_empty() {
        world.run_until(world.now + Duration::from_secs(1));
    }
    world.event(Event::Replanned(Arc::new(fleet(vec![asked_otherwise(
        "api", once, 2,
    )]))));
    let (_, order) = world.flights.first().expect("it waits for its answer");
    let outcome = world.answer(order).1;
    let observation = Observation {
        look: order.look,
        started: world.moment(),
        finished: world.moment(),
        outcome,
        status: None,
        phases: Phases::default(),
        family: None,
        detail: None,
        extra: None,
    };
    world.flights.clear();
    world.event(Event::Observed(observation));
    world.set("api", "ok");
    world.run_until(minutes(10));
    world.check(&expect![[""]]);
}

#[test]
fn a_failure_that_was_only_counted_is_no_old_suspicion_under_other_rules() {
    let count = Some(crate::model::judgement::Count {
        failures: 3,
        of: 10,
    });
    let mut world = World::new(fleet(vec![asked_otherwise("api", count, 9)]));
    world.run_until(minutes(2));
    world.set("api", "refused");
    let looks = world.looks;
    while world.looks == looks || !world.flights.is_empty() {
        world.run_until(world.now + Duration::from_millis(500));
    }
    world.set("api", "ok");
    world.run_until(world.now + minutes(2));
    world.event(Event::Replanned(Arc::new(fleet(vec![target("api")]))));
    world.set("api", "refused");
    let looks = world.looks;
    while world.looks == looks || !world.flights.is_empty() {
        world.run_until(world.now + Duration::from_millis(500));
    }
    world.set("api", "ok");
    world.run_until(minutes(20));
    world.check(&expect![[""]]);
}

#[test]
fn after_a_total_loss_of_the_store_no_id_is_given_out_again() {
    let start_of_2027 = Duration::from_hours(499_656);
    let mut ids = BTreeSet::new();
    for day in 0..3 {
        let begin = start_of_2027 + Duration::from_hours(24 * day);
        let mut world = World::restored(fleet(vec![target("api")]), Loaded::default(), begin);
        world.set("api", "refused");
        world.now = begin;
        for _ in 0..20 {
            world.set("api", "refused");
            world.run_until(world.now + minutes(35));
            assert!(
                world.open.keys().all(|id| id.len() == 4),
                "{:?}",
                world.open.keys()
            );
            assert!(
                world.open.keys().all(|id| ids.insert(id.clone())),
                "{:?} again",
                world.open.keys()
            );
            world.set("api", "ok");
            world.run_until(world.now + minutes(35));
        }
    }
    assert_eq!(ids.len(), 60);
}

#[test]
fn who_is_told_of_something_worse_is_reminded_as_of_the_worse() {
    let mut worse = to(&["core"]);
    worse.matcher.states = vec![Verdict::Down];
    worse.remind_after = vec![minutes(10)];
    let mut mild = to(&["core"]);
    mild.remind_after = vec![Duration::from_hours(8)];
    let plan = Plan {
        routes: vec![worse, mild],
        ..fleet(vec![target("api")])
    };
    let mut world = World::new(plan);
    world.set("api", "degraded");
    world.run_until(minutes(5));
    world.set("api", "refused");
    world.run_until(minutes(30));
    world.check(&expect![[r#"
        8s #core opened: api unknown -> degraded: the body says DEGRADED
        5m 15s #core changed: api degraded -> down: connection refused
        15m 15s #core reminder: api down -> down: connection refused
        25m 15s #core reminder: api down -> down: connection refused
    "#]]);
}

#[test]
fn a_message_names_only_those_who_get_it_as_told() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.set("api", "refused");
    world.run_until(minutes(5));
    for weather in ["401", "refused", "degraded", "ok"] {
        world.set("api", weather);
        world.run_until(world.now + minutes(5));
    }
    assert!(world.entries.len() >= 5, "{}", world.told);
    for entry in &world.entries {
        for other in &entry.story.also_told {
            let key = EntryKey {
                channel: other.clone(),
                ..entry.key.clone()
            };
            assert!(
                world.entries.iter().any(|entry| entry.key == key),
                "{:?} says that #{other} is told: {}",
                entry.key,
                world.told
            );
        }
    }
}

#[test]
fn two_open_incidents_of_one_target_both_end() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.set("api", "refused");
    world.run_until(minutes(5));
    let mut loaded = world.committed.clone();
    let mut other = loaded.open[0].clone();
    other.number += 1;
    other.id = IncidentId::from_number(other.number);
    other.told[0].channel = ChannelName::new("ops");
    loaded.open.push(other);
    loaded.incidents += 1;
    let mut world = World::restored(fleet(vec![target("api")]), loaded, minutes(6));
    assert_eq!(world.open.len(), 1, "they are one by now");
    world.told.clear();
    world.set("api", "ok");
    world.run_until(minutes(10));
    assert!(world.open.is_empty(), "{:?}", world.open);
    world.check(&expect![[r#"
        6m 10s #ops recovered: api down -> operational
        6m 10s #core recovered: api down -> operational
    "#]]);
}

#[test]
fn the_same_events_give_the_same_messages_in_the_same_order() {
    let names = ["h", "c", "a", "g", "b", "f", "e", "d"];
    let told: BTreeSet<String> = (0..8)
        .map(|_| {
            let mut world = World::new(fleet(names.map(target).to_vec()));
            for name in names {
                world.set(name, "refused");
            }
            world.run_until(minutes(5));
            world.told.clear();
            let loaded = world.committed.clone();
            world.event(Event::Replanned(Arc::new(fleet(vec![target("z")]))));
            let mut told = std::mem::take(&mut world.told);
            let world = World::restored(fleet(vec![target("z")]), loaded, minutes(6));
            told.push_str(&world.told);
            told
        })
        .collect();
    assert_eq!(told.len(), 1, "{told:#?}");
}

#[test]
fn every_message_knows_everybody_who_gets_it() {
    let names = ["one", "two", "three", "four", "five", "six", "ops"];
    let of = |targets: Vec<Target>| Plan {
        targets: targets.into_iter().map(Arc::new).collect(),
        ..plan(
            &names,
            vec![crate::model::Route {
                remind_after: vec![Duration::from_mins(5)],
                ..to(&names)
            }],
        )
    };
    let mut world = World::new(of(vec![target("api"), target("cron")]));
    for weather in ["degraded", "refused", "ok", "refused"] {
        world.set("api", weather);
        world.run_until(world.now + minutes(12));
    }
    world.event(Event::Replanned(Arc::new(of(vec![target("cron")]))));
    let kinds: BTreeSet<_> = world
        .entries
        .iter()
        .map(|entry| entry.kind.as_str())
        .collect();
    for kind in [
        Kind::Opened,
        Kind::Changed,
        Kind::Reminder,
        Kind::Recovered,
        Kind::Removed,
    ] {
        assert!(kinds.contains(kind.as_str()), "{kinds:?}");
    }
    for entry in &world.entries {
        let told = &entry.story.also_told;
        assert_eq!(told.len(), names.len(), "{:?} names {told:?}", entry.key);
        assert!(
            names
                .iter()
                .all(|name| told.contains(&ChannelName::new(*name)))
        );
    }
}

#[test]
fn looks_between_do_not_delay_those_that_are_counted() {
    let count = Some(crate::model::judgement::Count { failures: 2, of: 2 });
    let mut world = World::new(fleet(vec![asked_otherwise("api", count, 9)]));
    world.set("api", "degraded");
    world.run_until(minutes(3));
    world.set("api", "ok");
    let watching = |world: &World| {
        let watching = &world.engine.at(Slot(0)).expect("it is in the file").checks[0];
        (watching.regular_at, watching.state.recovery.is_some())
    };
    while !watching(&world).1 {
        world.run_until(world.now + Duration::from_secs(1));
    }
    // The fresh look that is to confirm it meets a failure, which is not counted.
    world.set("api", "refused");
    world.run_until(world.now + Duration::from_secs(7));
    let (regular_at, is_recovering) = watching(&world);
    assert!(!is_recovering);
    let next = world.engine.next_deadline().expect("it is looked at again");
    assert!(
        next <= regular_at + Policy::default().interval,
        "{next:?} is more than an interval after {regular_at:?}"
    );
}

#[test]
fn what_began_under_other_rules_is_proved_under_those_that_decided() {
    let counting = |failures| {
        let count = crate::model::judgement::Count { failures, of: 5 };
        fleet(vec![asked_otherwise("api", Some(count), 9)])
    };
    let mut world = World::new(counting(3));
    world.run_until(minutes(2));
    world.set("api", "refused");
    world.run_until(world.now + Duration::from_secs(62));
    world.event(Event::Replanned(Arc::new(counting(2))));
    world.run_until(world.now + minutes(1));
    world.check(&expect![[r#"
        3m 16s #core @core opened: api operational -> down: connection refused [how it is looked at was changed 43 s after it began]
    "#]]);
}

/// The courier holds a message back for whoever stands in until it hears this, and the store keeps the order.
#[test]
fn who_stands_in_is_stored_before_it_is_said_to_be() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.run_until(minutes(2));
    world.set("api", "refused");
    world.run_until(minutes(5));
    let id = world.open.values().next().expect("it is down").id.clone();
    let ops = ChannelName::new("ops");
    let mut stood_in = |incident: &IncidentId| {
        let mut actions = Vec::new();
        let event = Event::StoodIn(incident.clone(), ops.clone());
        world.engine.handle(world.moment(), event, &mut actions);
        actions
    };
    let said = |action: &Action, incident: &IncidentId| matches!(action, Action::Noted(of, channel) if of == incident && *channel == ops);
    let actions = stood_in(&id);
    let [Action::Commit(batch), noted] = actions.as_slice() else {
        panic!("stored, then said: {actions:?}");
    };
    assert!(
        batch.incidents[0]
            .told
            .iter()
            .any(|told| told.channel == ops)
    );
    assert!(said(noted, &id), "{noted:?}");
    // What needs no storing, or is long over, is answered as well: somebody waits for it.
    for incident in [&id, &IncidentId::new("zzzz")] {
        let actions = stood_in(incident);
        assert!(
            matches!(actions.as_slice(), [noted] if said(noted, incident)),
            "{actions:?}"
        );
    }
}

/// Nothing can be confirmed while the process is held up all the time; that must not be silent for long.
#[test]
fn a_machine_that_stalls_without_end_is_told_once_and_so_is_the_end_of_it() {
    let mut world = World::new(fleet(vec![target("api")]));
    world.run_until(minutes(2));
    world.set("api", "silent");
    for _ in 0..60 {
        world.run_until(world.now + Duration::from_secs(9));
        world.event(Event::Interrupted);
    }
    world.run_until(minutes(20));
    world.set("api", "ok");
    // Now and then is no reason to speak.
    for _ in 0..10 {
        world.run_until(world.now + minutes(2));
        world.event(Event::Interrupted);
    }
    world.check(&expect![[r#"
        3m 26s #core opened: api operational -> degraded: fails again and again: 5 of the last 10 looks
        7m 15s #ops notice: hekate cannot judge: this machine keeps stopping it: for 5 min it was held up again and again, never a whole minute without, so that no failure can be confirmed
        12m 3s #core @core changed: api degraded -> down: no answer
        16m 3s #ops notice: over: hekate cannot judge: this machine keeps stopping it: nothing held it up for 5 min; failures are confirmed again
        20m 10s #core recovered: api down -> operational
    "#]]);
}
