//! How available targets were: what the store remembers, what was planned, and when nobody looked, brought together.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;

use crate::{
    chat::Measures,
    judge::sli::{Beside, Sli, Span, measure_each},
    model::{
        Board, CheckKind, Plan, TargetId, Timestamp,
        board::{Ourselves, Row},
        calendar::Times,
        lapse::{LAPSES_MAX, LapseKind},
        plan::Matcher,
        planned::{PlanKind, Planned},
    },
    route::{Case, misses},
    store::{Reader, TargetPast},
    web::MeasuresEach,
};

/// Measures what the store remembers of the targets of the board; it waits for the disk.
pub(super) fn measures(
    reader: Reader,
    plan: Arc<ArcSwap<Plan>>,
    board: Arc<ArcSwap<Board>>,
) -> Measures {
    let each = measures_each(reader, plan, board);
    Arc::new(
        move |targets: &[TargetId], window: Span| -> Result<Vec<(TargetId, Sli)>, String> {
            let measured = each(targets, &[window.from, window.until])?.into_iter();
            Ok(measured
                .filter_map(|(id, slis)| Some((id, slis.into_iter().next()?)))
                .collect())
        },
    )
}

/// The same, of each span from one bound to the next one.
pub(super) fn measures_each(
    reader: Reader,
    plan: Arc<ArcSwap<Plan>>,
    board: Arc<ArcSwap<Board>>,
) -> MeasuresEach {
    Arc::new(
        move |targets: &[TargetId],
              bounds: &[Timestamp]|
              -> Result<Vec<(TargetId, Vec<Sli>)>, String> {
            let (Some(&from), Some(&until)) = (bounds.first(), bounds.last()) else {
                return Ok(Vec::new());
            };
            let window = Span { from, until };
            let (plan, board) = (plan.load_full(), board.load_full());
            let rows: Vec<_> = targets.iter().filter_map(|id| board.row(id)).collect();
            let asked: Vec<_> = rows.iter().map(|row| asked_of(row)).collect();
            let pasts = reader
                .pasts(&asked, window.from)
                .map_err(|error| error.to_string())?;
            let ended = reader
                .ended(window.from)
                .map_err(|error| error.to_string())?;
            let agenda = board.agenda.load();
            let plans = ended
                .iter()
                .chain(agenda.made.iter().map(|planned| &**planned));
            let maintenance = maintenance(&rows, plans, &plan, window);
            let (absent, blind) = lapses(&board.ourselves.load(), &plan, window);
            let measured = rows.iter().zip(pasts).zip(maintenance);
            Ok(measured
                .map(|((row, past), maintenance)| {
                    let beside = Beside {
                        absent: absent_of(&absent, &past, window),
                        blind: blind.clone(),
                        maintenance,
                    };
                    let slis = measure_each(bounds, &past.checks, &beside);
                    (row.target.id.clone(), slis)
                })
                .collect())
        },
    )
}

fn asked_of(row: &Row) -> (TargetId, Vec<CheckKind>) {
    let checks = row.target.checks.iter();
    (
        row.target.id.clone(),
        checks.map(|check| check.kind).collect(),
    )
}

/// The times in which nobody looked, and those in which silence said nothing.
fn lapses(ourselves: &Ourselves, plan: &Plan, window: Span) -> (Vec<Span>, Vec<Span>) {
    let (mut absent, mut blind) = (Vec::new(), Vec::new());
    for lapse in ourselves.lapses_since(window.from) {
        let span = Span {
            from: lapse.from,
            until: lapse.until.unwrap_or(window.until),
        };
        match lapse.kind {
            LapseKind::Blind => blind.push(span),
            LapseKind::Away | LapseKind::Stopped => absent.push(span),
        }
    }
    // Beyond what is kept, nobody can say how it was.
    let before = |until: Timestamp| Span {
        from: window.from,
        until,
    };
    absent.push(before(window.until - plan.store.retention));
    if ourselves.lapses.len() >= LAPSES_MAX
        && let Some(oldest) = ourselves.lapses.first()
    {
        absent.push(before(oldest.from));
    }
    (absent, blind)
}

