//! How good the signal is: false, missed, late, lost and doubled messages of the product and of rules that people know
//! from elsewhere, in the same worlds.

mod hekate;
mod rules;
mod score;
mod truth;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use ::hekate::{
    judge,
    model::{FailureClass, Policy},
};

use self::{
    hekate::{Heard, Signals},
    rules::RULES,
    score::{Score, mean_and},
    truth::{CLIMATES, Climate, Truth},
};
use crate::weather::Sky;

/// What separates the words of the document from what was measured.
const MARK: &str = "<!-- measured: everything below is written by the command above -->\n";
/// Messages have to be with people so long after the verdict at most: one goes out a second.
const DELIVERY: Duration = Duration::from_secs(2);
/// The end of an outage has to be with people within this time.
const RECOVERY_MAX: Duration = Duration::from_secs(28);

/// How much is played.
#[derive(Clone, Copy, Debug)]
struct Extent {
    fleets: u64,
    targets: usize,
    days: f64,
    /// Outages of the second table.
    outages: usize,
}

/// What the document is made from: with its 16 fleets 40 years of each world, and 102,000 outages.
const WHOLE: Extent = Extent {
    fleets: 16,
    targets: 10,
    days: 365.0 / 4.0,
    outages: 5_100,
};
/// What every run of the tests plays: enough to see that all of it works.
const SMALL: Extent = Extent {
    fleets: 1,
    targets: 4,
    days: 4.0,
    outages: 21,
};

const HEKATE: &str = "**hekate**";
const HEKATE_AND_LOGS: &str = "**hekate, with logs**";

