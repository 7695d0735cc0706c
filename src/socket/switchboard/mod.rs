//! Which connection is opened and closed when. Plain: it is told what time it is and what happened.
//!
//! Two lines are held, because either can be lost without a word. A line that announces its end keeps serving until Slack
//! ends it: whoever hung up first could miss what Slack says in that moment. What failed is tried again after a wait that doubles; what was lost
//! after a good while is replaced at once.

#[cfg(test)]
mod tests;

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{model::Tick, slack::socket::Parting};

/// So many lines are held.
const LINES: usize = 2;
/// A line that lived for so long was a good one: its loss is no reason to wait.
const STEADY: Duration = Duration::from_secs(30);
/// The wait after the first failure; it doubles with every further one. Half of it is chance.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait. Longer would be no relief for Slack, and people would wait longer for their first answer.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long is waited while Socket Mode is switched off; somebody may switch it on again.
const SWITCHED_OFF_WAIT: Duration = Duration::from_mins(5);
/// A line whose end was announced is closed by us if Slack has not done so in this time; it says about ten seconds.
const LINGERS: Duration = Duration::from_secs(30);
/// So many may linger at once: Slack gives an app ten lines in all.
const LINGERING_MAX: usize = 4;
/// People are told when there was no line for so long.
const TOLD_AFTER: Duration = Duration::from_mins(2);

/// What people hear when Slack has cut the link.
pub(super) const SWITCHED_OFF: &str = "Socket Mode is switched off in the settings of the app";

/// Names a line; no two have the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct LineId(pub(super) u64);

/// What can happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Event {
    /// Time has passed.
    Due,
    /// The file was read: this is its token now.
    Told(Token),
    /// Slack said hello.
    Greeted(LineId),
    /// Slack said that the line will end.
    Parting(LineId, Parting),
    /// The line is gone, or was never there.
    Lost(LineId, Loss),
}

/// The token of the file, compared with the one before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Token {
    /// There is none.
    Absent,
    /// The same; but whoever has read the file again may have repaired what was wrong.
    Same,
    /// Another one, or another Slack.
    Another,
}

/// Why a line is gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Loss {
    /// Slack does not want us, and asking again will not help.
    Refused(String),
    /// Slack wants to be left alone for so long.
    Throttled(Duration),
    /// Anything that may pass.
    Broken(String),
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Action {
    /// Open a line.
    Dial(LineId),
    /// Close it when what it was asked is answered.
    HangUp(LineId),
    /// People have to know that nobody can ask us, and why.
    Trouble(String),
    /// That is over.
    Well,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Dialing,
    Up {
        since: Tick,
    },
    /// It serves, but another one is to take its place, and after a while it can be closed.
    Leaving {
        until: Tick,
    },
}

#[derive(Clone, Debug)]
struct Line {
    id: LineId,
    stage: Stage,
    /// How many failures in a row came before it was opened.
    level: u32,
}

/// Why it would be wrong to go on as if nothing was the matter.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Halt {
    /// Nothing is tried any more, until the file is read again.
    Refused(String),
    /// Tried now and then.
    SwitchedOff,
}

impl Halt {
    fn words(&self) -> &str {
        match self {
            Self::Refused(why) => why,
            Self::SwitchedOff => SWITCHED_OFF,
        }
    }
}

/// The lines, and what was learned of Slack's mood.
#[derive(Debug)]
pub(super) struct Switchboard {
    lines: Vec<Line>,
    last_id: u64,
    is_wanted: bool,
    halt: Option<Halt>,
    /// How many failures there were in a row; lines that failed side by side count as one.
    level: u32,
    wait_until: Tick,
    throttled_until: Tick,
    /// Since when no line serves; absent while one does.
    alone_since: Option<Tick>,
    last_loss: String,
    /// What people were told.
    told: Option<String>,
    chance: StdRng,
}

