//! Any batch that the types allow.

use std::{sync::Arc, time::Duration};

use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::model::{
    Batch, ChannelName, CheckId, CheckKind, CheckRecord, Component, ComponentState, Degradation,
    DegradationKind, Detail, Ending, Entry, EntryKey, EntryState, Failure, FailureClass,
    FailureKind, Family, Gap, GapKind, Incident, IncidentId, Kind, Memory, OnCallName, Outage,
    Outcome, Phases, Policy, Proof, Reason, Rule, Seen, Severity, State, Story, TargetId, Tick,
    Timestamp, Told, ToldFlapping, Transition, Verdict,
    action::{Attempt, AttemptId, Confirmed, Door, Stage},
    batch::Finished,
    cause::{Cause, Common, Member},
    heartbeat::Beat,
    incident::{Mark, Worth},
    job::{Ended as EndedRun, Fault, GoodRun, JobMemory, Run, RunLag},
    judgement::{Burst, Count, Good, Recovery, Spans},
    lapse::{Lapse, LapseKind},
    latency::{Grain, Latencies, LatencyBlock, Sketch},
    living::{Account, LastTold, Living, Spot},
    logs::{CanaryMark, LogMemory, LogRow, Statement, Witness},
    names::{GroupName, SourceName},
    notification::{Many, One},
    pauses::{Pause, PauseDay, Pauses},
    plan::Matcher,
    planned::{
        Acknowledgement, Attended, Ended, HowEnded, Person, PlanId, PlanKind, Planned, Silent,
    },
    release::{Outcome as CameOfIt, Release, ReleaseId},
    roles::{HeardSwap, OwnWord, Role, RolesMemory},
    unrest::{Edge, Flapping, Unrest},
};

/// Text as hostile as it comes, or as it usually is.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z/ ]{0,12}",
        1 => any::<String>(),
        1 => Just(String::from("\u{0}\n\"\\\u{2028},\"hash\":\"")),
    ]
}

fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        4 => (0..4_102_444_800_000_i64).prop_map(Timestamp::from_millis),
        1 => any::<i64>().prop_map(Timestamp::from_millis),
    ]
}

fn span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        3 => (0..100_000_000_u64).prop_map(Duration::from_micros),
        1 => (0..4_000_000_000_u64, 0..1_000_000_000_u32).prop_map(|(s, n)| Duration::new(s, n)),
    ]
}

fn tick() -> impl Strategy<Value = Tick> {
    any::<u64>().prop_map(Tick::from_micros)
}

pub(super) fn latency() -> impl Strategy<Value = LatencyBlock> {
    let counts = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>());
    let answers = vec((0_u16..500, any::<u32>()), 0..40).prop_map(Sketch::of_classes);
    let grain = select(&[Grain::Hour, Grain::Day][..]);
    let kind = select(&CheckKind::ALL[..]);
    (text(), kind, time(), grain, answers, counts).prop_map(
        |(target, kind, from, grain, answers, (explicit, refused, silent, gaps))| LatencyBlock {
            check: CheckId {
                target: TargetId::new(target),
                kind,
            },
            from,
            grain,
            counted: Latencies {
                answers,
                explicit,
                refused,
                silent,
                gaps,
            },
        },
    )
}

fn class() -> impl Strategy<Value = FailureClass> {
    select(
        &[
            FailureClass::Explicit,
            FailureClass::Refused,
            FailureClass::Silent,
        ][..],
    )
}

fn verdict() -> impl Strategy<Value = Verdict> {
    select(&Verdict::ALL[..])
}

fn severity() -> impl Strategy<Value = Severity> {
    select(&[Severity::Info, Severity::Warning, Severity::Critical][..])
}

fn rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        class().prop_map(Rule::Confirmed),
        select(
            &[
                Rule::NotYetSeen,
                Rule::FirstLook,
                Rule::Counted,
                Rule::FallsShort,
                Rule::PartialFailure,
                Rule::Slow,
                Rule::NoVerdict,
                Rule::Recovered,
                Rule::AnswersAgain,
                Rule::Stale,
            ][..]
        )
    ]
}

