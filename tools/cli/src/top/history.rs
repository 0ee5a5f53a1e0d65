//! The heap over time, as far as it was watched.

/// Most samples that are kept: more than a wide terminal has columns, and not more than are
/// drawn at once.
/// Even, because pairs are made of them.
const MOST: usize = 2048;

/// Live bytes at some moments.
#[derive(Debug)]
pub(super) struct History {
    /// Seconds since recording began, and live bytes.
    samples: Vec<(f64, f64)>,
    /// Readings that a sample stands for: the latest of their moments, the greatest of
    /// their sizes, so that a view of hours still shows its peaks.
    step: usize,
    /// Readings that the last sample stands for already.
    last: usize,
}

impl Default for History {
    fn default() -> Self {
        Self { samples: Vec::new(), step: 1, last: 1 }
    }
}

impl History {
    /// Adds a reading.
    pub(super) fn add(&mut self, micros: u64, live_bytes: u64) {
        let sample = (micros as f64 / 1e6, live_bytes as f64);
        if let Some(last) = self.samples.last_mut()
            && self.last < self.step
        {
            *last = greater(*last, sample);
            self.last += 1;
            return;
        }
        if self.samples.len() == MOST {
            self.samples = self.samples.chunks(2).map(|two| greater(two[0], two[1])).collect();
            self.step *= 2;
        }
        self.samples.push(sample);
        self.last = 1;
    }

    /// The samples, the oldest first.
    pub(super) fn samples(&self) -> &[(f64, f64)] {
        &self.samples
    }

    /// The first and the last moment.
    pub(super) fn span(&self) -> [f64; 2] {
        let moment = |sample: Option<&(f64, f64)>| sample.map_or(0.0, |sample| sample.0);
        [moment(self.samples.first()), moment(self.samples.last())]
    }

    /// The most live bytes that were seen.
    pub(super) fn most(&self) -> f64 {
        self.samples.iter().map(|sample| sample.1).fold(0.0, f64::max)
    }
}

/// Two neighbours as one.
fn greater(earlier: (f64, f64), later: (f64, f64)) -> (f64, f64) {
    (later.0, earlier.1.max(later.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_history_keeps_its_span_and_its_peaks() {
        let mut history = History::default();
        for second in 0..100_000 {
            history.add(second * 1_000_000, if second == 54_321 { 9_999 } else { second % 7 });
        }
        assert!(history.samples().len() <= MOST);
        assert!(history.samples().len() > MOST / 4);
        assert_eq!(history.most(), 9_999.0);
        let [first, last] = history.span();
        assert!(first < 100.0 && last > 99_900.0, "{first} {last}");
        let gaps = history.samples().windows(2).map(|pair| pair[1].0 - pair[0].0);
        let (least, most) =
            gaps.fold((f64::MAX, 0.0_f64), |(least, most), gap| (least.min(gap), most.max(gap)));
        assert!(least >= 0.0 && most <= 64.0, "even all the way: {least} to {most}");
    }

    #[test]
    fn a_short_history_keeps_every_reading() {
        let mut history = History::default();
        history.add(5_000_000, 1);
        history.add(6_000_000, 2);
        assert_eq!(history.samples(), [(5.0, 1.0), (6.0, 2.0)]);
        assert_eq!((history.span(), history.most()), ([5.0, 6.0], 2.0));
    }
}
