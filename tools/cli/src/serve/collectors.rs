//! The collectors that ask for differences: each has those since its own last answer.
//!
//! A collector is known by `?client=NAME`, or else by its address and its `User-Agent`. The number
//! of collectors is bounded: the one that has been silent for the longest is forgotten for a new
//! one, and its next answer is of the whole run again.

use std::time::{Duration, Instant};

use super::http::{Client, Request};

/// Most collectors that are known at once.
pub(super) const MOST: usize = 16;
/// The silence after which a collector is not expected to come back: an ended process is kept
/// for it no longer.
const LONGEST_SILENCE: Duration = Duration::from_secs(600);

/// The name of a collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Collector {
    /// One that asks: its name, or what tells it from others.
    Asking(String),
    /// The one that profiles are pushed to.
    Pushed,
}

impl Collector {
    /// The one that asks.
    pub(super) fn of(request: &Request, client: &Client<'_>) -> Self {
        if let Some(name) = request.value("client") {
            return Self::Asking(format!("client {name}"));
        }
        let address = client.address().map(|address| address.to_string()).unwrap_or_default();
        let agent = request.user_agent.as_deref().unwrap_or_default();
        Self::Asking(format!("at {address} {agent}"))
    }
}

/// A value for each collector, the latest to ask last.
#[derive(Debug)]
pub(super) struct ByCollector<T>(Vec<(Collector, T)>);

impl<T> Default for ByCollector<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByCollector<T> {
    pub(super) fn get(&self, collector: &Collector) -> Option<&T> {
        self.0.iter().find(|(known, _)| known == collector).map(|(_, value)| value)
    }

    pub(super) fn set(&mut self, collector: Collector, value: T) {
        self.0.retain(|(known, _)| *known != collector);
        // The one that is pushed to is silent only while it cannot be reached.
        let silent = self.0.iter().position(|(known, _)| *known != Collector::Pushed);
        if self.0.len() >= MOST
            && let Some(silent) = silent
        {
            self.0.remove(silent);
        }
        self.0.push((collector, value));
    }
}

/// The moments of the collectors' latest requests.
pub(super) type Asked = ByCollector<Instant>;

impl Asked {
    /// Those that are expected to ask again.
    pub(super) fn expected(&self, now: Instant) -> Vec<Collector> {
        let is_expected = |at: &Instant| now.duration_since(*at) < LONGEST_SILENCE;
        let expected = self.0.iter().filter(|(_, at)| is_expected(at));
        expected.map(|(collector, _)| collector.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: usize) -> Collector {
        Collector::Asking(name.to_string())
    }

    #[test]
    fn the_one_that_is_silent_for_the_longest_is_forgotten() {
        let mut all = ByCollector::default();
        (0..MOST).for_each(|name| all.set(named(name), name));
        all.set(named(0), 100);
        all.set(named(MOST), MOST);
        assert_eq!((all.get(&named(0)), all.get(&named(1))), (Some(&100), None));
        assert_eq!(all.0.len(), MOST);
    }

    #[test]
    fn the_one_that_is_pushed_to_is_never_forgotten() {
        let mut all = ByCollector::default();
        all.set(Collector::Pushed, 7);
        (0..2 * MOST).for_each(|name| all.set(named(name), name));
        assert_eq!((all.get(&Collector::Pushed), all.0.len()), (Some(&7), MOST));
    }

    #[test]
    fn a_silent_collector_is_not_expected_for_ever() {
        let start = Instant::now();
        let mut asked = Asked::default();
        asked.set(named(1), start);
        asked.set(named(2), start + Duration::from_secs(1));
        assert_eq!(asked.expected(start + LONGEST_SILENCE), [named(2)]);
        assert_eq!(asked.expected(start + Duration::from_secs(2)).len(), 2);
    }
}
