//! Tables one after another on standard output, for scripts and files.

use std::io::{self, Write};
use std::time::Duration;

use crate::base::{glyphs, output, terminal};

use super::board::Board;
use super::hangup;
use super::json;
use super::text;
use crate::watched::{Source, State};

/// The form of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For reading
    Text,
    /// One JSON object per line and table
    Json,
}

/// The tables to write.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    pub(super) format: Format,
    /// Sites in a table.
    pub(super) top: usize,
    /// Tables; `None`: until the process ends.
    pub(super) count: Option<u64>,
    pub(super) interval: Duration,
}

impl Stream {
    /// Writes the table of `board`, and more of `source`.
    pub(super) fn run(
        &self,
        board: &mut Board,
        source: &mut dyn Source,
        out: &mut dyn Write,
    ) -> Result<(), String> {
        let mut written = 0;
        loop {
            board.name_first(self.top);
            match self.write(board, written, out).and_then(|()| out.flush()) {
                Ok(()) => written += 1,
                // Its reader wants no more.
                Err(error) if output::is_gone(&error) => return Ok(()),
                Err(error) => return Err(format!("standard output: {error}")),
            }
            if self.count.is_some_and(|count| written >= count)
                || matches!(board.state, State::Ended(_))
            {
                return Ok(());
            }
            if hangup::pause(self.interval) {
                return Ok(());
            }
            board.take(source.read()?);
        }
    }

    fn write(&self, board: &Board, before: u64, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            Format::Json => json::write(board, self.top, out),
            Format::Text => {
                if before > 0 {
                    writeln!(out)?;
                }
                let width = terminal::width_of_window();
                text::write(board, self.top, width, &mut glyphs::Shown(out))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::readings::Sort;
    use super::super::testing::{reading, with_sites};
    use super::*;
    use crate::watched::Reading;
    use mod_alloc::report::Options;

    /// Gives readings until the process has ended.
    struct Readings(Vec<Reading>);

    impl Source for Readings {
        fn read(&mut self) -> Result<Reading, String> {
            if self.0.is_empty() { Err("no more".into()) } else { Ok(self.0.remove(0)) }
        }
    }

    fn written(count: Option<u64>, mut more: Vec<Reading>) -> (Result<(), String>, String) {
        if let Some(last) = more.last_mut() {
            last.state = State::Ended("the process has ended".into());
        }
        let first = reading(with_sites(&[(100, 1)]), 0.0);
        let mut board = Board::new(first, Sort::Live, "", Options::default());
        let interval = Duration::ZERO;
        let stream = Stream { format: Format::Json, top: 5, count, interval };
        let mut out = Vec::new();
        let result = stream.run(&mut board, &mut Readings(more), &mut out);
        (result, String::from_utf8(out).unwrap())
    }

    fn more() -> Vec<Reading> {
        vec![reading(with_sites(&[(200, 2)]), 1.0), reading(with_sites(&[(500, 3)]), 2.0)]
    }

    #[test]
    fn as_many_tables_as_asked_for_and_no_more_than_there_are() {
        for (count, lines) in [(Some(1), 1), (Some(2), 2), (Some(9), 3), (None, 3)] {
            let (result, text) = written(count, more());
            assert_eq!((result, text.lines().count()), (Ok(()), lines), "{count:?}");
        }
        assert_eq!(written(None, Vec::new()).0, Err("no more".into()));
    }

    #[test]
    fn rates_are_since_the_table_before() {
        let (_, text) = written(None, more());
        let rates: Vec<f64> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|table| table["bytes_per_second"].as_f64().unwrap())
            .collect();
        assert_eq!(rates[1..], [100.0, 300.0]);
    }

    /// Fails as a closed pipe does.
    struct Closed(io::ErrorKind);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_an_end_and_a_full_disk_an_error() {
        let end = |kind| {
            let first = reading(with_sites(&[(100, 1)]), 0.0);
            let mut board = Board::new(first, Sort::Live, "", Options::default());
            let interval = Duration::ZERO;
            let stream = Stream { format: Format::Text, top: 5, count: None, interval };
            stream.run(&mut board, &mut Readings(Vec::new()), &mut Closed(kind))
        };
        assert_eq!(end(io::ErrorKind::BrokenPipe), Ok(()));
        assert!(end(io::ErrorKind::StorageFull).unwrap_err().starts_with("standard output: "));
    }
}