impl Switchboard {
    /// Without a token and without lines; the seed makes the waits.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            lines: Vec::new(),
            last_id: 0,
            is_wanted: false,
            halt: None,
            level: 0,
            wait_until: Tick::ZERO,
            throttled_until: Tick::ZERO,
            alone_since: None,
            last_loss: String::from("none was opened yet"),
            told: None,
            chance: StdRng::seed_from_u64(seed),
        }
    }

    /// Takes what happened and says what is to be done, in this order.
    pub(super) fn handle(&mut self, now: Tick, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        self.forget_old_failures(now);
        match event {
            Event::Due => {}
            Event::Told(token) => self.read(now, token, &mut actions),
            Event::Greeted(id) => {
                if let Some(line) = self.line(id).filter(|line| line.stage == Stage::Dialing) {
                    line.stage = Stage::Up { since: now };
                    // One that works says that others will.
                    self.wait_until = now;
                    self.halt = None;
                }
            }
            Event::Parting(id, parting) => self.parting(now, id, parting, &mut actions),
            Event::Lost(id, loss) => self.lost(now, id, loss, &mut actions),
        }
        self.dial(now, &mut actions);
        self.release(now, &mut actions);
        self.note(now, &mut actions);
        actions
    }

    /// When [`Event::Due`] is wanted at the latest.
    pub(super) fn next_deadline(&self) -> Option<Tick> {
        let dial_at = (self.missing() > 0).then(|| self.wait_until.max(self.throttled_until));
        let tell_at = self
            .alone_since
            .filter(|_| self.told.is_none())
            .map(|since| since + TOLD_AFTER);
        let release_at = self.lines.iter().filter_map(|line| match line.stage {
            Stage::Leaving { until } if self.up() >= LINES => Some(until),
            Stage::Dialing | Stage::Up { .. } | Stage::Leaving { .. } => None,
        });
        release_at.chain(dial_at).chain(tell_at).min()
    }

    /// How many lines serve.
    pub(super) fn serving(&self) -> usize {
        let serves = |line: &&Line| !matches!(line.stage, Stage::Dialing);
        self.lines.iter().filter(serves).count()
    }

    fn line(&mut self, id: LineId) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.id == id)
    }

    fn up(&self) -> usize {
        let is_up = |line: &&Line| matches!(line.stage, Stage::Up { .. });
        self.lines.iter().filter(is_up).count()
    }

    /// How many lines have to be opened.
    fn missing(&self) -> usize {
        if !self.is_wanted || matches!(self.halt, Some(Halt::Refused(_))) {
            return 0;
        }
        let held = self
            .lines
            .iter()
            .filter(|line| !matches!(line.stage, Stage::Leaving { .. }))
            .count();
        LINES.saturating_sub(held)
    }

    fn forget_old_failures(&mut self, now: Tick) {
        let is_steady =
            |line: &Line| matches!(line.stage, Stage::Up { since } if now.since(since) >= STEADY);
        if self.lines.iter().any(is_steady) {
            self.level = 0;
            for line in &mut self.lines {
                line.level = 0;
            }
        }
    }

    fn read(&mut self, now: Tick, token: Token, actions: &mut Vec<Action>) {
        self.is_wanted = match token {
            Token::Absent => false,
            Token::Another => true,
            Token::Same => self.is_wanted,
        };
        self.halt = None;
        self.level = 0;
        self.wait_until = now;
        if token == Token::Same {
            return;
        }
        self.throttled_until = now;
        // Nothing is served by a line that is not there yet; one that is serves until the new ones do.
        self.hang_up(actions, |line| {
            line.stage == Stage::Dialing || token == Token::Absent
        });
        for line in &mut self.lines {
            line.stage = Stage::Leaving { until: now };
        }
    }

    fn hang_up(&mut self, actions: &mut Vec<Action>, goes: impl Fn(&Line) -> bool) {
        self.lines.retain(|line| {
            let goes = goes(line);
            if goes {
                actions.push(Action::HangUp(line.id));
            }
            !goes
        });
    }

    fn parting(&mut self, now: Tick, id: LineId, parting: Parting, actions: &mut Vec<Action>) {
        let Some(line) = self.line(id) else { return };
        let (stage, level) = (line.stage, line.level);
        match stage {
            Stage::Leaving { .. } => {}
            Stage::Up { since } => {
                line.stage = Stage::Leaving {
                    until: now + LINGERS,
                };
                self.failed(now, level, Some(since));
                self.end_oldest(actions);
            }
            Stage::Dialing => {
                self.hang_up(actions, |line| line.id == id);
                self.failed(now, level, None);
            }
        }
        match parting {
            Parting::Warning | Parting::RefreshRequested | Parting::Other => {}
            Parting::LinkDisabled => {
                self.halt = Some(Halt::SwitchedOff);
                self.wait_until = now + self.jittered(SWITCHED_OFF_WAIT);
            }
        }
    }

    /// Closes the line that has lingered longest if there are too many.
    fn end_oldest(&mut self, actions: &mut Vec<Action>) {
        let lingers = |line: &&Line| matches!(line.stage, Stage::Leaving { .. });
        let mut lingering = self.lines.iter().filter(lingers);
        let oldest = lingering.next().map(|line| line.id);
        if lingering.count() >= LINGERING_MAX {
            self.hang_up(actions, |line| Some(line.id) == oldest);
        }
    }

    fn lost(&mut self, now: Tick, id: LineId, loss: Loss, actions: &mut Vec<Action>) {
        let Some(place) = self.lines.iter().position(|line| line.id == id) else {
            return;
        };
        let line = self.lines.remove(place);
        match loss {
            Loss::Refused(why) => {
                self.halt = Some(Halt::Refused(why));
                // What is being opened would only hear the same.
                self.hang_up(actions, |line| line.stage == Stage::Dialing);
            }
            Loss::Throttled(after) => {
                self.last_loss = String::from("Slack asks for a slower pace");
                let until = now + after + self.jittered(FIRST_WAIT);
                self.throttled_until = self.throttled_until.max(until);
            }
            Loss::Broken(why) => {
                self.last_loss = why;
                match line.stage {
                    Stage::Leaving { .. } => {}
                    Stage::Dialing => self.failed(now, line.level, None),
                    Stage::Up { since } => self.failed(now, line.level, Some(since)),
                }
            }
        }
    }

    /// A line is to be replaced that was opened after `level` failures and is up since `up_since`, if ever.
    fn failed(&mut self, now: Tick, level: u32, up_since: Option<Tick>) {
        if up_since.is_some_and(|since| now.since(since) >= STEADY) {
            self.wait_until = now;
            return;
        }
        // While it is switched off the wait is long already, and one of several that were opened together has failed before.
        if self.halt.is_some() || level < self.level {
            return;
        }
        self.level = level.saturating_add(1);
        let doubled = FIRST_WAIT.saturating_mul(1 << level.min(16));
        self.wait_until = now + self.jittered(doubled.min(LONGEST_WAIT));
    }

    /// Between half of it and all of it.
    fn jittered(&mut self, wait: Duration) -> Duration {
        wait.mul_f64(self.chance.random_range(0.5..=1.0))
    }

    fn dial(&mut self, now: Tick, actions: &mut Vec<Action>) {
        if now < self.wait_until.max(self.throttled_until) {
            return;
        }
        for _ in 0..self.missing() {
            self.last_id += 1;
            let id = LineId(self.last_id);
            self.lines.push(Line {
                id,
                stage: Stage::Dialing,
                level: self.level,
            });
            actions.push(Action::Dial(id));
        }
    }

    /// Lets those go that Slack has forgotten to end, and those of another token, as soon as they are not needed.
    fn release(&mut self, now: Tick, actions: &mut Vec<Action>) {
        if self.up() < LINES {
            return;
        }
        self.hang_up(
            actions,
            |line| matches!(line.stage, Stage::Leaving { until } if now >= until),
        );
    }

    /// Says what people have to know, once.
    fn note(&mut self, now: Tick, actions: &mut Vec<Action>) {
        if !self.is_wanted || self.serving() > 0 {
            self.alone_since = None;
        } else if self.alone_since.is_none() {
            self.alone_since = Some(now);
        }
        let has_been_long = self
            .alone_since
            .is_some_and(|since| now.since(since) >= TOLD_AFTER);
        let words = match (&self.halt, &self.told) {
            (Some(halt), _) => Some(halt.words().to_owned()),
            (None, None) if has_been_long => Some(format!("no connection: {}", self.last_loss)),
            (None, Some(_) | None) => None,
        };
        match words {
            Some(words) if self.told.as_ref() != Some(&words) => {
                self.told = Some(words.clone());
                actions.push(Action::Trouble(words));
            }
            None if self.told.is_some() && (self.up() > 0 || !self.is_wanted) => {
                self.told = None;
                actions.push(Action::Well);
            }
            Some(_) | None => {}
        }
    }
}