fn reason() -> impl Strategy<Value = Reason> {
    (rule(), text()).prop_map(|(rule, words)| Reason { rule, words })
}

fn failure_kind() -> impl Strategy<Value = FailureKind> {
    select(
        &[
            FailureKind::SaysDown,
            FailureKind::CriticalComponent,
            FailureKind::RuleMatched,
            FailureKind::ServerError,
            FailureKind::ProxyError,
            FailureKind::NotFound,
            FailureKind::ClientError,
            FailureKind::ConnectionRefused,
            FailureKind::ConnectionClosed,
            FailureKind::TlsHandshake,
            FailureKind::Certificate,
            FailureKind::NotHttp,
            FailureKind::TooLarge,
            FailureKind::ConnectTimeout,
            FailureKind::TlsTimeout,
            FailureKind::FirstByteTimeout,
            FailureKind::BodyTimeout,
            FailureKind::BodyCut,
            FailureKind::Unreachable,
            FailureKind::NameNotFound,
        ][..],
    )
}

fn degradation_kind() -> impl Strategy<Value = DegradationKind> {
    select(
        &[
            DegradationKind::SaysDegraded,
            DegradationKind::Component,
            DegradationKind::RuleMatched,
            DegradationKind::Contradiction,
            DegradationKind::BrokenBody,
            DegradationKind::OtherFormat,
            DegradationKind::Redirected,
            DegradationKind::Throttled,
        ][..],
    )
}

fn gap_kind() -> impl Strategy<Value = GapKind> {
    select(
        &[
            GapKind::OwnResources,
            GapKind::OwnNetwork,
            GapKind::Resolver,
            GapKind::OwnTls,
            GapKind::Interrupted,
            GapKind::Panicked,
            GapKind::NotAuthorised,
            GapKind::SaysUnknown,
            GapKind::NotConfigured,
        ][..],
    )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Healthy),
        (degradation_kind(), text())
            .prop_map(|(kind, words)| Outcome::Degraded(Degradation { kind, words })),
        (class(), failure_kind(), text())
            .prop_map(|(class, kind, words)| Outcome::Unhealthy(Failure { class, kind, words })),
        (gap_kind(), text()).prop_map(|(kind, words)| Outcome::Unobservable(Gap { kind, words })),
    ]
}

fn family() -> impl Strategy<Value = Option<Family>> {
    option::of(select(&Family::ALL[..]))
}

fn phases() -> impl Strategy<Value = Phases> {
    let part = || option::of(any::<u32>());
    (part(), part(), part(), part(), part()).prop_map(
        |(resolve_us, connect_us, tls_us, first_byte_us, body_us)| Phases {
            resolve_us,
            connect_us,
            tls_us,
            first_byte_us,
            body_us,
        },
    )
}

fn component() -> impl Strategy<Value = Component> {
    let states = [
        ComponentState::Up,
        ComponentState::Unknown,
        ComponentState::Degraded,
        ComponentState::PlannedDown,
        ComponentState::Down,
    ];
    (text(), select(states.to_vec()), option::of(text())).prop_map(|(name, state, message)| {
        Component {
            name,
            state,
            message,
        }
    })
}

fn detail() -> impl Strategy<Value = Option<Box<Detail>>> {
    let more = || option::of(text());
    option::of(
        (
            more(),
            vec(component(), 0..3),
            any::<u32>(),
            more(),
            more(),
            more(),
        )
            .prop_map(
                |(address, components, components_total, excerpt, via, note)| {
                    Box::new(Detail {
                        address,
                        components,
                        components_total,
                        excerpt,
                        via,
                        note,
                    })
                },
            ),
    )
}

fn good() -> impl Strategy<Value = Option<Good>> {
    option::of(
        (time(), span(), option::of(any::<u16>())).prop_map(|(at, took, status)| Good {
            at,
            took,
            status,
        }),
    )
}

