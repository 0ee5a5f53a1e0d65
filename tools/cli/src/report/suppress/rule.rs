//! A suppression: the stacks that it fits.

use serde::Serialize;

use crate::dhat_file::{Frame, Location, Numbers};
use crate::origin::is_entrance;

use super::pattern::Pattern;

/// A suppression.
#[derive(Debug)]
pub(super) struct Rule {
    /// The words for what is suppressed.
    pub(super) name: String,
    /// The line of a file that it was read from; `None`: it is built in.
    pub(super) pattern: Option<String>,
    pub(super) stacks: Stacks,
    pub(super) most: Most,
}

/// The stacks that a rule fits.
#[derive(Debug)]
pub(super) enum Stacks {
    /// Those with a frame whose function, file or module is so.
    With(Pattern),
    /// Those that begin so, innermost first.
    Beginning(Vec<Step>),
    /// Those of a library's own.
    Known(fn(&[Frame<'_>]) -> bool),
}

/// A line of a stack in a suppression of Valgrind's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `fun:`
    Function(Pattern),
    /// `obj:`
    Module(Pattern),
    /// `src:`, with the line, if it has one.
    File(Pattern, Option<u32>),
    /// `...`: any number of frames.
    Any,
}

/// The most blocks that a rule may suppress in a process. What is more is a leak.
#[derive(Debug, Clone, Copy)]
pub(super) enum Most {
    Any,
    Blocks(u64),
    /// The number of blocks beside one for each thread.
    ThreadsAnd(u64),
}

/// Blocks live at the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Amounts {
    pub(crate) stacks: u64,
    pub(crate) end_bytes: u64,
    pub(crate) end_blocks: u64,
}

impl Amounts {
    pub(super) fn add(&mut self, numbers: &Numbers) {
        let Numbers { end_bytes, end_blocks, .. } = *numbers;
        self.add_all(&Self { stacks: 1, end_bytes, end_blocks });
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        self.stacks += other.stacks;
        self.end_bytes = self.end_bytes.saturating_add(other.end_bytes);
        self.end_blocks = self.end_blocks.saturating_add(other.end_blocks);
    }
}

impl Rule {
    /// True for each of `frames` that makes any stack with it one of those. A frame is in many stacks,
    /// so it is looked at once. `None`: whole stacks decide.
    pub(super) fn hits(&self, frames: &[Frame<'_>]) -> Option<Vec<bool>> {
        let Stacks::With(pattern) = &self.stacks else { return None };
        Some(frames.iter().map(|frame| has(frame, pattern)).collect())
    }

    /// `stack` is one of those, innermost frame first, if whole stacks decide.
    pub(super) fn fits(&self, stack: &[Frame<'_>]) -> bool {
        match &self.stacks {
            Stacks::With(_) => false,
            Stacks::Beginning(steps) => begins(stack, steps),
            Stacks::Known(fits) => fits(stack),
        }
    }

    /// All of `sums` may be suppressed, in so many processes with so many threads at a time.
    pub(super) fn allows(&self, sums: &Amounts, processes: u64, threads: u64) -> bool {
        let most = match self.most {
            Most::Any => return true,
            Most::Blocks(most) => most.saturating_mul(processes),
            Most::ThreadsAnd(most) => most.saturating_mul(processes).saturating_add(threads),
        };
        sums.end_blocks <= most
    }
}

fn has(frame: &Frame<'_>, pattern: &Pattern) -> bool {
    let place = match frame.location {
        Location::Source { file, .. } => Some(file),
        Location::Module(path) => Some(path),
        Location::Unknown => None,
    };
    frame.function.into_iter().chain(place).any(|text| pattern.fits(text))
}

/// The innermost frames of `stack` are those of `steps`. A report may or may not have the
/// allocator's own frame, and a suppression too: without it they are compared.
fn begins(stack: &[Frame<'_>], steps: &[Step]) -> bool {
    let is_allocator = |frame: &&Frame<'_>| frame.function.is_some_and(is_entrance);
    let entrances = stack.iter().take_while(is_allocator).count();
    let stack = stack.get(entrances..).unwrap_or_default();
    let names_allocator =
        |step: &&Step| matches!(step, Step::Function(name) if is_allocators(name));
    let named = steps.iter().take_while(names_allocator).count();
    follows(stack, steps.get(named..).unwrap_or_default())
}

/// The pattern names an entrance of the allocator, in C++ as it is linked.
fn is_allocators(name: &Pattern) -> bool {
    const NAMES: [&str; 8] = [
        "malloc",
        "calloc",
        "realloc",
        "memalign",
        "posix_memalign",
        "aligned_alloc",
        "_Znwm",
        "_Znam",
    ];
    NAMES.iter().any(|allocator| name.fits(allocator)) && !name.fits("")
}

/// As [`Pattern::fits`], with frames for characters.
fn follows(stack: &[Frame<'_>], steps: &[Step]) -> bool {
    let (mut step, mut at) = (0, 0);
    let mut again: Option<(usize, usize)> = None;
    while let Some(wanted) = steps.get(step) {
        if *wanted == Step::Any {
            step += 1;
            again = Some((step, at));
        } else if stack.get(at).is_some_and(|frame| wanted.is(frame)) {
            (step, at) = (step + 1, at + 1);
        } else {
            let Some((behind, from)) = again.filter(|&(_, from)| from < stack.len()) else {
                return false;
            };
            (step, at) = (behind, from + 1);
            again = Some((behind, at));
        }
    }
    true
}

impl Step {
    fn is(&self, frame: &Frame<'_>) -> bool {
        match (self, frame.location) {
            (Step::Any, _) => true,
            (Step::Function(pattern), _) => frame.function.is_some_and(|name| pattern.fits(name)),
            (Step::Module(pattern), Location::Module(path)) => pattern.fits(path),
            (Step::File(pattern, wanted), Location::Source { file, line, .. }) => {
                let name = file.rsplit('/').next().unwrap_or(file);
                let is_so = pattern.fits(file) || pattern.fits(name);
                is_so && wanted.is_none_or(|wanted| wanted == line)
            }
            _ => false,
        }
    }
}
