//! What becomes of something that was pressed: the same as of typed words, checked against what is true by now.

use std::{sync::PoisonError, time::Duration};

use chrono::NaiveTime;
use chrono_tz::Tz;

use super::{
    Chat, Late, Speaker, Trust,
    answer::{just_started, person, speaker, who_opens_forms},
    opinion::not_marked,
    problem,
    stranger::elsewhere,
};
use crate::{
    command::{Heard, Reply, hear},
    model::{
        Board, IncidentId, TargetId, Timestamp,
        cause::Member,
        incident::{Mark, Worth},
        planned::{Acknowledgement, IfTaken, Length, Person, PlanKind, Wish},
        text::span,
    },
    slack::{
        Audience, Message,
        control::{Choice, Control, Controls, Look},
        interaction::{Action, BadAction, Click, Place, Quiet, Search, Subject, pickers},
    },
    telemetry::Fate,
};

/// What a mark says that was made with a button.
const BUTTON_REASON: &str = "said with a button in Slack";
/// Silences that end nearly at the same time are the same wish, said twice.
const NEARLY: Duration = Duration::from_mins(1);

impl Chat {
    /// Does what was pressed, once, and sends the answer to the address that came with it.
    pub async fn press(&self, click: Click, trust: Trust) -> Fate {
        if !self.is_first(&click) {
            return Fate::Repeat;
        }
        let late = match self.admit(&click.origin).await {
            Ok(()) => self.pressed(&click, trust).await,
            Err(why) => {
                let command = self.plan.load().slack.command.clone();
                Late::Show(self.show(&elsewhere(why), &command), Place::Beside)
            }
        };
        if click.is_home {
            return self.publish_late(&click.user.id, &late).await;
        }
        self.respond(click.response_url.as_ref(), &late).await
    }

    /// Whether this was not pressed before: Slack gives every click another trigger.
    fn is_first(&self, click: &Click) -> bool {
        let now = self.clock.now().tick;
        let mut seen = self.pressed.lock().unwrap_or_else(PoisonError::into_inner);
        click.trigger_id.is_empty() || seen.insert(format!("click {}", click.trigger_id), now)
    }

    /// What is shown to whoever pressed it.
    pub(super) async fn pressed(&self, click: &Click, trust: Trust) -> Late {
        let command = self.plan.load().slack.command.clone();
        let speaker = who_opens_forms(speaker(
            (&click.user.id, &click.user.name),
            (&click.channel_id, ""),
            &click.trigger_id,
        ));
        let by = speaker.person();
        let action = match &click.action {
            Ok(action) => action,
            Err(why) => {
                return Late::Show(self.show(&unknown(*why, &command), &command), Place::Beside);
            }
        };
        tracing::info!(event = "slack.click", by = %by, action = %action.id(None), "somebody pressed something");
        let reply = match action {
            Action::Say { words, place } => {
                return self
                    .said(words, *place, &speaker, trust, click, &command)
                    .await;
            }
            Action::Dismiss => return Late::Vanish,
            Action::Acknowledge(_)
            | Action::TypeName(_)
            | Action::Confirm(_)
            | Action::Cancel(_)
            | Action::TakeOver(_)
            | Action::HandOver(..)
            | Action::Split(_)
            | Action::Silence(..)
            | Action::FalseAlarm(_)
                if trust == Trust::MayBeRepeat =>
            {
                just_started()
            }
            Action::TypeName(nonce) => self.form_again(nonce, &speaker, &command).await,
            Action::Confirm(nonce) => {
                let answer = self.confirm(nonce, speaker.asker, None).await;
                self.answered(answer.as_ref(), &command)
            }
            Action::Cancel(nonce) => {
                let answer = self.cancel(nonce, speaker.asker).await;
                self.answered(answer.as_ref(), &command)
            }
            Action::Acknowledge(subject) => return self.take_on(subject, by, &command).await,
            Action::TakeOver(subject) => match self.open_incident(subject).await {
                Ok(incident) => {
                    self.fulfilled(taking(incident, IfTaken::TakeOver), by, &command)
                        .await
                }
                Err(why) => why,
            },
            Action::HandOver(subject, user) => {
                self.hand_over(subject, user, &speaker, &command).await
            }
            Action::Split(subject) => self.split(subject, by, &command).await,
            Action::Silence(subject, quiet) => self.quiet(subject, *quiet, by, &command).await,
            Action::FalseAlarm(subject) => self.false_alarm(subject, &by).await,
        };
        // A question that was answered is no question any more.
        let is_order = matches!(
            action,
            Action::TypeName(_) | Action::Confirm(_) | Action::Cancel(_)
        );
        let place = if is_order && click.is_private {
            Place::Instead
        } else {
            Place::Beside
        };
        Late::Show(self.show(&reply, &command), place)
    }