fn policy() -> impl Strategy<Value = Policy> {
    (
        (span(), span(), span()),
        (span(), span(), span()),
        option::of((any::<u8>(), any::<u8>())),
        any::<u8>(),
    )
        .prop_map(
            |((interval, timeout, slow_after), (explicit, refused, silent), count, successes)| {
                Policy {
                    interval,
                    timeout,
                    spans: Spans {
                        explicit,
                        refused,
                        silent,
                    },
                    count: count.map(|(failures, of)| Count { failures, of }),
                    successes,
                    slow_after,
                }
            },
        )
}

fn seen() -> impl Strategy<Value = Seen> {
    (
        tick(),
        tick(),
        time(),
        any::<bool>(),
        outcome(),
        option::of(any::<u16>()),
        family(),
        option::of(ending()),
    )
        .prop_map(
            |(started, finished, at, is_regular, outcome, status, family, ending)| Seen {
                started,
                finished,
                at,
                is_regular,
                outcome,
                status,
                family,
                ending,
            },
        )
}

fn ending() -> impl Strategy<Value = Ending> {
    (option::of(span()), span()).prop_map(|(warning, nearly)| Ending { warning, nearly })
}

fn burst() -> impl Strategy<Value = Burst> {
    (
        time(),
        (tick(), tick()),
        (any::<u16>(), any::<u16>(), any::<u16>(), any::<u16>()),
        class(),
        (text(), option::of(span())),
    )
        .prop_map(
            |(
                since,
                (known, heard),
                (looks, failures, shortfalls, no_verdicts),
                weakest,
                (words, warning),
            )| {
                Burst {
                    since,
                    known,
                    heard,
                    looks,
                    failures,
                    shortfalls,
                    no_verdicts,
                    weakest,
                    words,
                    warning,
                }
            },
        )
}

fn recovery() -> impl Strategy<Value = Recovery> {
    (verdict(), any::<u8>(), tick(), time()).prop_map(|(towards, looks, started, since)| Recovery {
        towards,
        looks,
        started,
        since,
    })
}

fn state() -> impl Strategy<Value = State> {
    (
        (verdict(), reason(), time(), any::<bool>()),
        (option::of(burst()), option::of(recovery())),
        (any::<(u16, u16)>(), any::<u32>(), any::<u32>(), any::<u8>()),
        (any::<u8>(), any::<u8>(), any::<u16>(), any::<u16>()),
        (any::<u32>(), good(), family(), option::of(span())),
    )
        .prop_map(
            |(
                (settled, reason, since, ever_worked),
                (burst, recovery),
                (answered, score, failed_bits, failed_len),
                (slow_bits, slow_len, seen_lately, failed_lately),
                (blips, last_good, family, warned_at),
            )| State {
                settled,
                reason,
                since,
                ever_worked,
                burst,
                recovery,
                answered,
                score,
                failed_bits,
                failed_len,
                slow_bits,
                slow_len,
                seen_lately,
                failed_lately,
                blips,
                last_good,
                family,
                warned_at,
                trail: None,
            },
        )
}

fn proof() -> impl Strategy<Value = Box<Proof>> {
    (policy(), state(), vec(seen(), 0..3)).prop_map(|(policy, before, seen)| {
        Box::new(Proof {
            policy,
            before,
            seen,
        })
    })
}

fn target() -> impl Strategy<Value = TargetId> {
    prop_oneof![
        3 => "[a-c]",
        1 => text(),
    ]
    .prop_map(TargetId::new)
}

fn check() -> impl Strategy<Value = CheckId> {
    target().prop_map(|target| CheckId {
        target,
        kind: CheckKind::Health,
    })
}

fn channel() -> impl Strategy<Value = ChannelName> {
    text().prop_map(ChannelName::new)
}

fn on_call() -> impl Strategy<Value = Option<OnCallName>> {
    option::of(text().prop_map(OnCallName::new))
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 1..20_u64, 1 => any::<u64>()]
}

pub(super) fn record() -> impl Strategy<Value = CheckRecord> {
    let parts = (
        check(),
        state(),
        any::<u64>(),
        time(),
        memory(),
        option::of(unrest()),
    );
    parts.prop_map(|(check, mut state, transitions, at, memory, unrest)| {
        // What was in question is not kept.
        state.burst = None;
        state.recovery = None;
        CheckRecord {
            check,
            state,
            transitions,
            at,
            memory,
            unrest: unrest.map(Box::new),
        }
    })
}

