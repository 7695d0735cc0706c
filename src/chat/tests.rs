use serde_json::{Value, json};

use super::*;
use crate::{
    command::fixture,
    model::{
        ChannelName, Moment, Secret, TargetId, Tick, Timestamp,
        action::{Answered, Refusal},
        incident::{Told, Worth},
        plan::Matcher,
        planned::{Acknowledgement, Done, IfTaken, Length, PlanId, PlanKind, Planned, Refused},
        replies::{CannedReply, Phrase},
    },
    slack::{
        command::SlashCommand,
        event::Identity,
        interaction::{
            Action, BadAction, Click, Interaction, Pick, Place, Quiet, Search, Subject, User,
        },
        origin::{Foreign, Origin},
    },
};

const INCIDENT: &str = "68rn";

/// Answers wishes as the engine does, and shows on the board what came of them.
#[derive(Default)]
struct Engine {
    wishes: Vec<(Wish, String)>,
    orders: Vec<String>,
    marked: Vec<Incident>,
}

pub(super) struct World {
    pub(super) chat: Chat,
    engine: Arc<Mutex<Engine>>,
}

pub(super) fn world() -> World {
    world_with(|_| Ok(None))
}

fn world_with(
    read: impl Fn(&IncidentId) -> Result<Option<Incident>, String> + Send + Sync + 'static,
) -> World {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let board = Arc::new(ArcSwap::from_pointee(fixture::board()));
    let green = Arc::clone(board.load().row(&TargetId::new("master/green")).unwrap());
    let mut facts = (*green.facts()).clone();
    facts.incident = Some(incident());
    green.set_facts(facts);
    let engine = Arc::new(Mutex::new(Engine::default()));
    let clock = Clock::start();
    let chat = Chat {
        board: Arc::clone(&board),
        plan: Arc::new(ArcSwap::from_pointee(fixture::plan())),
        metrics: Arc::new(Metrics::new()),
        clock: clock.clone(),
        incidents: Arc::new(read),
        histories: Arc::new(|_: &_, _, _| Ok(Vec::new())),
        measures: Arc::new(|_: &_, _| Ok(Vec::new())),
        glances: Arc::new(|_| oneshot::channel().1),
        by_hand: Arc::default(),
        wishes: {
            let engine = Arc::clone(&engine);
            Arc::new(move |wish, by| {
                let (answer, answered) = oneshot::channel();
                let mut engine = engine.lock().unwrap();
                engine.wishes.push((wish.clone(), by.name.clone()));
                let _ = answer.send(done(&board.load(), wish, by, clock.now().at));
                answered
            })
        },
        orders: {
            let engine = Arc::clone(&engine);
            Arc::new(move |order, asker| {
                let (answer, answered) = oneshot::channel();
                let mut engine = engine.lock().unwrap();
                engine
                    .orders
                    .push(format!("{order:?} of {}", asker.by.name));
                let refusal = Refusal {
                    words: String::from("nobody asked for it"),
                    way_out: String::from("ask for it again"),
                };
                let _ = answer.send(Answered::Refused {
                    refusal,
                    attempt: None,
                });
                answered
            })
        },
        marked: {
            let engine = Arc::clone(&engine);
            Arc::new(move |incident| engine.lock().unwrap().marked.push(incident))
        },
        readers: Readers::default(),
        sender: Sender::new().expect("there is a TLS provider"),
        tell: Arc::new(|_| {}),
        losses: Arc::default(),
        pressed: Arc::default(),
        hall: Arc::default(),
        members: Arc::default(),
        turn: Arc::default(),
    };
    World { chat, engine }
}

fn was_split(incident: IncidentId) -> Done {
    Done::Split {
        incident,
        into: vec![(IncidentId::new("k7f3"), String::from("master green"))],
        is_over: true,
    }
}

