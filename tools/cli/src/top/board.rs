//! The watched process at the moment: the latest reading, its rows as they are
//! sorted and filtered, and what was seen before.

use std::collections::HashMap;
use std::ops::Range;

use mod_alloc::recording::model::Recording;
use mod_alloc::report::Options;

use super::history::History;
use super::names::Names;
use super::readings::{self, Numbers, Rates, Row, Sort};
use crate::watched::{Reading, State};

/// The latest reading, arranged.
pub(super) struct Board {
    options: Options,
    pub(super) recording: Recording,
    pub(super) state: State,
    pub(super) names: Names,
    pub(super) history: History,
    /// The sums over all sites, shown or not.
    pub(super) total: Numbers,
    /// The sites as they are shown.
    pub(super) shown: Vec<Row>,
    /// All sites, sorted.
    rows: Vec<Row>,
    rates: Rates,
    sort: Sort,
    filter: String,
}

impl Board {
    /// With the first reading.
    pub(super) fn new(first: Reading, sort: Sort, filter: &str, options: Options) -> Self {
        let mut board = Self {
            names: Names::new(&first.recording, &options),
            options,
            recording: Recording::default(),
            state: State::Running,
            history: History::default(),
            total: Numbers::default(),
            shown: Vec::new(),
            rows: Vec::new(),
            rates: Rates::default(),
            sort,
            filter: String::new(),
        };
        board.set_filter(filter);
        board.take(first);
        board
    }

    /// Takes a reading over.
    pub(super) fn take(&mut self, reading: Reading) {
        let Reading { recording, state, at, is_another } = reading;
        if is_another {
            self.names = Names::new(&recording, &self.options);
            self.names.set_filter(&self.filter);
            self.rates = Rates::default();
            self.history = History::default();
        }
        self.names.update(&recording);
        self.rows = self.rates.rows(&recording, at);
        self.total = readings::sum(&self.rows);
        self.history.add(recording.end_micros, self.total.counters.end_bytes);
        self.recording = recording;
        self.state = state;
        self.arrange();
    }

    pub(super) fn sort(&self) -> Sort {
        self.sort
    }

    pub(super) fn set_sort(&mut self, sort: Sort) {
        self.sort = sort;
        self.arrange();
    }

    pub(super) fn filter(&self) -> &str {
        &self.filter
    }

    /// Shows only sites with `text` in a frame, from when they are named.
    pub(super) fn set_filter(&mut self, text: &str) {
        self.filter = text.to_owned();
        self.names.set_filter(text);
        self.arrange();
    }

    /// The number of sites that have allocated.
    pub(super) fn sites(&self) -> usize {
        self.rows.len()
    }

    /// The number of sites that the filter cannot be asked about yet.
    pub(super) fn unnamed(&self) -> usize {
        if !self.names.has_filter() {
            return 0;
        }
        self.rows.iter().filter(|row| !self.names.knows(row.frame)).count()
    }

    /// Names what is needed to show the rows of `window`, while `goes_on` says so. Returns whether
    /// nothing is left to do.
    pub(super) fn name(&mut self, window: Range<usize>, goes_on: &mut dyn FnMut() -> bool) -> bool {
        let wanted: Vec<u32> = if self.names.has_filter() {
            self.rows.iter().map(|row| row.frame).collect()
        } else {
            let end = window.end.min(self.shown.len());
            self.shown[window.start.min(end)..end].iter().map(|row| row.frame).collect()
        };
        let mut changed = false;
        let mut done = true;
        for frame in wanted {
            if self.names.knows(frame) {
                continue;
            }
            if !goes_on() {
                done = false;
                break;
            }
            self.names.name(&self.recording, frame);
            changed |= self.names.has_filter() || self.names.shown_as(frame) != frame;
        }
        if changed {
            self.arrange();
        }
        done
    }

    /// Names what is needed to show the first `count` rows, however long it takes.
    pub(super) fn name_first(&mut self, count: usize) {
        // Rows that turn out to be equal become one, and others move up.
        while self.shown.iter().take(count).any(|row| !self.names.knows(row.frame))
            || self.unnamed() > 0
        {
            self.name(0..count, &mut || true);
        }
    }