fn unrest() -> impl Strategy<Value = Unrest> {
    let edge = (verdict(), time()).prop_map(|(to, at)| Edge { to, at });
    (
        (any::<u32>(), time(), any::<bool>()),
        (any::<u32>(), time(), vec(edge, 0..3), vec(time(), 0..3)),
    )
        .prop_map(
            |((points, at, is_flapping), (outages, since, edges, told))| Unrest {
                points,
                at,
                is_flapping,
                outages,
                since,
                edges,
                told,
            },
        )
}

fn flapping() -> impl Strategy<Value = Flapping> {
    (any::<u32>(), time(), text(), any::<bool>()).prop_map(
        |(outages, since, timeline, is_steady)| Flapping {
            outages,
            since,
            timeline,
            is_steady,
        },
    )
}

fn witness() -> impl Strategy<Value = Memory> {
    let mark = (any::<u64>(), time()).prop_map(|(number, sent_at)| CanaryMark { number, sent_at });
    let statement = (option::of(time()), option::of(span()), text()).prop_map(
        |(complete_until, drains_within, words)| Statement {
            complete_until,
            drains_within,
            words,
        },
    );
    (
        [option::of(time()), option::of(time()), option::of(time())],
        (any::<u64>(), vec(mark, 0..3)),
        any::<[u8; 5]>(),
        (option::of(statement), option::of(any::<i64>())),
    )
        .prop_map(
            |(times, (next_number, unseen), rounds, (statement, skew_ms))| {
                let [watermark, found_up_to, gap_end] = times;
                Memory::Witness(Witness {
                    monitor: 7,
                    watermark,
                    found_up_to,
                    gap_end,
                    next_number,
                    unseen,
                    lost_in_row: rounds[0],
                    unreachable_rounds: rounds[1],
                    intake_rounds: rounds[2],
                    lagging_rounds: rounds[3],
                    good_rounds: rounds[4],
                    partial_since: watermark,
                    answered_at: gap_end,
                    statement,
                    skew_ms,
                })
            },
        )
}

fn account() -> impl Strategy<Value = Account> {
    key().prop_map(|key| Account {
        incident: key.incident,
        channel: key.channel,
        sequence: key.sequence,
    })
}

fn job() -> impl Strategy<Value = Memory> {
    let lag = select(vec![RunLag::InTime, RunLag::Overrun, RunLag::Stuck]);
    let run = (text(), [time(), time()], lag, text(), option::of(account())).prop_map(
        |(id, [began_at, shown_at], lag, said, account)| Run {
            id,
            began_at,
            lag,
            said,
            account,
            shown_at,
        },
    );
    let took = || option::of((0..1_000_000_u64).prop_map(Duration::from_millis));
    let fault = option::of(select(vec![Fault::Ours, Fault::ThirdParty]));
    let last = (text(), time(), took(), option::of(text()), fault).prop_map(
        |(id, at, took, failure, fault)| EndedRun {
            id,
            at,
            took,
            failure,
            fault,
        },
    );
    let good = (time(), took(), text()).prop_map(|(at, took, said)| GoodRun { at, took, said });
    (
        (text(), time(), vec(run, 0..3)),
        (option::of(last), option::of(good)),
        [option::of(time()), option::of(time())],
    )
        .prop_map(
            |((rhythm, settled_to, runs), (last, good), [missed, unheard])| {
                Memory::Job(JobMemory {
                    rhythm,
                    settled_to,
                    runs,
                    last,
                    good,
                    missed,
                    unheard,
                })
            },
        )
}