    /// Words that were said with a button.
    async fn said(
        &self,
        words: &str,
        place: Place,
        speaker: &Speaker,
        trust: Trust,
        click: &Click,
        command: &str,
    ) -> Late {
        let now = self.clock.now().at;
        let is_question = match hear(&self.board.load(), words, now, command) {
            Heard::Reply(_)
            | Heard::List(_)
            | Heard::Tasks(_)
            | Heard::Seek(_)
            | Heard::Measure(_)
            | Heard::OnCall => true,
            Heard::Wish(_) | Heard::Opinion(_) | Heard::Order(_) => false,
        };
        match place {
            Place::Channel if !is_question => {
                let refused = problem("only an answer can be shared, so nothing was done", "");
                Late::Show(self.show(&refused, command), Place::Beside)
            }
            Place::Channel => {
                let name = speaker.person().name;
                let message = self.say(words, speaker, trust, command).await;
                Late::Show(message.shared_by(&name), Place::Channel)
            }
            Place::Beside | Place::Instead => {
                let message = self.say(words, speaker, trust, command).await;
                // What everybody sees is not replaced by what one person asked.
                let place = if click.is_private {
                    place
                } else {
                    Place::Beside
                };
                Late::Show(message, place)
            }
        }
    }

    /// The first one takes it on; the second hears who it was, and can take it over.
    async fn take_on(&self, subject: &Subject, by: Person, command: &str) -> Late {
        let incident = match self.open_incident(subject).await {
            Ok(incident) => incident,
            Err(why) => return Late::Show(self.show(&why, command), Place::Beside),
        };
        let wish = taking(incident.clone(), IfTaken::Leave);
        let reply = self.fulfilled(wish, by.clone(), command).await;
        let message = self.show(&reply, command);
        let is_anothers = matches!(reply, Reply::Problem { .. })
            && self
                .taken(&incident)
                .is_some_and(|taken| !taken.by.is_same_as(&by));
        let message = if is_anothers {
            let action = Action::TakeOver(Subject::Incident(incident));
            let mut controls = Controls::new();
            controls.add(Control::button(
                "Take over",
                action.id(None),
                action.value(),
                Look::Plain,
            ));
            message.with_controls(controls)
        } else {
            message
        };
        Late::Show(message, Place::Beside)
    }

    async fn split(&self, subject: &Subject, by: Person, command: &str) -> Reply {
        match self.open_incident(subject).await {
            Ok(incident) => {
                let targets = Vec::new();
                let wish = Wish::Split { incident, targets };
                self.fulfilled(wish, by, command).await
            }
            Err(why) => why,
        }
    }

    async fn hand_over(
        &self,
        subject: &Subject,
        user: &str,
        speaker: &Speaker,
        command: &str,
    ) -> Reply {
        match self.open_incident(subject).await {
            Ok(incident) => {
                let to = Self::chosen(user, speaker);
                let wish = Wish::HandOver { incident, to };
                self.fulfilled(wish, speaker.person(), command).await
            }
            Err(why) => why,
        }
    }

    /// Whoever was chosen in a menu of people, of whom Slack says no more than the id.
    fn chosen(user: &str, speaker: &Speaker) -> Person {
        let by = speaker.person();
        if by.slack_user.as_deref() == Some(user) {
            by
        } else {
            person(user, "")
        }
    }