/// One world, and how every rule did in it.
type Compared = (Climate, Vec<(&'static str, Score)>);

/// One world under every rule.
fn compare(climate: Climate, extent: Extent) -> Vec<(&'static str, Score)> {
    let names = RULES.iter().map(|rule| rule.name);
    let mut scores: Vec<_> = names
        .chain([HEKATE, HEKATE_AND_LOGS])
        .map(|name| (name, Score::default()))
        .collect();
    let fleets: Vec<_> = (0..extent.fleets).collect();
    for fleet in in_two(&fleets, |fleet| one_fleet(*fleet, climate, extent)) {
        for ((_, sum), score) in scores.iter_mut().zip(fleet) {
            sum.merge(score);
        }
    }
    scores
}

/// Plays two at a time.
fn in_two<T: Sync, R: Send>(all: &[T], play: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (play, halves) = (&play, all.split_at(all.len() / 2));
    std::thread::scope(|scope| {
        let other = scope.spawn(move || halves.1.iter().map(play).collect::<Vec<_>>());
        let mut out: Vec<_> = halves.0.iter().map(play).collect();
        out.extend(other.join().expect("no world fails"));
        out
    })
}

fn one_fleet(fleet: u64, climate: Climate, extent: Extent) -> Vec<Score> {
    let truth = Truth::new(fleet, climate, extent.targets, extent.days);
    let sum = |heard: &dyn Fn(usize) -> Heard| {
        let mut score = Score::default();
        for subject in 0..truth.subjects.len() {
            let Heard { told, partly } = heard(subject);
            score.add(&truth, subject, &told);
            score.add_partly(&truth, subject, &partly);
        }
        score
    };
    let mut out: Vec<_> = RULES
        .iter()
        .map(|rule| {
            sum(&|subject| Heard {
                told: rule.play(&truth, subject),
                partly: Vec::new(),
            })
        })
        .collect();
    for signals in [Signals::Health, Signals::HealthAndLogs] {
        let heard = hekate::play(fleet, &truth, signals);
        out.push(sum(&|subject| heard[subject].clone()));
    }
    out
}

/// Outages that are longer than the promise, of one class after the other.
struct Kept {
    what: &'static str,
    promised: Duration,
    score: Score,
}

fn promised(sky: Sky) -> Duration {
    let class = sky.class().unwrap_or(FailureClass::Silent);
    judge::contract(&Policy::default(), class).always_told_over
}

fn keep_promises(extent: Extent) -> Vec<Kept> {
    let mut kept = [
        ("it says that it is down", Sky::SaysDown),
        ("it refuses", Sky::Refused),
        ("it is silent", Sky::Drip),
    ]
    .map(|(what, sky)| {
        let score = Score::default();
        (
            sky,
            Kept {
                what,
                promised: promised(sky),
                score,
            },
        )
    });
    let fleets = [100, 101];
    let played = in_two(&fleets, |seed| {
        let targets = extent.targets;
        let truth = Truth::of_outages(*seed, targets, extent.outages, promised);
        let heard = hekate::play(*seed, &truth, Signals::Health);
        (truth, heard)
    });
    for (truth, heard) in played {
        for (sky, kept) in &mut kept {
            let mut truth = truth.clone();
            for (subject, heard) in heard.iter().enumerate() {
                let mut score = Score::default();
                truth.subjects[subject]
                    .outages
                    .retain(|outage| outage.sky == *sky);
                score.add(&truth, subject, &heard.told);
                kept.score.merge(score);
            }
        }
    }
    kept.map(|(_, kept)| kept).into()
}

fn row(world: &str, name: &str, score: &Score) -> String {
    let (mean, late) = mean_and(score.delays.clone(), 99);
    let share = f64::from(score.missed) * 100.0 / f64::from(score.outages.max(1));
    format!(
        "| {world} | {name} | {:.2} | {:.2} | {:.2} | {share:.1} % of {} | {} / {} s | {} | {} |\n",
        score.wrong_a_year(),
        f64::from(score.wrong_by_us) / score.target_years,
        f64::from(score.wrong_partly) / score.target_years,
        score.outages,
        mean.as_secs(),
        late.as_secs(),
        score.lost,
        score.repeated
    )
}

/// The measured part of the document.
fn measured(worlds: &[Compared], kept: &[Kept]) -> String {
    let years = worlds[0].1[0].1.target_years;
    let outages: u32 = kept.iter().map(|kept| kept.score.outages).sum();
    let mut text = format!(
        "{years:.1} years of one target in each world, and {outages} outages that are longer than the promise.\n\n"
    );
    text.push_str(
        "| world | rule | false \"down\" per target and year | of these by our own network | false \"degraded\" | outages of 60 s or more missed | told after, mean / 99 % | lost | repeated |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for (climate, scores) in worlds {
        for (name, score) in scores {
            text.push_str(&row(climate.name, name, score));
        }
    }
    text.push_str("\n| outages longer than the promise | of them | missed | promised within | told after, mean / 99 % / longest | end told after, mean / 99 % / longest | not ended exactly once |\n|---|---|---|---|---|---|---|\n");
    for Kept {
        what,
        promised,
        score,
    } in kept
    {
        let seconds = |span: Duration| format!("{:.1}", span.as_secs_f64());
        let spread = |lengths: &[Duration]| {
            let (mean, late) = mean_and(lengths.to_vec(), 99);
            let longest = lengths.iter().max().copied().unwrap_or_default();
            format!(
                "{} / {} / {} s",
                seconds(mean),
                seconds(late),
                seconds(longest)
            )
        };
        writeln!(
            text,
            "| {what} | {} | {} | {} s | {} | {} | {} |",
            score.outages,
            score.missed,
            seconds(*promised),
            spread(&score.delays),
            spread(&score.returns),
            score.unended
        )
        .expect("a string takes it");
    }
    text
}

fn play(extent: Extent) -> (Vec<Compared>, Vec<Kept>) {
    let worlds = CLIMATES.map(|climate| (climate, compare(climate, extent)));
    (worlds.into(), keep_promises(extent))
}

/// What must hold however much is played.
fn holds(worlds: &[Compared], kept: &[Kept]) {
    for Kept {
        what,
        promised,
        score,
    } in kept
    {
        assert_eq!(score.missed, 0, "{what}: an outage was missed");
        assert_eq!(
            score.unended, 0,
            "{what}: an outage was not ended exactly once"
        );
        assert_eq!((score.lost, score.repeated), (0, 0), "{what}");
        let longest = score.delays.iter().max().copied().unwrap_or_default();
        assert!(
            longest <= *promised + DELIVERY,
            "{what}: told after {longest:?}"
        );
        let longest = score.returns.iter().max().copied().unwrap_or_default();
        assert!(
            longest <= RECOVERY_MAX,
            "{what}: its end was told after {longest:?}"
        );
    }
    for (climate, scores) in worlds {
        for (name, score) in scores.iter().filter(|(name, _)| name.contains("hekate")) {
            let name = format!("{}, {name}", climate.name);
            assert_eq!(
                (score.lost, score.repeated, score.unended),
                (0, 0, 0),
                "{name}"
            );
            assert_eq!(score.wrong_by_us, 0, "{name}: accused of what was our own");
        }
    }
}

#[test]
fn a_few_days_of_every_world_keep_what_is_promised() {
    let (worlds, kept) = play(SMALL);
    println!("{}", measured(&worlds, &kept));
    holds(&worlds, &kept);
}

/// So late at most 99 of 100 outages are told, with logs or without.
const LATE_MAX: Duration = Duration::from_secs(61);

/// Plays forty years of every world; the numbers of the document are what this prints.
#[test]
#[ignore = "takes minutes: cargo test --release --test sim -- --ignored signal_quality"]
fn signal_quality() {
    let fleets = std::env::var("HEKATE_SIM_FLEETS").ok();
    let fleets = fleets.and_then(|fleets| fleets.parse().ok());
    let extent = Extent {
        fleets: fleets.unwrap_or(WHOLE.fleets),
        ..WHOLE
    };
    let (worlds, kept) = play(extent);
    let measured = measured(&worlds, &kept);
    println!("{measured}");
    holds(&worlds, &kept);
    let wrong = |world: &str| {
        let (_, scores) = worlds.iter().find(|(climate, _)| climate.name == world)?;
        let (_, score) = scores.iter().find(|(name, _)| *name == HEKATE_AND_LOGS)?;
        Some(score.wrong_a_year())
    };
    assert!(wrong("quiet") <= Some(0.1), "{:?}", wrong("quiet"));
    assert!(wrong("noisy") <= Some(0.5), "{:?}", wrong("noisy"));
    for (climate, scores) in &worlds {
        for (name, score) in scores.iter().filter(|(name, _)| name.contains("hekate")) {
            let (_, late) = mean_and(score.delays.clone(), 99);
            assert!(late <= LATE_MAX, "{}, {name}: {late:?}", climate.name);
        }
    }
    let document = document();
    let text = std::fs::read_to_string(&document).expect("there is a document");
    let (words, before) = text.split_once(MARK).expect("the document has its mark");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let text = format!("{words}{MARK}\n{measured}");
        std::fs::write(&document, text).expect("the document can be written");
        return;
    }
    assert_eq!(
        before.trim(),
        measured.trim(),
        "docs/signal-quality.md says something else; UPDATE_EXPECT=1 writes it anew"
    );
}

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/signal-quality.md")
}