fn roles() -> impl Strategy<Value = Memory> {
    (
        (vec(target(), 0..3), vec(target(), 0..2), any::<u16>()),
        [option::of(time()), option::of(time())],
        (
            vec((target(), any::<[bool; 2]>(), time()), 0..3),
            option::of((target(), time())),
        ),
    )
        .prop_map(
            |((active, before, count), [active_since, said_at], (words, pushed))| {
                let own_words = words
                    .into_iter()
                    .map(|(target, [is_active, is_answering], said_at)| OwnWord {
                        target,
                        is_active,
                        said_at,
                        is_answering,
                    })
                    .collect();
                Memory::Roles(RolesMemory {
                    active,
                    active_since,
                    before,
                    said_at,
                    count,
                    own_words,
                    told_by: pushed.as_ref().map(|(target, _)| target.to_string()),
                    heard: pushed.as_ref().map(|(target, at)| HeardSwap {
                        active: vec![target.clone()],
                        from: target.to_string(),
                        since: *at,
                        readings: 1,
                        unseen_since: active_since,
                    }),
                    told: pushed.iter().map(|(target, _)| target.clone()).collect(),
                    pushed,
                })
            },
        )
}

fn pauses() -> impl Strategy<Value = Pauses> {
    let open = (time(), span(), any::<[bool; 3]>()).prop_map(|(since, proved, is)| Pause {
        since,
        proved,
        is_whole: is[0],
        is_told: is[1],
        is_excused: is[2],
    });
    let day =
        (any::<u16>(), any::<[u32; 3]>(), any::<[bool; 2]>()).prop_map(|(day, length, is)| {
            PauseDay {
                day,
                watched_s: length[0],
                longest_s: length[1],
                is_longest_whole: is[0],
                told_s: length[2],
                is_told_whole: is[1],
            }
        });
    (option::of(open), option::of(time()), vec(day, 0..9)).prop_map(|(open, proved_at, days)| {
        Pauses {
            open,
            proved_at,
            days,
        }
    })
}

fn memory() -> impl Strategy<Value = Option<Box<Memory>>> {
    let log = (
        [option::of(time()), option::of(time())],
        any::<[u8; 4]>(),
        pauses(),
    )
        .prop_map(|([newest, ingest], rounds, pauses)| {
            Memory::Log(LogMemory {
                newest,
                ingest,
                asked_since: newest,
                refused_rounds: rounds[0],
                misunderstood_rounds: rounds[1],
                unanswered_rounds: rounds[2],
                silent_rounds: rounds[3],
                row: Some(LogRow::Late),
                warned: vec![ChannelName::new("a")],
                pauses,
            })
        });
    let beat = (time(), option::of(".{0,40}"))
        .prop_map(|(at, failure)| Memory::Beat(Beat { at, failure }));
    option::of(prop_oneof![witness(), log, beat, roles(), job()].prop_map(Box::new))
}

pub(super) fn transition() -> impl Strategy<Value = Transition> {
    (
        (check(), number(), verdict(), verdict()),
        (time(), time(), reason()),
        (any::<u16>(), any::<u16>(), phases(), detail(), good()),
        (option::of(number()), proof()),
    )
        .prop_map(
            |(
                (check, number, from, to),
                (at, since, reason),
                (looks_for, looks_of, phases, detail, last_good),
                (incident, proof),
            )| Transition {
                check,
                number,
                from,
                to,
                at,
                since,
                reason,
                looks_for,
                looks_of,
                phases,
                detail,
                last_good,
                incident: incident.map(IncidentId::from_number),
                proof,
            },
        )
}

fn told() -> impl Strategy<Value = Told> {
    (channel(), time(), on_call()).prop_map(|(channel, at, mention)| Told {
        channel,
        at,
        mention,
    })
}

fn person() -> impl Strategy<Value = Person> {
    (text(), option::of(text())).prop_map(|(name, slack_user)| Person { name, slack_user })
}

fn acknowledgement() -> impl Strategy<Value = Acknowledgement> {
    (person(), time(), option::of(text())).prop_map(|(by, at, why)| Acknowledgement { by, at, why })
}