    fn arrange(&mut self) {
        readings::sort(&mut self.rows, self.sort);
        let mut places: HashMap<u32, usize> = HashMap::new();
        let mut shown: Vec<Row> = Vec::new();
        for row in &self.rows {
            if self.names.shows(row.frame) != Some(true) {
                continue;
            }
            let frame = self.names.shown_as(row.frame);
            let place = *places.entry(frame).or_insert(shown.len());
            match shown.get_mut(place) {
                Some(same) => same.numbers.add(&row.numbers),
                None => shown.push(Row { frame, numbers: row.numbers }),
            }
        }
        if shown.len() < self.rows.len() {
            readings::sort(&mut shown, self.sort); // what was added up may be greater now
        }
        self.shown = shown;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{reading, recording, with_sites};
    use super::*;
    use mod_alloc::recording::model::Site;

    fn board(recording: Recording) -> Board {
        Board::new(reading(recording, 0.0), Sort::Live, "", Options::default())
    }

    fn shown_bytes(board: &Board) -> Vec<u64> {
        board.shown.iter().map(|row| row.numbers.counters.end_bytes).collect()
    }

    #[test]
    fn rows_are_sorted_anew_by_each_reading_and_order() {
        let mut board = board(with_sites(&[(10, 300), (30, 200), (20, 100)]));
        assert_eq!(shown_bytes(&board), [30, 20, 10]);
        board.set_sort(Sort::LiveBlocks);
        assert_eq!(shown_bytes(&board), [10, 30, 20]);
        board.take(reading(with_sites(&[(10, 300), (30, 400), (20, 100)]), 1.0));
        assert_eq!(shown_bytes(&board), [30, 10, 20]);
        assert_eq!(board.total.counters.end_bytes, 60);
        assert_eq!(board.total.blocks_per_second, 200.0);
    }

    #[test]
    fn a_filter_shows_what_was_named_and_the_sums_stay_whole() {
        let mut board = board(recording());
        board.set_filter("0x3000:");
        assert_eq!((board.shown.len(), board.unnamed()), (0, 7));
        let mut left = 3;
        let goes_on = &mut || {
            left -= 1;
            left >= 0
        };
        assert!(!board.name(0..1, goes_on));
        assert_eq!((board.shown.len(), board.unnamed()), (1, 4));
        assert!(board.name(0..1, &mut || true));
        assert_eq!((shown_bytes(&board), board.unnamed()), (vec![5_000_000], 0));
        assert_eq!(board.total.counters.end_bytes, 28_000_000);
        board.set_filter("");
        assert_eq!(board.shown.len(), 7);
    }

    #[test]
    fn only_the_rows_in_sight_are_named() {
        let mut board = board(recording());
        assert!(board.name(2..4, &mut || true));
        let named: Vec<bool> = board.shown.iter().map(|row| board.names.knows(row.frame)).collect();
        assert_eq!(named, [false, false, true, true, false, false, false]);
        assert!(board.name(6..99, &mut || true));
        assert!(board.name(50..99, &mut || true));
    }

    #[test]
    fn equal_stacks_become_one_row() {
        let mut recording = with_sites(&[(10, 1), (15, 1), (8, 1)]);
        // The first site's place once more, in another generation of the module list.
        recording.modules[0].generations = (0, 1);
        let mut twin = recording.frames[recording.sites[0].frame as usize];
        twin.generation = 1;
        recording.frames.push(twin);
        let frame = u32::try_from(recording.frames.len() - 1).unwrap();
        let counters = super::super::testing::counters(9, 1);
        recording.sites.push(Site { frame, counters });
        let mut board = board(recording);
        assert_eq!(shown_bytes(&board), [15, 10, 9, 8]);
        board.name_first(2);
        assert_eq!(shown_bytes(&board), [15, 10, 9, 8], "the twin was not asked for");
        board.name_first(3);
        assert_eq!(shown_bytes(&board), [19, 15, 8]);
        assert_eq!(board.sites(), 4);
    }

    #[test]
    fn another_recording_begins_anew() {
        let mut board = board(with_sites(&[(10, 1)]));
        board.name_first(1);
        board.set_filter("app");
        let mut other = reading(with_sites(&[(10, 1)]), 5.0);
        other.recording.end_micros = 2_000_000;
        other.is_another = true;
        board.take(other);
        assert_eq!(board.unnamed(), 1, "named by another program");
        assert_eq!(board.total.bytes_per_second, 5.0);
        assert_eq!(board.history.samples().len(), 1);
        board.name_first(1);
        assert_eq!(board.shown.len(), 1, "the filter stays");
    }
}