/// Of a restless target the oldest changes may be too many to be read.
fn absent_of(absent: &[Span], past: &TargetPast, window: Span) -> Vec<Span> {
    let unread = past.known_since.map(|until| Span {
        from: window.from,
        until,
    });
    absent.iter().copied().chain(unread).collect()
}

/// When each of these was in maintenance: announced by somebody, or by a window of the file as it is now.
fn maintenance<'a>(
    rows: &[&Arc<Row>],
    plans: impl Iterator<Item = &'a Planned>,
    plan: &Plan,
    window: Span,
) -> Vec<Vec<Span>> {
    let mut out = vec![Vec::new(); rows.len()];
    let places: HashMap<&TargetId, usize> = rows
        .iter()
        .enumerate()
        .map(|(place, row)| (&row.target.id, place))
        .collect();
    for planned in plans.filter(|planned| planned.id.kind == PlanKind::Maintenance) {
        let ended_at = planned.ended.as_ref().map(|ended| ended.at);
        let span = Span {
            from: planned.from,
            until: ended_at.unwrap_or(window.until),
        };
        // People's plans always name their targets.
        for place in planned
            .matcher
            .targets
            .iter()
            .filter_map(|id| places.get(id))
        {
            out[*place].push(span);
        }
    }
    for file_window in plan.maintenance.iter() {
        let spans = opened(&file_window.times, window);
        for (row, out) in rows.iter().zip(&mut out) {
            if takes(&file_window.matcher, row) {
                out.extend(&spans);
            }
        }
    }
    out
}

/// Whether a window of the file is about this target, with the role that it has now.
fn takes(matcher: &Matcher, row: &Row) -> bool {
    let case = Case {
        target: &row.target.id,
        group: row.target.group.as_ref(),
        severity: row.target.severity,
        verdict: row.facts().settled,
        role: row.role().and_then(|facts| facts.role),
        component: None,
    };
    misses(matcher, case).is_none()
}