pub(super) fn planned() -> impl Strategy<Value = Planned> {
    let hows = [
        HowEnded::Over,
        HowEnded::Stopped,
        HowEnded::CameBack,
        HowEnded::Replaced,
        HowEnded::Recovered,
    ];
    let ended = (time(), select(hows.to_vec()), option::of(person()));
    (
        (select(PlanKind::ALL.to_vec()), 0..6_u64),
        (vec(target(), 0..3), vec(severity(), 0..2)),
        (text(), option::of(text()), person()),
        (time(), time(), option::of(ended)),
    )
        .prop_map(
            |((kind, number), (targets, severities), (why, release, by), (from, until, ended))| {
                Planned {
                    id: PlanId { kind, number },
                    matcher: Matcher {
                        groups: targets
                            .iter()
                            .map(|target| GroupName::new(target.as_str()))
                            .collect(),
                        targets,
                        severities,
                        roles: vec![Role::Inactive],
                        ..Matcher::default()
                    },
                    why,
                    release,
                    by,
                    from,
                    until,
                    is_until_recovered: number % 2 == 1,
                    ended: ended.map(|(at, how, by)| Ended { at, how, by }),
                }
            },
        )
}

pub(super) fn incident() -> impl Strategy<Value = Incident> {
    (
        (number(), vec(target(), 0..3), severity()),
        (time(), time(), option::of(time())),
        (verdict(), verdict(), vec(told(), 0..3)),
        (any::<u32>(), vec(span(), 0..3), any::<u32>()),
        (
            option::of(time()),
            (vec((text(), any::<u32>()), 0..3), option::of(mark())),
            option::of(common()),
            option::of(span()),
            any::<bool>(),
            option::of(acknowledgement()),
        ),
    )
        .prop_map(
            |(
                (number, targets, severity),
                (since, opened_at, closed_at),
                (verdict, worst, told),
                (sequence, remind_after, reminders),
                (remind_at, (seen, mark), common, warned_at, is_short_otherwise, acknowledged),
            )| Incident {
                flapping: is_short_otherwise.then_some(ToldFlapping::Steady),
                id: IncidentId::from_number(number),
                number,
                targets,
                severity,
                since,
                opened_at,
                closed_at,
                verdict,
                worst,
                told,
                sequence,
                remind_after,
                reminders,
                remind_at,
                seen,
                mark,
                common,
                warned_at,
                is_short_otherwise,
                acknowledged,
            },
        )
}

fn mark() -> impl Strategy<Value = Mark> {
    let worth = select(vec![Worth::FalseAlarm, Worth::Useful]);
    (worth, text(), text(), time()).prop_map(|(worth, reason, by, at)| Mark {
        worth,
        reason,
        by,
        at,
    })
}

fn key() -> impl Strategy<Value = EntryKey> {
    (number(), 0..4_u32, "[ab]").prop_map(|(number, sequence, channel)| EntryKey {
        incident: IncidentId::from_number(number),
        sequence,
        channel: ChannelName::new(channel),
    })
}

fn common() -> impl Strategy<Value = Box<Common>> {
    let causes = [
        Cause::Host(String::from("db1")),
        Cause::Network(String::from("10.0.7.0/24")),
        Cause::Component(String::from("db")),
        Cause::Source(SourceName::new("graylog")),
        Cause::Group(GroupName::new("master")),
        Cause::Error(String::from("HTTP 503")),
        Cause::Release(String::from("2.4.1")),
        Cause::Together,
    ];
    let member = (
        (target(), text(), verdict(), text()),
        (time(), option::of(time()), vec(channel(), 0..3)),
    );
    let member = member.prop_map(
        |((target, title, verdict, words), (since, until, channels))| Member {
            target,
            title,
            verdict,
            words,
            since,
            until,
            said: channels
                .iter()
                .take(1)
                .map(|to| (to.clone(), verdict))
                .collect(),
            channels,
        },
    );
    let parts = (
        select(causes.to_vec()),
        any::<u32>(),
        vec(member, 0..3),
        option::of(flapping()),
    );
    parts.prop_map(|(cause, population, members, flapping)| {
        Box::new(Common {
            cause,
            population,
            members,
            flapping,
        })
    })
}

fn many() -> impl Strategy<Value = Box<Many>> {
    let one = (text(), verdict(), text(), time()).prop_map(|(title, verdict, words, since)| One {
        title,
        verdict,
        words,
        since,
    });
    (vec(one, 0..3), any::<u32>(), any::<u32>()).prop_map(|(members, total, back)| {
        Box::new(Many {
            members,
            total,
            back,
        })
    })
}

