use std::{collections::HashMap, fmt::Write as _};

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// A switchboard in virtual time, and what it said, each line with its time.
struct Play {
    board: Switchboard,
    now: Tick,
    said: String,
}

impl Play {
    fn new() -> Self {
        Self {
            board: Switchboard::new(7),
            now: Tick::ZERO,
            said: String::new(),
        }
    }

    fn with_two() -> Self {
        let mut stage = Self::new();
        stage.event("another token", Event::Told(Token::Another));
        stage.greet(1);
        stage.greet(2);
        stage.said.clear();
        stage
    }

    fn event(&mut self, words: &str, event: Event) {
        let actions = self.board.handle(self.now, event);
        let micros = self.now.as_micros();
        let _infallible = write!(
            self.said,
            "{}.{:03} {words} ->",
            micros / 1_000_000,
            micros / 1_000 % 1_000
        );
        for action in actions {
            let _infallible = match action {
                Action::Dial(id) => write!(self.said, " dial {};", id.0),
                Action::HangUp(id) => write!(self.said, " hang up {};", id.0),
                Action::Trouble(why) => write!(self.said, " trouble: {why};"),
                Action::Well => write!(self.said, " well;"),
            };
        }
        self.said.push('\n');
    }

    fn greet(&mut self, id: u64) {
        self.event(&format!("hello {id}"), Event::Greeted(LineId(id)));
    }

    fn part(&mut self, id: u64, parting: Parting) {
        self.event(
            &format!("{} {id}", parting.as_str()),
            Event::Parting(LineId(id), parting),
        );
    }

    fn lose(&mut self, id: u64) {
        let loss = Loss::Broken(String::from("reset"));
        self.event(&format!("lost {id}"), Event::Lost(LineId(id), loss));
    }

    fn refuse(&mut self, id: u64) {
        let loss = Loss::Refused(String::from("invalid_auth"));
        self.event(&format!("refused {id}"), Event::Lost(LineId(id), loss));
    }

