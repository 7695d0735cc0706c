//! Whether answers reach Slack: one that does not is bad luck, several over minutes are a trouble of ours.

use std::time::Duration;

use crate::model::Tick;

/// For so long nothing may have got through before it is told.
const LASTING: Duration = Duration::from_mins(2);
/// At least so many answers in a row have to be lost; a single person who asks at a bad moment is no trouble.
const LOST_MIN: u32 = 3;

/// What was lost since the last answer that got through.
#[derive(Default, Debug)]
pub struct Losses {
    since: Option<Tick>,
    lost: u32,
    is_told: bool,
}

/// What changes for those who run hekate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum News {
    /// Nothing gets through any more.
    Begun,
    /// It does again.
    Over,
}

impl Losses {
    /// An answer got through.
    pub(super) fn arrived(&mut self) -> Option<News> {
        let before = std::mem::take(self);
        before.is_told.then_some(News::Over)
    }

    /// An answer was lost on its way, for a reason that is not its own.
    pub(super) fn lost(&mut self, now: Tick) -> Option<News> {
        let since = *self.since.get_or_insert(now);
        self.lost = self.lost.saturating_add(1);
        let is_lasting = self.lost >= LOST_MIN && now.since(since) >= LASTING;
        let is_news = is_lasting && !self.is_told;
        self.is_told |= is_lasting;
        is_news.then_some(News::Begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Tick {
        Tick::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn what_lasts_is_told_once_and_so_is_its_end() {
        let mut losses = Losses::default();
        assert_eq!(losses.lost(at(0)), None);
        assert_eq!(losses.lost(at(10)), None);
        assert_eq!(losses.lost(at(119)), None, "it does not last yet");
        assert_eq!(losses.lost(at(120)), Some(News::Begun));
        assert_eq!(losses.lost(at(900)), None, "it is told");
        assert_eq!(losses.arrived(), Some(News::Over));
        assert_eq!(losses.arrived(), None);
    }

    #[test]
    fn one_that_gets_through_makes_up_for_all_before() {
        let mut losses = Losses::default();
        for round in 0..5 {
            assert_eq!(losses.lost(at(round * 200)), None);
            assert_eq!(losses.lost(at(round * 200 + 130)), None, "two are bad luck");
            assert_eq!(losses.arrived(), None);
        }
    }
}