fn outage() -> impl Strategy<Value = Outage> {
    (verdict(), time(), time(), vec((text(), any::<u32>()), 0..3)).prop_map(
        |(worst, since, until, seen)| Outage {
            worst,
            since,
            until,
            seen,
        },
    )
}

fn attended(at: Timestamp, until: Timestamp) -> Attended {
    Attended {
        on_it: Some(Acknowledgement {
            by: Person {
                name: String::from("jan@laptop"),
                slack_user: None,
            },
            at,
            why: Some(String::from("I restart it")),
        }),
        silent: Some(Silent {
            until,
            is_until_recovered: true,
        }),
        deed: String::from("jan@laptop is on it"),
        calls: Some(String::from("U0EVA")),
    }
}

fn story() -> impl Strategy<Value = Arc<Story>> {
    (
        (option::of(target()), text(), option::of(text()), severity()),
        (any::<bool>(), verdict(), verdict(), time(), time()),
        (reason(), any::<u16>(), any::<u16>(), phases(), detail()),
        (good(), option::of(outage()), option::of(text())),
        (
            vec(channel(), 0..3),
            vec(text(), 0..3),
            option::of(many()),
            vec(text(), 0..2),
        ),
    )
        .prop_map(
            |(
                (target, title, icon, severity),
                (is_of_check, from, to, since, decided_at),
                (reason, looks_for, looks_of, phases, detail),
                (last_good, outage, runbook_url),
                (also_told, siblings, many, notes),
            )| {
                Arc::new(Story {
                    target,
                    title,
                    icon,
                    severity,
                    check: is_of_check.then_some(CheckKind::Health),
                    from,
                    to,
                    since,
                    decided_at,
                    reason,
                    looks_for,
                    looks_of,
                    phases,
                    detail,
                    last_good,
                    outage,
                    runbook_url,
                    also_told,
                    siblings,
                    log: None,
                    role: is_of_check.then_some(Role::Inactive),
                    flapping: is_of_check.then(|| {
                        Box::new(Flapping {
                            outages: 3,
                            since,
                            timeline: String::from("down 40 s, up 2 min, down now"),
                            is_steady: false,
                        })
                    }),
                    many,
                    notes,
                    attended: is_of_check.then(|| Box::new(attended(since, decided_at))),
                })
            },
        )
}

pub(super) fn entry() -> impl Strategy<Value = Entry> {
    let kinds = [
        Kind::Opened,
        Kind::Changed,
        Kind::Reminder,
        Kind::Recovered,
        Kind::Removed,
        Kind::Notice,
        Kind::Noted,
    ];
    let state = prop_oneof![
        Just(EntryState::Queued),
        Just(EntryState::Sending),
        Just(EntryState::Unsure),
        Just(EntryState::SendingFindable),
        Just(EntryState::UnsureFindable),
        (text(), time(), any::<bool>()).prop_map(|(why, since, is_handed_over)| {
            EntryState::Parked {
                why,
                since,
                is_handed_over,
            }
        }),
    ];
    (
        (key(), select(kinds.to_vec()), time()),
        (on_call(), story(), state),
        (any::<u32>(), option::of(channel())),
    )
        .prop_map(
            |((key, kind, created_at), (mention, story, state), (attempts, instead_of))| Entry {
                key,
                kind,
                created_at,
                mention,
                story,
                state,
                attempts,
                held_until: instead_of.is_some().then_some(created_at),
                instead_of,
            },
        )
}

fn finished() -> impl Strategy<Value = Finished> {
    let ends = ["accepted", "folded", "expired", "handed over"];
    (key(), select(ends.to_vec()), any::<u32>(), time()).prop_map(|(key, how, attempts, at)| {
        Finished {
            key,
            how,
            attempts,
            at,
        }
    })
}