    fn throttle(&mut self, id: u64, seconds: u64) {
        let loss = Loss::Throttled(Duration::from_secs(seconds));
        self.event(&format!("throttled {id}"), Event::Lost(LineId(id), loss));
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    /// Until the switchboard wants to be asked.
    fn due(&mut self) {
        if let Some(at) = self.board.next_deadline() {
            self.now = self.now.max(at);
        }
        self.event("due", Event::Due);
    }

    fn check(&self, expected: &Expect) {
        expected.assert_eq(&self.said);
    }
}

#[test]
fn two_lines_are_held_once_there_is_a_token() {
    let mut stage = Play::new();
    assert_eq!(stage.board.next_deadline(), None);
    stage.event("no token", Event::Told(Token::Absent));
    stage.event("another token", Event::Told(Token::Another));
    stage.greet(1);
    stage.greet(2);
    stage.event("same token", Event::Told(Token::Same));
    assert_eq!(stage.board.next_deadline(), None);
    stage.check(&expect![[r#"
        0.000 no token ->
        0.000 another token -> dial 1; dial 2;
        0.000 hello 1 ->
        0.000 hello 2 ->
        0.000 same token ->
    "#]]);
}

#[test]
fn a_third_line_comes_and_the_one_that_announced_its_end_serves_as_long_as_slack_lets_it() {
    let mut stage = Play::with_two();
    stage.wait(3_600);
    stage.part(1, Parting::Warning);
    assert_eq!(stage.board.serving(), 2);
    stage.greet(3);
    assert_eq!(stage.board.serving(), 3);
    stage.wait(10);
    stage.lose(1);
    stage.wait(50);
    stage.part(2, Parting::RefreshRequested);
    stage.part(3, Parting::RefreshRequested);
    stage.part(3, Parting::RefreshRequested);
    assert_eq!(stage.board.serving(), 2);
    stage.greet(4);
    // Slack ends what it said it would; what it forgets, we do.
    stage.lose(2);
    stage.greet(5);
    stage.due();
    stage.check(&expect![[r#"
        3600.000 warning 1 -> dial 3;
        3600.000 hello 3 ->
        3610.000 lost 1 ->
        3660.000 refresh_requested 2 -> dial 4;
        3660.000 refresh_requested 3 -> dial 5;
        3660.000 refresh_requested 3 ->
        3660.000 hello 4 ->
        3660.000 lost 2 ->
        3660.000 hello 5 ->
        3690.000 due -> hang up 3;
    "#]]);
}

#[test]
fn what_was_lost_after_a_good_while_is_replaced_at_once() {
    let mut stage = Play::with_two();
    stage.wait(30);
    stage.lose(1);
    stage.lose(2);
    stage.greet(4);
    stage.greet(3);
    // Of lines that are gone nothing is heard any more.
    stage.lose(1);
    stage.greet(2);
    stage.part(1, Parting::Warning);
    stage.check(&expect![[r#"
        30.000 lost 1 -> dial 3;
        30.000 lost 2 -> dial 4;
        30.000 hello 4 ->
        30.000 hello 3 ->
        30.000 lost 1 ->
        30.000 hello 2 ->
        30.000 warning 1 ->
    "#]]);
}

#[test]
fn what_was_lost_soon_is_replaced_within_half_a_second() {
    let mut stage = Play::with_two();
    stage.wait(1);
    stage.lose(1);
    stage.lose(2);
    stage.due();
    stage.check(&expect![[r#"
        1.000 lost 1 ->
        1.000 lost 2 ->
        1.257 due -> dial 3; dial 4;
    "#]]);
}

#[test]
fn waits_double_and_end_at_half_a_minute_and_people_are_told_after_two() {
    let mut stage = Play::new();
    stage.event("another token", Event::Told(Token::Another));
    for round in 0..11 {
        stage.lose(2 * round + 1);
        stage.lose(2 * round + 2);
        stage.due();
        if stage.said.ends_with("trouble: no connection: reset;\n") {
            stage.due();
        }
    }
    stage.greet(23);
    stage.greet(24);
    stage.wait(40);
    stage.lose(23);
    stage.check(&expect![[r#"
        0.000 another token -> dial 1; dial 2;
        0.000 lost 1 ->
        0.000 lost 2 ->
        0.257 due -> dial 3; dial 4;
        0.257 lost 3 ->
        0.257 lost 4 ->
        0.911 due -> dial 5; dial 6;
        0.911 lost 5 ->
        0.911 lost 6 ->
        2.053 due -> dial 7; dial 8;
        2.053 lost 7 ->
        2.053 lost 8 ->
        5.138 due -> dial 9; dial 10;
        5.138 lost 9 ->
        5.138 lost 10 ->
        10.228 due -> dial 11; dial 12;
        10.228 lost 11 ->
        10.228 lost 12 ->
        25.837 due -> dial 13; dial 14;
        25.837 lost 13 ->
        25.837 lost 14 ->
        43.469 due -> dial 15; dial 16;
        43.469 lost 15 ->
        43.469 lost 16 ->
        62.321 due -> dial 17; dial 18;
        62.321 lost 17 ->
        62.321 lost 18 ->
        79.199 due -> dial 19; dial 20;
        79.199 lost 19 ->
        79.199 lost 20 ->
        105.051 due -> dial 21; dial 22;
        105.051 lost 21 ->
        105.051 lost 22 ->
        120.000 due -> trouble: no connection: reset;
        129.634 due -> dial 23; dial 24;
        129.634 hello 23 -> well;
        129.634 hello 24 ->
        169.634 lost 23 -> dial 25;
    "#]]);
}

#[test]
fn slacks_wish_for_a_slower_pace_is_obeyed_even_if_the_file_is_read_again() {
    let mut stage = Play::new();
    stage.event("another token", Event::Told(Token::Another));
    stage.greet(1);
    stage.throttle(2, 60);
    stage.event("same token", Event::Told(Token::Same));
    stage.wait(59);
    stage.event("due", Event::Due);
    stage.wait(1);
    stage.lose(1);
    stage.due();
    stage.check(&expect![[r#"
        0.000 another token -> dial 1; dial 2;
        0.000 hello 1 ->
        0.000 throttled 2 ->
        0.000 same token ->
        59.000 due ->
        60.000 lost 1 ->
        60.257 due -> dial 3; dial 4;
    "#]]);
}

#[test]
fn what_no_attempt_heals_is_told_once_and_tried_again_when_the_file_was_read() {
    let mut stage = Play::new();
    stage.event("another token", Event::Told(Token::Another));
    stage.refuse(1);
    stage.refuse(2);
    assert_eq!(stage.board.next_deadline(), None);
    stage.wait(86_400);
    stage.event("due", Event::Due);
    stage.event("same token", Event::Told(Token::Same));
    stage.refuse(3);
    stage.event("another token", Event::Told(Token::Another));
    stage.greet(5);
    stage.greet(6);
    stage.check(&expect![[r#"
        0.000 another token -> dial 1; dial 2;
        0.000 refused 1 -> hang up 2; trouble: invalid_auth;
        0.000 refused 2 ->
        86400.000 due ->
        86400.000 same token -> dial 3; dial 4;
        86400.000 refused 3 -> hang up 4;
        86400.000 another token -> dial 5; dial 6;
        86400.000 hello 5 -> well;
        86400.000 hello 6 ->
    "#]]);
}

#[test]
fn while_socket_mode_is_switched_off_slack_is_asked_every_few_minutes() {
    let mut stage = Play::with_two();
    stage.wait(100);
    stage.part(1, Parting::LinkDisabled);
    stage.part(2, Parting::LinkDisabled);
    stage.lose(1);
    stage.lose(2);
    stage.due();
    stage.part(3, Parting::LinkDisabled);
    stage.part(4, Parting::LinkDisabled);
    stage.due();
    stage.greet(5);
    stage.check(&expect![[r#"
        100.000 link_disabled 1 -> trouble: Socket Mode is switched off in the settings of the app;
        100.000 link_disabled 2 ->
        100.000 lost 1 ->
        100.000 lost 2 ->
        296.062 due -> dial 3; dial 4;
        296.062 link_disabled 3 -> hang up 3;
        296.062 link_disabled 4 -> hang up 4;
        527.440 due -> dial 5; dial 6;
        527.440 hello 5 -> well;
    "#]]);
}

#[test]
fn with_another_token_the_old_lines_serve_until_the_new_ones_do() {
    let mut stage = Play::with_two();
    stage.wait(5);
    stage.event("another token", Event::Told(Token::Another));
    assert_eq!(stage.board.serving(), 2);
    stage.greet(3);
    stage.event("another token", Event::Told(Token::Another));
    stage.greet(4);
    stage.greet(5);
    stage.greet(6);
    stage.event("no token", Event::Told(Token::Absent));
    assert_eq!(stage.board.serving(), 0);
    assert_eq!(stage.board.next_deadline(), None);
    stage.check(&expect![[r#"
        5.000 another token -> dial 3; dial 4;
        5.000 hello 3 ->
        5.000 another token -> hang up 4; dial 5; dial 6;
        5.000 hello 4 ->
        5.000 hello 5 ->
        5.000 hello 6 -> hang up 1; hang up 2; hang up 3;
        5.000 no token -> hang up 5; hang up 6;
    "#]]);
}

/// What the world does to the lines, at random.
fn happenings() -> impl Strategy<Value = Vec<(u64, u8, u64)>> {
    prop::collection::vec((0..40_000_u64, 0..12_u8, 0..4_u64), 1..200)
}

proptest! {
    /// Whatever happens: never more than two lines beside those that leave, none that serves is hung up before two others
    /// serve and Slack had the time to do it, no attempt before its time, and never more than one trouble without its end.
    #[test]
    fn whatever_happens(happenings in happenings(), seed in any::<u64>()) {
        let mut board = Switchboard::new(seed);
        let mut now = Tick::ZERO;
        let (mut open, mut serving): (Vec<LineId>, Vec<LineId>) = (Vec::new(), Vec::new());
        let mut announced = HashMap::new();
        let mut is_told = false;
        let mut not_before = Tick::ZERO;
        let begin = board.handle(now, Event::Told(Token::Another));
        open.extend(begin.iter().filter_map(|action| match action {
            Action::Dial(id) => Some(*id),
            Action::HangUp(_) | Action::Trouble(_) | Action::Well => None,
        }));
        for (millis, what, whom) in happenings {
            now = now + Duration::from_millis(millis);
            let id = open.get(usize::try_from(whom).unwrap()).copied().unwrap_or(LineId(0));
            let event = match what {
                0..=3 => Event::Greeted(id),
                4 | 5 => Event::Lost(id, Loss::Broken(String::from("x"))),
                6 => Event::Parting(id, Parting::Warning),
                7 => Event::Parting(id, Parting::LinkDisabled),
                8 => Event::Lost(id, Loss::Throttled(Duration::from_secs(20))),
                9 => Event::Told(Token::Same),
                _ => Event::Due,
            };
            match &event {
                Event::Parting(id, _) => {
                    announced.entry(*id).or_insert(now);
                }
                Event::Greeted(id) if open.contains(id) && !serving.contains(id) => serving.push(*id),
                Event::Lost(id, loss) => {
                    if matches!(loss, Loss::Throttled(_)) && open.contains(id) {
                        not_before = now + Duration::from_secs(20);
                    }
                    open.retain(|known| known != id);
                    serving.retain(|known| known != id);
                }
                Event::Due | Event::Told(_) | Event::Greeted(_) => {}
            }
            for action in board.handle(now, event) {
                match action {
                    Action::Dial(id) => {
                        prop_assert!(now >= not_before);
                        prop_assert!(!open.contains(&id));
                        open.push(id);
                    }
                    Action::HangUp(id) => {
                        if serving.contains(&id) {
                            prop_assert!(serving.len() > LINES);
                            let has_lingered = announced.get(&id).is_some_and(|at| now.since(*at) >= LINGERS);
                            prop_assert!(has_lingered || serving.len() > LINGERING_MAX);
                        }
                        open.retain(|known| *known != id);
                        serving.retain(|known| *known != id);
                    }
                    Action::Trouble(_) => {
                        is_told = true;
                    }
                    Action::Well => {
                        prop_assert!(is_told && !serving.is_empty());
                        is_told = false;
                    }
                }
            }
            prop_assert_eq!(board.serving(), serving.len());
            prop_assert!(board.lines.len() <= LINES + LINGERING_MAX);
            // Somebody always knows when to go on.
            prop_assert!(serving.len() >= LINES || open.len() >= LINES || board.next_deadline().is_some());
        }
    }
}