/// When these times were on, from their first one in the window on.
fn opened(times: &Times, window: Span) -> Vec<Span> {
    let mut out = Vec::new();
    let mut now = window.from;
    while now < window.until {
        if let Some((from, until)) = times.open_at(now).filter(|(_, until)| *until > now) {
            out.push(Span { from, until });
            now = until;
        } else if let Some(next) = times.opens_after(now).filter(|next| *next > now) {
            now = next;
        } else {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tempfile::TempDir;

    use super::*;
    use crate::{
        command::fixture::{NOW, plan, transitions},
        model::{
            Batch, GroupName,
            lapse::Lapse,
            plan::StoreSettings,
            planned::{Ended, HowEnded, Person, PlanId, Window},
        },
        store::Database,
    };

    fn span(from_s: u64, until_s: u64) -> Span {
        Span {
            from: NOW - Duration::from_secs(from_s),
            until: NOW - Duration::from_secs(until_s),
        }
    }

    fn planned(number: u64, kind: PlanKind, span: Span, is_over: bool) -> Planned {
        Planned {
            id: PlanId { kind, number },
            matcher: Matcher {
                targets: vec![TargetId::new("master/blue")],
                ..Matcher::default()
            },
            why: String::from("db restore"),
            release: None,
            by: Person {
                name: String::from("jan@laptop"),
                slack_user: None,
            },
            from: span.from,
            until: span.until,
            is_until_recovered: false,
            ended: is_over.then_some(Ended {
                at: span.until,
                how: HowEnded::Over,
                by: None,
            }),
        }
    }

    /// Blue with its history in a store, and green of which the store knows nothing.
    fn measured(prepare: impl FnOnce(&mut Plan, &mut Batch, &mut Ourselves)) -> Vec<(String, Sli)> {
        let folder = TempDir::new().expect("a folder");
        let settings = StoreSettings {
            path: folder.path().join("data"),
            retention: Duration::from_hours(24),
        };
        let (mut database, _, _) = Database::open(&settings, NOW).expect("it opens");
        let mut plan = plan();
        plan.store = settings;
        let mut batch = Batch {
            transitions: transitions("master/blue"),
            ..Batch::new(NOW)
        };
        let mut ourselves = Ourselves::default();
        prepare(&mut plan, &mut batch, &mut ourselves);
        database.commit(&[Arc::new(batch)]).expect("it is written");
        let board = Board::of(&plan, NOW, None);
        board.ourselves.store(Arc::new(ourselves));
        let measure = measures(
            database.reader(),
            Arc::new(ArcSwap::from_pointee(plan)),
            Arc::new(ArcSwap::from_pointee(board)),
        );
        let ids = ["master/blue", "gone", "master/green"].map(TargetId::new);
        let found = measure(&ids, span(100_000, 0)).expect("the store answers");
        let named = found.into_iter().map(|(id, sli)| (id.to_string(), sli));
        named.collect()
    }

    fn seconds(sli: &Sli) -> [u64; 5] {
        [
            sli.operational,
            sli.degraded,
            sli.down,
            sli.maintenance,
            sli.not_measured,
        ]
        .map(|length| length.as_secs())
    }

    #[test]
    fn what_the_store_remembers_is_measured_and_nothing_else() {
        let found = measured(|_, _, _| {});
        let [(blue, measured), (green, nothing)] = found.as_slice() else {
            panic!("who is not watched is left out: {found:?}");
        };
        assert_eq!(
            (blue.as_str(), green.as_str()),
            ("master/blue", "master/green")
        );
        // What is older than the store's retention is not measured.
        assert_eq!(seconds(measured), [85_650, 0, 750, 0, 13_600]);
        assert_eq!(measured.outages, 1);
        assert_eq!(seconds(nothing), [0, 0, 0, 0, 100_000]);
    }

    #[test]
    fn plans_windows_and_lapses_are_taken_out() {
        let found = measured(|plan, batch, ourselves| {
            batch.planned = vec![
                planned(1, PlanKind::Maintenance, span(5_000, 4_000), true),
                planned(2, PlanKind::Silence, span(9_000, 8_000), true),
                planned(3, PlanKind::Deploy, span(9_000, 8_000), true),
                // It has not ended, so the board would know it.
                planned(4, PlanKind::Maintenance, span(9_000, 8_000), false),
            ];
            let window = |from, until, group| {
                let Span { from, until } = span(from, until);
                Window {
                    name: String::from("rebuild"),
                    matcher: Matcher {
                        groups: vec![GroupName::new(group)],
                        ..Matcher::default()
                    },
                    times: Times::Once { from, to: until },
                }
            };
            plan.maintenance = [window(4_500, 3_500, "master"), window(30_000, 0, "cron")].into();
            let lapse = |kind, Span { from, until }: Span| Lapse {
                from,
                until: Some(until),
                kind,
                words: String::new(),
            };
            ourselves.lapses = vec![
                lapse(LapseKind::Away, span(20_000, 19_900)),
                lapse(LapseKind::Stopped, span(19_950, 19_800)),
                lapse(LapseKind::Blind, span(10_000, 9_900)),
            ];
        });
        assert_eq!(
            seconds(&found[0].1),
            [85_650 - 1_800, 0, 750, 1_500, 13_600 + 200 + 100]
        );
    }

    #[test]
    fn windows_that_come_again_are_all_found() {
        let times = |line: &str, minutes| {
            let duration = Duration::from_mins(minutes);
            let recurring =
                crate::model::calendar::Recurring::parse(line, chrono_tz::UTC, duration);
            Times::Recurring(recurring.expect("a line"))
        };
        let month = span(30 * 86_400, 0);
        // The first is open when the month begins at 14:14:40.
        assert_eq!(opened(&times("0 14 * * *", 45), month).len(), 31);
        assert_eq!(opened(&times("0 2 * * *", 45), month).len(), 30);
        // Each begins before the one before it is over.
        let all = crate::judge::sli::merged(&opened(&times("0 * * * *", 90), month));
        assert_eq!(all.len(), 1);
        assert!(all[0].from <= month.from && all[0].until >= month.until);
        let Span { from, until } = month;
        let past = Times::Once {
            from: from - Duration::from_secs(9),
            to: from,
        };
        assert_eq!(opened(&past, month), []);
        let whole = Times::Once { from, to: until };
        assert_eq!(opened(&whole, month), [month]);
    }
}