fn done(board: &Board, wish: Wish, by: Person, at: Timestamp) -> Answer {
    match wish {
        Wish::Begin {
            kind,
            targets,
            length,
            why,
            release,
        } => {
            let mut agenda = (**board.agenda.load()).clone();
            let number = u64::try_from(agenda.made.len()).unwrap() + 1;
            let planned = Planned {
                id: PlanId { kind, number },
                matcher: Matcher {
                    targets,
                    ..Matcher::default()
                },
                why,
                release,
                by,
                from: at,
                until: at + length.from_now(at, chrono_tz::UTC),
                is_until_recovered: length == Length::Recovered,
                ended: None,
            };
            agenda.made.push(Arc::new(planned.clone()));
            board.agenda.store(Arc::new(agenda));
            Ok(Done::Begun { planned, but: None })
        }
        Wish::End { .. } | Wish::GiveBack { .. } | Wish::Announce(_) => {
            panic!("no button does that")
        }
        Wish::Split { incident, targets } => {
            assert!(targets.is_empty(), "a button splits all of it");
            Ok(was_split(incident))
        }
        Wish::HandOver { incident, to } => {
            let wish = Wish::Acknowledge {
                incident,
                why: Some(format!("handed over by {by}")),
                if_taken: IfTaken::TakeOver,
            };
            done(board, wish, to, at)
        }
        Wish::Acknowledge {
            incident, if_taken, ..
        } => {
            let row = board.row(&TargetId::new("master/green")).unwrap();
            let mut facts = (*row.facts()).clone();
            if facts.incident.as_ref() != Some(&incident) {
                return Err(Refused {
                    is_missing: true,
                    words: format!("there is no open incident {incident}"),
                });
            }
            if let (Some(taken), IfTaken::Leave) = (&facts.acknowledged, if_taken) {
                return Err(Refused {
                    is_missing: false,
                    words: format!("{} has been on {incident}", taken.by),
                });
            }
            let acknowledgement = Acknowledgement { by, at, why: None };
            facts.acknowledged = Some(acknowledgement.clone());
            row.set_facts(facts);
            Ok(Done::Acknowledged {
                incident,
                titles: vec![row.target.title()],
                acknowledgement,
            })
        }
    }
}

fn incident() -> IncidentId {
    IncidentId::new(INCIDENT)
}

/// Of the incident that is open, or of the target that has it.
fn of_incident() -> Subject {
    Subject::Incident(incident())
}

fn click(name: &str, action: Action) -> Click {
    Click {
        action: Ok(action),
        user: User {
            id: format!("U{name}"),
            name: name.to_owned(),
        },
        origin: Origin {
            team_id: String::from("T1"),
            api_app_id: String::from("A1"),
            ..Origin::default()
        },
        channel_id: String::from("C1"),
        message_ts: String::from("1.2"),
        is_private: true,
        is_home: false,
        trigger_id: String::new(),
        response_url: None,
    }
}

impl World {
    async fn press(&self, click: &Click) -> (Value, Place) {
        match self.chat.pressed(click, Trust::Fresh).await {
            Late::Show(message, place) => (message.to_json(), place),
            Late::Vanish => panic!("there is an answer"),
        }
    }

    /// What somebody hears who presses this.
    async fn hears(&self, name: &str, action: Action) -> String {
        let (answer, place) = self.press(&click(name, action)).await;
        assert_eq!(place, Place::Beside, "{answer}");
        text(&answer)
    }

    pub(super) fn wishes(&self) -> usize {
        self.engine.lock().unwrap().wishes.len()
    }
}

fn text(answer: &Value) -> String {
    answer["text"]
        .as_str()
        .unwrap()
        .replace('＠', "@")
        .replace('∶', ":")
}

/// An incident that is over since then.
fn over(ago: Duration, mark: Option<crate::model::incident::Mark>) -> Incident {
    let now = Clock::start().now().at;
    let mut incident = Incident::begun(IncidentId::new(INCIDENT).number().unwrap(), now - ago);
    incident.targets = vec![TargetId::new("master/green")];
    incident.closed_at = Some(now - ago);
    incident.told = vec![Told {
        channel: ChannelName::new("alerts"),
        at: now - ago,
        mention: None,
    }];
    incident.mark = mark;
    incident
}

#[tokio::test]
async fn the_first_one_is_on_it_and_the_second_hears_who_and_can_take_over() {
    let world = world();
    let first = world.hears("eva", Action::Acknowledge(of_incident())).await;
    assert!(
        first.starts_with("68rn (master green) acknowledged by @eva"),
        "{first}"
    );
    let again = world.hears("eva", Action::Acknowledge(of_incident())).await;
    assert!(again.contains("@eva has been on 68rn"), "{again}");

    let target = Subject::Target(TargetId::new("master/green"));
    let (second, _) = world
        .press(&click("jan", Action::Acknowledge(target)))
        .await;
    assert!(text(&second).contains("@eva has been on 68rn"), "{second}");
    let buttons = &second["blocks"].as_array().unwrap().last().unwrap()["elements"];
    let action = Action::read(
        buttons[0]["action_id"].as_str().unwrap(),
        buttons[0]["value"].as_str().unwrap(),
    );
    assert_eq!(action, Ok(Action::TakeOver(of_incident())));
    let taken = world.hears("jan", action.unwrap()).await;
    assert!(taken.contains("acknowledged by @jan"), "{taken}");
}

