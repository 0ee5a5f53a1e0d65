//! Which lines of the program made an allocation: the part of a stack that any two profilers
//! must agree on, however they name functions and whichever frames of the runtime they keep.
//!
//! The program is the fixtures' workloads and the crates they use. The standard library, the
//! C library, the profiler itself and the programs' own `main` are not: there the profilers'
//! binaries differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::dhat_json::{Counters, Point, Report};

/// Source files of the program, each by the last three components of its path: all that
/// dhat-rs keeps of one.
#[derive(Debug)]
pub(crate) struct UserFiles(BTreeSet<String>);

/// One line of the program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    file: String,
    line: u32,
}

/// The program's lines in a stack, innermost first. Empty: the runtime's own allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UserStack(pub(crate) Vec<Line>);

/// The sites of a report, by the program's lines in their stacks. One line may be the place
/// of several calls (instances of a generic function, arms of a `match`), so what is behind
/// equal lines is kept apart by the addresses, which mean something in one binary only.
pub(crate) type Sites = BTreeMap<UserStack, BTreeMap<Vec<String>, Counters>>;

impl UserFiles {
    /// The program's files that a report shows. It is one of Valgrind's, told to keep whole
    /// paths, or one of ours.
    ///
    /// # Panics
    /// If one of them cannot be told from a file of the standard library by the end of its path.
    pub(crate) fn of(report: &Report) -> Self {
        let places = || report.frames.iter().filter_map(|frame| Place::parse(frame));
        let (user, other): (Vec<_>, Vec<_>) = places().partition(Place::is_program);
        let user: BTreeSet<_> = user.iter().map(Place::file).collect();
        for place in other {
            assert!(!user.contains(&place.file()), "{} could be the program's too", place.path);
        }
        Self(user)
    }

    /// A report's points, added up by the program's lines in their stacks.
    pub(crate) fn sites(&self, report: &Report) -> Sites {
        self.sites_of(report, |_| true)
    }

    /// Likewise, without the blocks that the C library allocated for itself outside the
    /// program: Valgrind sees those too, a Rust allocator does not.
    pub(crate) fn rust_sites(&self, report: &Report) -> Sites {
        self.sites_of(report, |point| {
            let mut frames = report.stack(point);
            frames.any(|frame| self.place(frame).is_some() || is_rust_allocation(frame))
        })
    }

    fn sites_of(&self, report: &Report, choose: impl Fn(&Point) -> bool) -> Sites {
        let frames: Vec<_> = report.frames.iter().map(|frame| self.place(frame)).collect();
        let mut sites = Sites::new();
        for point in report.points.iter().filter(|point| choose(point)) {
            let places = point.stack.iter().filter_map(|index| frames[*index].as_ref());
            let (lines, addresses) = places.cloned().unzip();
            *sites.entry(UserStack(lines)).or_default().entry(addresses).or_default() +=
                point.counters;
        }
        sites
    }

    fn place(&self, frame: &str) -> Option<(Line, String)> {
        let place = Place::parse(frame)?;
        let file = place.file();
        let known = self.0.contains(&file);
        known.then(|| (Line { file, line: place.line }, place.address.to_owned()))
    }
}

/// True if a frame is in the standard library's file with the calls of Rust's allocator.
fn is_rust_allocation(frame: &str) -> bool {
    Place::parse(frame).is_some_and(|place| place.path.ends_with("alloc/src/alloc.rs"))
}

/// The words of a frame besides the function's name.
struct Place<'a> {
    address: &'a str,
    path: &'a str,
    /// 0: not known.
    line: u32,
}

impl<'a> Place<'a> {
    /// A frame reads `0xADDRESS: function (path:line:column)`; Valgrind leaves the column out,
    /// we what is not known. `(in /path/of/object)` is not a place in a source file.
    fn parse(frame: &'a str) -> Option<Self> {
        let (address, rest) = frame.split_once(": ")?;
        let (_, place) = rest.strip_suffix(')')?.rsplit_once(" (")?;
        if place.starts_with("in ") {
            return None;
        }
        let mut parts = place.split(':');
        let path = parts.next()?;
        let line = parts.next().map_or(Some(0), |line| line.parse().ok())?;
        Some(Self { address, path, line })
    }

    /// In the fixtures, but not in a program's own `main`; or in a crate of the registry,
    /// which we show from the crate's folder on: `name-1.2.3/src/lib.rs`.
    fn is_program(&self) -> bool {
        if self.path.contains("/programs/src/") {
            return !self.path.contains("/programs/src/bin/");
        }
        let (folder, _) = self.path.split_once('/').unwrap_or_default();
        let version = folder.rsplit_once('-').map(|(_, version)| version);
        let is_crate = version.is_some_and(|version| version.starts_with(|c: char| c.is_numeric()));
        is_crate || self.path.contains("/registry/src/")
    }

    fn file(&self) -> String {
        let components: Vec<_> = self.path.split('/').collect();
        components[components.len().saturating_sub(3)..].join("/")
    }
}

impl fmt::Display for UserStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("[runtime]");
        }
        for (index, Line { file, line }) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { " < " };
            write!(f, "{separator}{file}:{line}")?;
        }
        Ok(())
    }
}