    /// The one whom somebody mentioned.
    pub(super) fn mentioned(speaker: &Speaker) -> Option<Person> {
        match speaker.mentioned.as_slice() {
            [user] => Some(Self::chosen(user, speaker)),
            [] | [_, _, ..] => None,
        }
    }

    /// Who has taken it on, as the board knows.
    fn taken(&self, incident: &IncidentId) -> Option<Acknowledgement> {
        let board = self.board.load();
        let facts = board.rows.iter().map(|row| row.facts());
        let mut of_it = facts.filter(|facts| facts.incident.as_ref() == Some(incident));
        of_it.find_map(|facts| facts.acknowledged.clone())
    }

    /// The open incident that is meant, or why there is none.
    async fn open_incident(&self, subject: &Subject) -> Result<IncidentId, Reply> {
        match subject {
            Subject::Incident(id) => {
                if !members(&self.board.load(), id).is_empty() {
                    return Ok(id.clone());
                }
                match self.over(id).await {
                    Some(over) => Err(over),
                    None => Ok(id.clone()),
                }
            }
            Subject::Target(id) => {
                let board = self.board.load();
                let row = board.row(id).ok_or_else(|| unwatched(id))?;
                row.facts().incident.clone().ok_or_else(|| {
                    let title = row.target.title();
                    problem(
                        format!("{title} has no open incident; nothing was done"),
                        "",
                    )
                })
            }
        }
    }

    /// That an incident is over, if the store says so: `k7f2 (master blue) was over 2 min ago; nothing was done`.
    async fn over(&self, id: &IncidentId) -> Option<Reply> {
        let incident = self.closed_incident(id.as_str()).await?;
        let closed_at = incident.closed_at?;
        let board = self.board.load();
        let titles: Vec<String> = incident
            .targets
            .iter()
            .take(4)
            .map(|id| {
                board
                    .row(id)
                    .map_or_else(|| id.to_string(), |row| row.target.title())
            })
            .collect();
        let ago = Duration::from_secs(self.clock.now().at.since(closed_at).as_secs());
        let common = incident.common.as_ref();
        let was_split = common.is_some_and(|it| it.members.iter().any(Member::is_split_off));
        let what = if was_split { "split" } else { "over" };
        Some(problem(
            format!(
                "{id} ({}) was {what} already {} ago; nothing was done",
                titles.join(", "),
                span(ago)
            ),
            "",
        ))
    }

    /// A silence of whatever it is about.
    async fn quiet(&self, subject: &Subject, quiet: Quiet, by: Person, command: &str) -> Reply {
        // One after the other, so that two clicks make one silence.
        let _turn = self.turn.lock().await;
        let (targets, why) = match subject {
            Subject::Incident(id) => match self.open_incident(subject).await {
                Ok(_) => (members(&self.board.load(), id), format!("{id} is known")),
                Err(over) => return over,
            },
            Subject::Target(id) if self.board.load().row(id).is_none() => return unwatched(id),
            Subject::Target(id) => (vec![id.clone()], String::from("it is known")),
        };
        if targets.is_empty() {
            return problem(
                "nobody who is watched belongs to it any more; nothing was done",
                "",
            );
        }
        let now = self.clock.now().at;
        let zone = self.plan.load().server.timezone;
        let length = length(quiet);
        if let Some(words) = self.is_quiet(&targets, length, now, zone) {
            return problem(words, format!("`{command} silence list` shows them"));
        }
        let wish = Wish::Begin {
            kind: PlanKind::Silence,
            targets,
            length,
            why,
            release: None,
        };
        self.fulfilled(wish, by, command).await
    }