#[tokio::test]
async fn somebody_hands_it_to_somebody_else_and_to_nobody_without_an_id() {
    let world = world();
    world.hears("eva", Action::Acknowledge(of_incident())).await;
    let handed = Action::HandOver(of_incident(), String::from("U0JAN"));
    let said = world.hears("eva", handed).await;
    assert!(said.contains("acknowledged by @U0JAN"), "{said}");
    let engine = world.engine.lock().unwrap();
    let Some((Wish::HandOver { incident: id, to }, by)) = engine.wishes.last() else {
        panic!("{:?}", engine.wishes)
    };
    assert_eq!((id, by.as_str()), (&incident(), "@eva"));
    assert_eq!(to.slack_user.as_deref(), Some("U0JAN"));
}

#[tokio::test]
async fn a_storm_is_split_with_a_button() {
    let world = world();
    let said = world.hears("eva", Action::Split(of_incident())).await;
    assert!(said.contains("split 68rn: master green (k7f3)"), "{said}");
    let engine = world.engine.lock().unwrap();
    let Some((Wish::Split { incident: id, .. }, by)) = engine.wishes.last() else {
        panic!("{:?}", engine.wishes)
    };
    assert_eq!((id, by.as_str()), (&incident(), "@eva"));
}

#[tokio::test]
async fn somebody_hands_it_over_by_typing_to_the_one_whom_they_mention() {
    let world = world();
    let say = async |mentioned: &[&str]| {
        let speaker = Speaker {
            mentioned: mentioned.iter().map(|&id| id.to_owned()).collect(),
            ..answer::speaker(("UEVA", "eva"), ("C1", "core"), "")
        };
        let words = "hand over master green to @jan";
        let said = world.chat.say(words, &speaker, Trust::Fresh, "/roih");
        text(&said.await.to_json()).clone()
    };
    // A name alone may be anybody's, and two are one too many.
    for nobody in [&[][..], &["U0JAN", "U0BOB"]] {
        let said = say(nobody).await;
        assert!(said.contains("it is not said to whom"), "{said}");
    }
    assert_eq!(world.engine.lock().unwrap().wishes, []);
    let said = say(&["U0JAN"]).await;
    assert!(said.contains("acknowledged by @U0JAN"), "{said}");
    // To oneself it is one's own name.
    let said = say(&["UEVA"]).await;
    assert!(said.contains("acknowledged by @eva"), "{said}");
    let engine = world.engine.lock().unwrap();
    let to: Vec<_> = engine
        .wishes
        .iter()
        .map(|(wish, by)| match wish {
            Wish::HandOver { to, .. } => (to.slack_user.as_deref(), by.as_str()),
            other @ (Wish::Begin { .. }
            | Wish::End { .. }
            | Wish::GiveBack { .. }
            | Wish::Split { .. }
            | Wish::Announce(_)
            | Wish::Acknowledge { .. }) => {
                panic!("{other:?}")
            }
        })
        .collect();
    assert_eq!(to, [(Some("U0JAN"), "@eva"), (Some("UEVA"), "@eva")]);
}

/// Whatever comes from this workspace.
fn from(team: &str) -> Origin {
    Origin {
        team_id: team.to_owned(),
        ..Origin::default()
    }
}

fn ack(team: &str) -> SlashCommand {
    let body = format!(
        "team_id={team}&channel_id=C1&user_id=UEVA&user_name=eva&command=%2Froih&text=ack+master+green&trigger_id=1"
    );
    SlashCommand::parse(body.as_bytes()).expect("a command")
}

fn pressed(team: &str) -> Click {
    Click {
        origin: from(team),
        ..click("eva", Action::Acknowledge(of_incident()))
    }
}

fn search(team: &str) -> Search {
    Search {
        pick: Pick::read("pick1 show|health|"),
        typed: String::from("green"),
        origin: from(team),
    }
}

