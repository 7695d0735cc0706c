//! Many questions to one store: a few at a time, and what was answered in time is kept when the rest was not.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};

use crate::model::logs::{LogFault, LogFaultKind};

/// So many questions are under way at a time: more would be a load of our own on a store that is in trouble.
const AT_ONCE: usize = 6;
/// All questions together may take so many fifths of what the round has, so that one slow question does not take the
/// answers to the others with it.
const FIFTHS: u32 = 4;

/// How long the questions of a round may take that has to be over within `round`.
pub(super) fn limit_of(round: Duration) -> Duration {
    round * FIFTHS / 5
}

/// Asks about each item, and gives the answers in the order of the items: before `round` is over, whatever was answered.
pub(super) async fn each<'a, I, T, F>(
    round: Duration,
    items: &'a [I],
    ask: impl Fn(&'a I) -> F,
) -> Vec<Result<T, LogFault>>
where
    F: Future<Output = Result<T, LogFault>>,
{
    each_within(limit_of(round), items, ask).await
}

async fn each_within<'a, I, T, F>(
    limit: Duration,
    items: &'a [I],
    ask: impl Fn(&'a I) -> F,
) -> Vec<Result<T, LogFault>>
where
    F: Future<Output = Result<T, LogFault>>,
{
    let mut answers: Vec<Option<Result<T, LogFault>>> = items.iter().map(|_| None).collect();
    // Nothing is asked before it is polled.
    let questions: Vec<F> = items.iter().map(ask).collect();
    let numbered = questions
        .into_iter()
        .enumerate()
        .map(|(place, question)| async move { (place, question.await) });
    let asking = async {
        let mut asked = stream::iter(numbered).buffer_unordered(AT_ONCE);
        while let Some((place, answer)) = asked.next().await {
            answers[place] = Some(answer);
        }
    };
    // What is missing in the answers tells whether it was late.
    let _ = tokio::time::timeout(limit, asking).await;
    answers
        .into_iter()
        .map(|answer| answer.unwrap_or_else(|| Err(late(limit))))
        .collect()
}

fn late(limit: Duration) -> LogFault {
    LogFault::new(
        LogFaultKind::Unreachable,
        format!("no answer within {}", humantime::format_duration(limit)),
    )
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[tokio::test]
    async fn one_that_hangs_takes_no_other_with_it() {
        let limit = Duration::from_millis(100);
        let answers = each_within(limit, &[0, 1, 2, 3, 4, 5], |number| async move {
            if *number == 2 {
                pending::<()>().await;
            }
            Ok(*number)
        })
        .await;
        let words: Vec<_> = answers
            .iter()
            .map(|answer| {
                answer
                    .as_ref()
                    .map_or_else(|fault| fault.words.clone(), ToString::to_string)
            })
            .collect();
        assert_eq!(words, ["0", "1", "no answer within 100ms", "3", "4", "5"]);
    }

    /// The round of a source with a short `timeout:` is over sooner, and what was answered has to be there by then.
    #[tokio::test]
    async fn a_short_round_gets_its_answers_in_time() {
        let round = Duration::from_millis(200);
        let asking = each(round, &[0, 1], |number| async move {
            if *number == 1 {
                pending::<()>().await;
            }
            Ok(*number)
        });
        let answers = tokio::time::timeout(round, asking).await.unwrap();
        assert_eq!(answers[0], Ok(0));
        assert!(answers[1].is_err());
    }

    #[tokio::test]
    async fn only_a_few_at_a_time() {
        let (under_way, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let answers = each(Duration::from_secs(5), &[(); 40], |()| async {
            let now = under_way.fetch_add(1, Ordering::Relaxed) + 1;
            most.fetch_max(now, Ordering::Relaxed);
            tokio::task::yield_now().await;
            under_way.fetch_sub(1, Ordering::Relaxed);
            Ok(())
        })
        .await;
        assert_eq!(answers, vec![Ok(()); 40]);
        assert_eq!(most.into_inner(), AT_ONCE);
    }
}