fn lapse() -> impl Strategy<Value = Lapse> {
    let kinds = [LapseKind::Blind, LapseKind::Away, LapseKind::Stopped];
    let kind = (0..kinds.len()).prop_map(move |index| kinds[index]);
    (time(), option::of(time()), kind, text()).prop_map(|(from, until, kind, words)| Lapse {
        from,
        until,
        kind,
        words,
    })
}

pub(super) fn attempt() -> impl Strategy<Value = Attempt> {
    let door = prop_oneof![
        Just(Door::Program),
        (text(), text()).prop_map(|(channel, channel_name)| Door::Slack {
            channel,
            channel_name
        }),
    ];
    let confirmed = (person(), time()).prop_map(|(by, at)| Confirmed { by, at });
    (
        (0..6_u64, text(), target(), person(), door),
        (option::of(text()), text(), option::of(text()), text()),
        (time(), time(), option::of(time()), option::of(time())),
        (
            vec(confirmed, 0..3),
            select(Stage::ALL.to_vec()),
            option::of(account()),
        ),
    )
        .prop_map(
            |(
                (number, action, target, by, door),
                (why, nonce, reference, words),
                (asked_at, expires_at, began_at, ended_at),
                (confirmed, stage, account),
            )| Attempt {
                id: AttemptId(number),
                action,
                target,
                by,
                door,
                trigger: why.clone(),
                why,
                role: Some(Role::Inactive),
                verdict: Verdict::Down,
                nonce,
                asked_at,
                expires_at,
                confirmed,
                began_at,
                ended_at,
                stage,
                words,
                reference,
                account,
            },
        )
}

pub(super) fn living() -> impl Strategy<Value = Living> {
    let spot = (text(), text()).prop_map(|(channel_id, ts)| Spot { channel_id, ts });
    (key(), option::of(spot), time(), any::<bool>()).prop_map(
        |(key, spot, begun_at, is_mentioned)| Living {
            incident: key.incident,
            channel: key.channel,
            spot,
            begun_by: key.sequence,
            begun_at,
            told: LastTold {
                verdict: Verdict::Down,
                severity: Severity::Critical,
                bad: key.sequence,
            },
            is_mentioned,
        },
    )
}

pub(super) fn release() -> impl Strategy<Value = Release> {
    let outcome = (time(), vec(text(), 0..3), any::<bool>());
    let outcome = outcome.prop_map(|(at, words, is_worse)| CameOfIt {
        at,
        words,
        is_worse,
    });
    (
        (0..6_u64, text(), vec(target(), 0..3), text(), person()),
        (vec(text(), 0..3), option::of(text()), option::of(text())),
        (
            time(),
            vec((target(), Just(Verdict::Down)), 0..2),
            option::of(account()),
            option::of(outcome),
        ),
    )
        .prop_map(
            |(
                (number, title, targets, version, by),
                (changes, url, key),
                (at, before, account, outcome),
            )| Release {
                id: ReleaseId(number),
                title,
                targets,
                version,
                by,
                changes,
                url,
                key,
                at,
                before,
                account,
                outcome,
            },
        )
}

pub(super) fn batch() -> impl Strategy<Value = Batch> {
    (
        (time(), vec(record(), 0..3)),
        prop_oneof![
            4 => Just((Vec::new(), Vec::new())),
            1 => (vec(target(), 0..2), vec((target(), target()), 0..2)),
        ],
        (
            vec(transition(), 0..3),
            vec(transition(), 0..2),
            vec(incident(), 0..3),
        ),
        (
            vec(entry(), 0..3),
            vec(finished(), 0..3),
            vec(planned(), 0..3),
            vec(lapse(), 0..3),
            vec(attempt(), 0..3),
            vec(living(), 0..3),
            vec(release(), 0..3),
        ),
    )
        .prop_map(
            |(
                (at, checks),
                (forgotten, renamed),
                (transitions, claimed, incidents),
                (entries, finished, planned, lapses, attempts, living, releases),
            )| Batch {
                at,
                checks,
                forgotten,
                renamed,
                transitions,
                claimed,
                incidents,
                entries,
                finished,
                planned,
                lapses,
                attempts,
                living,
                releases,
            },
        )
}