fn form(team: &str) -> crate::slack::interaction::Submission {
    let payload = json!({
        "type": "view_submission", "user": { "id": "UEVA" }, "team": { "id": team },
        "view": { "callback_id": "hekate.action.type_name", "private_metadata": "1 abcd" },
    });
    match Interaction::of_payload(&payload, crate::slack::command::ResponseUrl::parse) {
        Ok(Interaction::Submission(submission)) => *submission,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_comes_from_another_workspace_than_the_bot_s_does_nothing() {
    let mut world = world();
    let told = Arc::new(Mutex::new(Vec::new()));
    world.chat.hall = Arc::new(Hall::new(Arc::new(|_| {}), {
        let told = Arc::clone(&told);
        Arc::new(move |words| told.lock().unwrap().push(words.to_owned()))
    }));
    let world = world;
    let token = Secret::new("xoxb-not-a-secret");
    let mut plan = fixture::plan();
    plan.slack.bot_token = Some(token.clone());
    // Nothing listens there: who the bot is cannot be asked.
    plan.slack.base_url = String::from("http://127.0.0.1:9");
    world.chat.plan.store(Arc::new(plan));
    // Nobody waits for what is not known.
    let said = world.chat.answer(&ack("T2"), Trust::Fresh).await;
    assert!(text(&said.to_json()).contains("acknowledged by @eva"));
    let identity = Identity {
        user_id: String::from("U0HEKATE"),
        team_id: String::from("T1"),
        enterprise_id: Some(String::from("E1")),
        app_id: None,
    };
    let known = world
        .chat
        .hall
        .identity(&token, async || Ok::<_, ()>(identity));
    known.await.expect("it is known");
    let before = world.engine.lock().unwrap().wishes.len();
    let said = world.chat.answer(&ack("T2"), Trust::Fresh).await;
    assert!(text(&said.to_json()).contains("another workspace"));
    world.chat.press(pressed("T2"), Trust::Fresh).await;
    assert_eq!(world.engine.lock().unwrap().wishes.len(), before);
    assert_eq!(world.chat.search(&search("T2")).await, Vec::new());
    assert!(!world.chat.search(&search("T1")).await.is_empty());
    let orders = |world: &World| world.engine.lock().unwrap().orders.len();
    let given = orders(&world);
    let said = world.chat.submitted(&form("T2"), Trust::Fresh).await;
    assert!(said.to_string().contains("another workspace"), "{said}");
    assert_eq!(orders(&world), given);
    world.chat.submitted(&form("T1"), Trust::Fresh).await;
    assert_eq!(orders(&world), given + 1);
    for (number, team) in ["T1", "E1"].into_iter().enumerate() {
        world.chat.answer(&ack(team), Trust::Fresh).await;
        assert_eq!(
            world.engine.lock().unwrap().wishes.len(),
            before + number + 1
        );
    }
    // What somebody does who says of no workspace that it is theirs is not done.
    let said = world.chat.admit(&Origin::default()).await;
    assert_eq!(said, Err(Foreign::Workspace));
    let told = told.lock().unwrap().clone();
    let words = [
        "it came from the workspace T2; remove the app there, or write `team_id` under `slack` if that is the right one",
        "it came from the workspace that Slack does not name; remove the app there, or write `team_id` under `slack` if that is the right one",
    ];
    assert_eq!(told, words, "each place is told once");
    // The file's word counts more than the bot's.
    let mut plan = fixture::plan();
    plan.slack.team_id = Some(String::from("T2"));
    plan.slack.bot_token = Some(token);
    world.chat.plan.store(Arc::new(plan));
    assert_eq!(world.chat.admit(&from("T2")).await, Ok(()));
    let said = world.chat.admit(&from("T1")).await;
    assert_eq!(said, Err(Foreign::Workspace));
}

#[tokio::test]
async fn a_button_of_an_incident_that_is_over_says_so_and_does_nothing() {
    let world = world_with(|_| Ok(Some(over(Duration::from_mins(2), None))));
    let green = TargetId::new("master/green");
    world
        .chat
        .board
        .load()
        .row(&green)
        .unwrap()
        .set_facts(fixture::well(fixture::NOW));
    for action in [
        Action::Acknowledge(of_incident()),
        Action::TakeOver(of_incident()),
        Action::HandOver(of_incident(), String::from("U0JAN")),
        Action::Split(of_incident()),
        Action::Silence(of_incident(), Quiet::TwoHours),
    ] {
        let said = world.hears("eva", action).await;
        assert!(
            said.contains("68rn (master green) was over already 2 min"),
            "{said}"
        );
    }
    for (subject, words) in [
        (Subject::Target(green), "master green has no open incident"),
        (
            Subject::Target(TargetId::new("gone/one")),
            "gone one is not watched any more",
        ),
    ] {
        let said = world.hears("eva", Action::Acknowledge(subject)).await;
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(world.wishes(), 0);
}

#[tokio::test]
async fn two_clicks_make_one_silence() {
    let world = world();
    let first = world
        .hears("eva", Action::Silence(of_incident(), Quiet::TwoHours))
        .await;
    assert!(first.starts_with("silenced 1 target until"), "{first}");
    for quiet in [Quiet::TwoHours, Quiet::HalfAnHour] {
        let second = world
            .hears("jan", Action::Silence(of_incident(), quiet))
            .await;
        assert!(
            second.contains("@eva has silenced that already"),
            "{second}"
        );
    }
    let longer = world
        .hears("jan", Action::Silence(of_incident(), Quiet::EightHours))
        .await;
    assert!(longer.starts_with("silenced 1 target until"), "{longer}");
    let engine = world.engine.lock().unwrap();
    let [
        (
            Wish::Begin {
                kind,
                targets,
                length,
                why,
                ..
            },
            by,
        ),
        (Wish::Begin { .. }, _),
    ] = engine.wishes.as_slice()
    else {
        panic!("{:?}", engine.wishes)
    };
    assert_eq!((*kind, by.as_str()), (PlanKind::Silence, "@eva"));
    assert_eq!(*targets, [TargetId::new("master/green")]);
    assert_eq!(
        (*length, why.as_str()),
        (Length::For(Duration::from_hours(2)), "68rn is known")
    );
}

#[tokio::test]
async fn a_false_alarm_is_said_once_and_only_of_what_is_over() {
    let known = Arc::new(Mutex::new(over(Duration::from_mins(2), None)));
    let world = {
        let known = Arc::clone(&known);
        world_with(move |_| Ok(Some(known.lock().unwrap().clone())))
    };
    let said = world.hears("eva", Action::FalseAlarm(of_incident())).await;
    assert!(
        said.starts_with("68rn is marked as a false alarm"),
        "{said}"
    );
    let marked = world.engine.lock().unwrap().marked.pop().unwrap();
    let mark = marked.mark.clone().unwrap();
    assert_eq!((mark.worth, mark.by.as_str()), (Worth::FalseAlarm, "@eva"));
    *known.lock().unwrap() = marked;
    let said = world.hears("jan", Action::FalseAlarm(of_incident())).await;
    assert!(
        said.contains("@eva has said already that 68rn was a false alarm"),
        "{said}"
    );
    known.lock().unwrap().closed_at = None;
    let said = world.hears("jan", Action::FalseAlarm(of_incident())).await;
    assert!(said.contains("68rn is still open"), "{said}");
    assert!(world.engine.lock().unwrap().marked.is_empty());
}

#[tokio::test]
async fn typed_opinions_are_taken_as_well() {
    let world = world_with(|_| Ok(Some(over(Duration::from_mins(2), None))));
    let by = answer::speaker(("U1", "eva"), ("C1", "core"), "");
    let say = async |text: &str| {
        let message = world.chat.say(text, &by, Trust::Fresh, "/roih").await;
        text_of(&message)
    };
    let said = say("mark 68rn false-alarm because a backup").await;
    assert!(said.starts_with("68rn is marked as false alarm"), "{said}");
    let said = say("mark 68rn false-alarm").await;
    assert!(said.contains("it is not said why"), "{said}");
    let engine = world.engine.lock().unwrap();
    assert_eq!(engine.marked.len(), 1);
    assert_eq!(engine.marked[0].mark.as_ref().unwrap().reason, "a backup");
}

pub(super) fn text_of(message: &crate::slack::Message) -> String {
    text(&message.to_json())
}

#[tokio::test]
async fn an_answer_goes_where_its_button_says_and_only_answers_are_shared() {
    let world = world();
    let status = |place| Action::say("status master", place);
    for place in [Place::Beside, Place::Instead] {
        let (answer, at) = world.press(&click("eva", status(place))).await;
        assert_eq!(at, place);
        assert!(text(&answer).contains("master green"), "{answer}");
    }
    // What everybody sees is not replaced.
    let mut public = click("eva", status(Place::Instead));
    public.is_private = false;
    assert_eq!(world.press(&public).await.1, Place::Beside);

    let (shared, at) = world.press(&click("eva", status(Place::Channel))).await;
    assert_eq!(at, Place::Channel);
    let words = shared.to_string();
    assert!(
        words.contains("shared by @eva") && !words.contains("action_id"),
        "{shared}"
    );

    let wish = "silence add master green for 1h because x";
    for action in [
        Action::say(wish, Place::Channel),
        Action::say("mark 68rn useful because x", Place::Channel),
    ] {
        let said = world.hears("eva", action).await;
        assert!(said.contains("only an answer can be shared"), "{said}");
    }
    assert_eq!(world.wishes(), 0);
    // What is typed can also be pressed.
    world
        .press(&click("eva", Action::say(wish, Place::Instead)))
        .await;
    assert_eq!(world.wishes(), 1);
}

#[tokio::test]
async fn what_may_be_a_repeat_only_asks() {
    let world = world();
    for action in [
        Action::Acknowledge(of_incident()),
        Action::TakeOver(of_incident()),
        Action::HandOver(of_incident(), String::from("U0JAN")),
        Action::Split(of_incident()),
        Action::Silence(of_incident(), Quiet::Morning),
        Action::FalseAlarm(of_incident()),
        Action::say("ack 68rn", Place::Instead),
    ] {
        let Late::Show(message, _) = world
            .chat
            .pressed(&click("eva", action), Trust::MayBeRepeat)
            .await
        else {
            panic!("there is an answer")
        };
        let said = text_of(&message);
        assert!(said.contains("before hekate was started"), "{said}");
    }
    let question = click("eva", Action::say("status", Place::Instead));
    let Late::Show(message, _) = world.chat.pressed(&question, Trust::MayBeRepeat).await else {
        panic!("there is an answer")
    };
    assert!(text_of(&message).contains("5 targets"));
    assert_eq!(world.wishes(), 0);
}

#[tokio::test]
async fn what_is_not_known_any_more_says_so() {
    let world = world();
    for (why, words) in [
        (BadAction::Unknown, "does nothing here"),
        (BadAction::Version, "another version of hekate"),
        (BadAction::Value, "cannot be read"),
    ] {
        let mut click = click("eva", Action::Dismiss);
        click.action = Err(why);
        let (answer, _) = world.press(&click).await;
        assert!(text(&answer).contains(words), "{answer}");
    }
    let dismissed = click("eva", Action::Dismiss);
    assert_eq!(
        world.chat.pressed(&dismissed, Trust::Fresh).await,
        Late::Vanish
    );
}

/// What was asked for is confirmed by whoever presses it, where they are; the answer takes the place of the question.
#[tokio::test]
async fn an_order_is_confirmed_and_taken_back_by_a_button() {
    let world = world();
    for (action, expected) in [
        (
            Action::Confirm(String::from("n1")),
            r#"Confirm { nonce: "n1", typed: None, why: None } of @eva"#,
        ),
        (
            Action::TypeName(String::from("n1")),
            r#"Recall { nonce: "n1" } of @eva"#,
        ),
        (
            Action::Cancel(String::from("n1")),
            r#"Cancel { nonce: "n1" } of @eva"#,
        ),
    ] {
        let mut click = click("eva", action);
        let (answer, place) = world.press(&click).await;
        assert_eq!(place, Place::Instead);
        assert_eq!(
            text(&answer),
            "not done: nobody asked for it. ask for it again"
        );
        assert_eq!(
            world.engine.lock().unwrap().orders.pop().as_deref(),
            Some(expected)
        );
        // What may be a repeat from before the start does nothing.
        let late = world.chat.pressed(&click, Trust::MayBeRepeat).await;
        assert!(matches!(late, Late::Show(..)));
        assert!(world.engine.lock().unwrap().orders.is_empty());
        // What everybody sees is not replaced by what one person is told.
        click.is_private = false;
        let (_, place) = world.press(&click).await;
        assert_eq!(place, Place::Beside);
        world.engine.lock().unwrap().orders.clear();
    }
}

#[tokio::test]
async fn a_click_acts_once() {
    let world = world();
    let mut once = click("eva", Action::Acknowledge(of_incident()));
    once.trigger_id = String::from("1.2.3");
    let fate = world.chat.press(once.clone(), Trust::Fresh).await;
    // There is no address for the answer.
    assert_eq!(fate, crate::telemetry::Fate::Undelivered);
    let fate = world.chat.press(once, Trust::Fresh).await;
    assert_eq!(fate, crate::telemetry::Fate::Repeat);
    assert_eq!(world.wishes(), 1);
}

#[tokio::test]
async fn a_search_finds_words_in_any_order_problems_first() {
    let world = world();
    let found = async |typed: &str| -> Vec<String> {
        let search = Search {
            pick: Pick::read("pick1 show|health|"),
            typed: typed.to_owned(),
            origin: Origin::default(),
        };
        let choices = world.chat.search(&search).await;
        choices.into_iter().map(|choice| choice.value).collect()
    };
    assert_eq!(
        found("").await,
        [
            "master/green",
            "cron/yellow",
            "cron/purple",
            "master/blue",
            "api"
        ]
    );
    assert_eq!(found("BLUE mast").await, ["master/blue"]);
    assert_eq!(found(":hekate-green:").await, ["master/green"]);
    assert!(found("<!channel> *").await.is_empty());
    let stale = Search {
        pick: Err(BadAction::Version),
        typed: String::new(),
        origin: Origin::default(),
    };
    assert!(world.chat.search(&stale).await.is_empty());
}

/// Nobody can make it stumble who can sign.
#[test]
fn hostile_names_stay_words() {
    let payload = serde_json::json!({
        "type": "block_actions",
        "user": { "id": "U1", "username": "<!channel> *\u{202e}x`" },
        "actions": [{ "action_id": "hekate.dismiss", "value": "1 -" }],
    });
    let read = Interaction::of_payload(&payload, crate::slack::command::ResponseUrl::parse);
    let Ok(Interaction::Click(click)) = read else {
        panic!("it can be read")
    };
    let by = answer::person(&click.user.id, &click.user.name);
    assert_eq!(by.name, "@<!channel> *x`");
    let late = Late::Show(
        crate::slack::Message::new(
            crate::slack::Audience::Asker,
            "x",
            None,
            Vec::new(),
            Vec::new(),
        )
        .shared_by(&by.name),
        Place::Channel,
    );
    let Late::Show(message, _) = late else {
        panic!("it is shown")
    };
    // Nothing is parsed where the name is.
    let blocks = message.to_json()["blocks"].clone();
    assert_eq!(blocks[0]["elements"][0]["type"], "plain_text", "{blocks}");
}

#[test]
fn only_what_was_said_after_the_second_of_the_start_is_obeyed() {
    let now = Moment {
        tick: Tick::from_micros(10_500_000),
        at: Timestamp::from_millis(1_000_011_200),
    };
    for (at_seconds, trust) in [
        (Some(1_000_011), Trust::Fresh),
        (Some(1_000_001), Trust::Fresh),
        (Some(1_000_000), Trust::MayBeRepeat),
        (Some(999_999), Trust::MayBeRepeat),
        (None, Trust::MayBeRepeat),
    ] {
        assert_eq!(Trust::since_start(at_seconds, now), trust, "{at_seconds:?}");
    }
}

#[tokio::test]
async fn a_reply_of_the_file_is_ready_for_what_is_no_command_and_names_nothing() {
    let world = world();
    let reply = |when: &str| CannedReply {
        when: vec![Phrase::of(when).unwrap()],
        say: format!("so much of {when}"),
        channels: Vec::new(),
        cooldown: Duration::ZERO,
    };
    let words = ["we have time", "status", "blue", "down"];
    world.chat.plan.store(Arc::new(Plan {
        replies: words.map(reply).into(),
        ..fixture::plan()
    }));
    for (text, expected) in [
        ("when WE have time", Some("so much of we have time")),
        ("what is the status of this", Some("so much of status")),
        ("a blue moon", Some("so much of blue")),
        ("status when we have time", None),
        ("Silence everything until we have time", None),
        ("status", None),
        ("blue", None),
        ("master blue", None),
        ("down", None),
        ("reboot", None),
        ("", None),
    ] {
        let ready = world.chat.ready(text).map(|reply| reply.say);
        assert_eq!(ready.as_deref(), expected, "{text}");
    }
}