    /// That somebody has silenced just these for at least as long.
    fn is_quiet(
        &self,
        targets: &[TargetId],
        length: Length,
        now: Timestamp,
        zone: Tz,
    ) -> Option<String> {
        let until = now + length.from_now(now, zone);
        let board = self.board.load();
        let agenda = board.agenda.load();
        let silence = agenda.made.iter().find(|planned| {
            planned.id.kind == PlanKind::Silence
                && planned.ended.is_none()
                && (planned.until + NEARLY >= until || planned.is_until_recovered)
                && (!planned.is_until_recovered || length == Length::Recovered)
                && targets
                    .iter()
                    .all(|target| planned.matcher.targets.contains(target))
        })?;
        Some(format!(
            "{} has silenced that already, until {} (id {})",
            silence.by,
            silence.end(&silence.until.words(zone)),
            silence.id
        ))
    }

    async fn false_alarm(&self, subject: &Subject, by: &Person) -> Reply {
        let id = match subject {
            Subject::Incident(id) => id.clone(),
            Subject::Target(_) => match self.open_incident(subject).await {
                Ok(id) => id,
                Err(why) => return why,
            },
        };
        let mark = Mark {
            worth: Worth::FalseAlarm,
            reason: String::from(BUTTON_REASON),
            by: by.name.clone(),
            at: self.clock.now().at,
        };
        let mut first = None;
        let marked = self.mark(&id, |incident| {
            first.clone_from(&incident.mark);
            first.is_none().then_some(mark)
        });
        match (marked.await, first) {
            (Ok(_), None) => Reply::Said(vec![format!(
                "{id} is marked as a false alarm; `hekate report noise` says which limit would have kept it back"
            )]),
            (Ok(_), Some(first)) => problem(
                format!(
                    "{} has said already that {id} was {}",
                    first.by,
                    article(first.worth)
                ),
                "",
            ),
            (Err(why), _) => problem(not_marked(&id, why), ""),
        }
    }

    /// What can be chosen in a menu, while somebody types: problems first.
    pub async fn search(&self, search: &Search) -> Vec<Choice> {
        if self.admit(&search.origin).await.is_err() {
            return Vec::new();
        }
        match &search.pick {
            Ok(_) => pickers::options(&self.board.load(), &search.typed),
            Err(BadAction::Unknown | BadAction::Version | BadAction::Value) => Vec::new(),
        }
    }

    /// What somebody is told when too much is going on.
    pub fn busy() -> Message {
        let text = "hekate is asked too much at once; try again in a moment";
        Message::new(Audience::Asker, text, None, Vec::new(), Vec::new())
    }
}

const fn article(worth: Worth) -> &'static str {
    match worth {
        Worth::FalseAlarm => "a false alarm",
        Worth::Useful => "useful",
    }
}

const fn taking(incident: IncidentId, if_taken: IfTaken) -> Wish {
    Wish::Acknowledge {
        incident,
        why: None,
        if_taken,
    }
}

fn members(board: &Board, incident: &IncidentId) -> Vec<TargetId> {
    let of_it = board
        .rows
        .iter()
        .filter(|row| row.facts().incident.as_ref() == Some(incident));
    of_it.map(|row| row.target.id.clone()).collect()
}

fn unwatched(id: &TargetId) -> Reply {
    let title = id.as_str().replacen('/', " ", 1);
    problem(
        format!("{title} is not watched any more; nothing was done"),
        "",
    )
}

pub(super) fn unknown(why: BadAction, command: &str) -> Reply {
    let words = match why {
        BadAction::Unknown => "this button does nothing here, so nothing was done",
        BadAction::Version => {
            "this button was made by another version of hekate, so nothing was done"
        }
        BadAction::Value => "what this button carries cannot be read, so nothing was done",
    };
    problem(
        words,
        format!("`{command} help` lists what can be typed instead"),
    )
}

/// When it is to end.
fn length(quiet: Quiet) -> Length {
    match quiet {
        Quiet::HalfAnHour => Length::For(Duration::from_mins(30)),
        Quiet::TwoHours => Length::For(Duration::from_hours(2)),
        Quiet::EightHours => Length::For(Duration::from_hours(8)),
        Quiet::Morning => Length::At(NaiveTime::from_hms_opt(8, 0, 0).unwrap_or_default()),
        Quiet::Recovered => Length::Recovered,
    }
}
