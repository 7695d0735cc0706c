//! What a beat means, and what its absence means.

use std::time::Duration;

use crate::model::{
    Failure, FailureClass, FailureKind, Outcome, Timestamp,
    heartbeat::{Beat, HeartbeatQuestion},
    text::span,
};

/// What a beat means that came.
pub fn of_beat(beat: &Beat) -> Outcome {
    let Some(said) = &beat.failure else {
        return Outcome::Healthy;
    };
    let words = if said.is_empty() {
        String::from("it reported a failure")
    } else {
        format!("it reported a failure: {said}")
    };
    Outcome::Unhealthy(Failure {
        class: FailureClass::Explicit,
        kind: FailureKind::SaysDown,
        words,
    })
}

/// What it means that no beat came in time.
pub fn missed(question: &HeartbeatQuestion, last: Option<Timestamp>, now: Timestamp) -> Outcome {
    let silence = match last {
        Some(last) => {
            // Whole seconds: a deadline is met some moments after it.
            let silence = Duration::from_secs(now.since(last).as_secs());
            format!("no beat for {}", span(silence))
        }
        None => String::from("no beat yet"),
    };
    Outcome::Unhealthy(Failure {
        class: FailureClass::Explicit,
        kind: FailureKind::Missed,
        words: format!(
            "{silence} (expected every {}, grace {})",
            span(question.every),
            span(question.grace)
        ),
    })
}

/// How long to wait for the next beat after a start, or after anything else that kept us from listening until `now`.
///
/// A beat is in time from `grace` before it is due until `grace` after. If that window began before we listened, the beat
/// may have come unheard, and only the next one can be missed; else the wait goes on as if nothing had happened.
pub fn wait_from_start(
    question: &HeartbeatQuestion,
    last: Option<Timestamp>,
    now: Timestamp,
) -> Duration {
    let patience = question.patience();
    let Some(last) = last else {
        return patience;
    };
    let listened_from = last + question.every;
    if listened_from <= now + question.grace {
        return patience;
    }
    (last + patience).since(now).min(patience)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    const HOUR: Duration = Duration::from_hours(1);
    const GRACE: Duration = Duration::from_mins(5);

    fn question() -> HeartbeatQuestion {
        HeartbeatQuestion {
            every: HOUR,
            grace: GRACE,
            token: Secret::new("a-token-of-many-characters"),
        }
    }

    #[test]
    fn a_start_waits_as_long_as_a_beat_may_have_come_unheard() {
        let last = Timestamp::from_millis(1_800_000_000_000);
        let minute = Duration::from_mins(1);
        for (after_last, wait) in [
            // A restart in the middle of the hour changes nothing.
            (minute * 20, minute * 45),
            (minute * 54, minute * 11),
            // From here on the beat may have come while nobody listened.
            (minute * 55, minute * 65),
            (minute * 62, minute * 65),
            (HOUR * 48, minute * 65),
        ] {
            let found = wait_from_start(&question(), Some(last), last + after_last);
            assert_eq!(found, wait, "{after_last:?} after the last beat");
        }
        assert_eq!(wait_from_start(&question(), None, last), HOUR + GRACE);
        // A wall clock that was moved back cannot make anybody wait for longer than from the beginning.
        assert_eq!(
            wait_from_start(&question(), Some(last + HOUR * 99), last),
            HOUR + GRACE
        );
    }

    #[test]
    fn words_say_what_was_expected() {
        let last = Timestamp::from_millis(1_800_000_000_000);
        let now = last + HOUR + GRACE + Duration::from_millis(700);
        let words = |outcome| match outcome {
            Outcome::Unhealthy(failure) => failure.words,
            Outcome::Healthy | Outcome::Degraded(_) | Outcome::Unobservable(_) => String::new(),
        };
        assert_eq!(
            words(missed(&question(), Some(last), now)),
            "no beat for 1 h 5 min (expected every 1 h, grace 5 min)"
        );
        assert_eq!(
            words(missed(&question(), None, now)),
            "no beat yet (expected every 1 h, grace 5 min)"
        );
        let failure = |said: &str| {
            words(of_beat(&Beat {
                at: last,
                failure: Some(said.to_owned()),
            }))
        };
        assert_eq!(failure(""), "it reported a failure");
        assert_eq!(failure("disk full"), "it reported a failure: disk full");
    }
}
