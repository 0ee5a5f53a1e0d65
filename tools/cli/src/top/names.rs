//! The names of sites, and the sites that a filter shows.
//!
//! Naming takes time, so that it is done for what is asked for alone, and kept.

use std::collections::HashMap;
use std::fmt;

use mod_alloc::recording::model::Recording;
use mod_alloc::report::{FrameRef, Options, SiteNames};

/// The names of one process's sites.
pub(super) struct Names {
    names: SiteNames,
    /// By innermost frame.
    stacks: HashMap<u32, Stack>,
    /// The first site with a stack, by that stack.
    firsts: HashMap<Vec<u32>, u32>,
    filter: Filter,
}

/// A site's stack.
#[derive(Debug, Default)]
struct Stack {
    /// Innermost first.
    frames: Vec<u32>,
    /// The site that is shown for this one: another if naming made the two equal.
    shown_as: u32,
}

/// The text that is searched for, and where it was found.
#[derive(Debug, Default)]
struct Filter {
    /// In lower case, as is what it is compared with.
    text: String,
    /// By frame id.
    hits: HashMap<u32, bool>,
}

impl Names {
    pub(super) fn new(recording: &Recording, options: &Options) -> Self {
        Self {
            names: SiteNames::new(recording, options),
            stacks: HashMap::new(),
            firsts: HashMap::new(),
            filter: Filter::default(),
        }
    }

    /// Takes note of a later reading.
    pub(super) fn update(&mut self, recording: &Recording) {
        if self.names.update(recording) {
            self.stacks.clear();
            self.firsts.clear();
        }
    }

    /// Site `frame` was named already.
    pub(super) fn knows(&self, frame: u32) -> bool {
        self.stacks.contains_key(&frame)
    }

    /// Names site `frame` of the reading that was noted last.
    pub(super) fn name(&mut self, recording: &Recording, frame: u32) {
        if self.knows(frame) {
            return;
        }
        let frames = self.names.stack(recording, frame);
        let shown_as = *self.firsts.entry(frames.clone()).or_insert(frame);
        self.stacks.insert(frame, Stack { frames, shown_as });
    }

    /// The site that is shown for `frame`: as far as is known, itself.
    pub(super) fn shown_as(&self, frame: u32) -> u32 {
        self.stacks.get(&frame).map_or(frame, |stack| stack.shown_as)
    }

    /// The frames of a site that was named, innermost first.
    pub(super) fn frames(&self, frame: u32) -> impl Iterator<Item = FrameRef<'_>> {
        let ids = self.stacks.get(&frame).map_or(&[][..], |stack| &stack.frames);
        ids.iter().filter_map(|&id| self.names.frame(id))
    }

    /// From now on only sites with this text in a frame are shown; with an empty one, all.
    pub(super) fn set_filter(&mut self, text: &str) {
        self.filter = Filter { text: text.to_lowercase(), hits: HashMap::new() };
    }

    pub(super) fn has_filter(&self) -> bool {
        !self.filter.text.is_empty()
    }

    /// `true` if the filter shows site `frame`; `None` if that cannot be told before it is named.
    pub(super) fn shows(&mut self, frame: u32) -> Option<bool> {
        if !self.has_filter() {
            return Some(true);
        }
        let Self { names, stacks, filter, .. } = self;
        let stack = stacks.get(&frame)?;
        Some(stack.frames.iter().any(|&id| filter.hits(id, names)))
    }
}

impl Filter {
    fn hits(&mut self, id: u32, names: &SiteNames) -> bool {
        let text = &self.text;
        *self.hits.entry(id).or_insert_with(|| {
            names.frame(id).is_some_and(|frame| frame.to_string().to_lowercase().contains(text))
        })
    }
}

/// The frames that say which site it is: the program's own, without those that have no name. Where
/// nothing would be left, less is left out.
fn telling_frames<'n>(names: &'n Names, frame: u32) -> Vec<FrameRef<'n>> {
    let is_own = |frame: &FrameRef<'n>| !frame.is_library();
    let is_named = |frame: &FrameRef<'n>| frame.function().is_some() || frame.note().is_some();
    let own: Vec<FrameRef<'n>> = names.frames(frame).filter(is_own).collect();
    if own.is_empty() {
        names.frames(frame).take(1).collect()
    } else if own.iter().any(is_named) {
        own.into_iter().filter(is_named).collect()
    } else {
        own
    }
}

/// The name of a frame: its function, or its module and address, or the remark.
pub(super) fn function(frame: &FrameRef<'_>) -> String {
    let name = match (frame.note(), frame.function(), frame.module()) {
        (Some(note), ..) => note.to_owned(),
        (_, Some(function), _) => function.to_owned(),
        (_, _, Some(module)) => {
            let file = module.path.file_name().unwrap_or(module.path.as_os_str());
            format!("{}+{:#x}", file.to_string_lossy(), frame.address())
        }
        _ => format!("{:#x}", frame.address()),
    };
    printable(&name)
}

/// The place of a frame: file and line, or the module.
pub(super) fn place(frame: &FrameRef<'_>) -> Option<String> {
    let place = match (frame.short_file(), frame.line(), frame.module()) {
        (Some(file), Some(line), _) => format!("{file}:{line}"),
        (Some(file), None, _) => file.to_owned(),
        (None, _, Some(module)) => format!("in {}", module.path.display()),
        _ => return None,
    };
    Some(printable(&place))
}

/// Names come from files that anybody may have made: what a terminal would act on is replaced.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Callers in a line of text; the recursion of a parser would fill pages.
const CALLERS: usize = 5;

/// A site in few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    /// The program's own innermost function.
    pub(super) function: String,
    /// Its file, without folders, and line, where these are known.
    pub(super) place: Option<String>,
    /// The program's own functions outward of it.
    pub(super) callers: Vec<String>,
}

/// The name of site `frame`; `None` if it was not named yet.
pub(super) fn label(names: &Names, frame: u32) -> Option<Label> {
    let telling = telling_frames(names, frame);
    let (first, callers) = telling.split_first()?;
    Some(Label {
        function: function(first),
        place: place(first).filter(|_| first.file().is_some()).map(without_folders),
        callers: callers.iter().map(function).collect(),
    })
}

fn without_folders(place: String) -> String {
    place.rsplit_once('/').map_or(place.clone(), |(_, name)| name.to_owned())
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function)?;
        if let Some(place) = &self.place {
            write!(f, " ({place})")?;
        }
        self.callers.iter().take(CALLERS).try_for_each(|caller| write!(f, " ← {caller}"))?;
        if self.callers.len() > CALLERS { f.write_str(" ← …") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::with_sites;
    use super::*;
    use mod_alloc::recording::model::{ROOT_TABLE_FULL, Site};

    fn line(names: &Names, frame: u32) -> String {
        label(names, frame).unwrap().to_string()
    }

    #[test]
    fn a_line_of_text_has_an_end() {
        let callers = vec!["f".to_owned(); 7];
        let mut label = Label { function: "g".into(), place: Some("g.c:1".into()), callers };
        assert_eq!(label.to_string(), "g (g.c:1) ← f ← f ← f ← f ← f ← …");
        label.callers.truncate(5);
        assert_eq!(label.to_string(), "g (g.c:1) ← f ← f ← f ← f ← f");
    }

    fn frame_of(recording: &Recording, site: usize) -> u32 {
        recording.sites[site].frame
    }

    #[test]
    fn only_what_was_asked_for_is_named() {
        let recording = with_sites(&[(1, 1), (2, 2)]);
        let mut names = Names::new(&recording, &Options::default());
        names.name(&recording, frame_of(&recording, 1));
        assert!(!names.knows(frame_of(&recording, 0)));
        assert_eq!(label(&names, frame_of(&recording, 0)), None);
        assert_eq!(line(&names, frame_of(&recording, 1)), "app+0x2000 ← app+0xf0000");
    }

    #[test]
    fn a_filter_looks_at_all_frames_without_regard_to_case() {
        let recording = with_sites(&[(1, 1), (2, 2)]);
        let mut names = Names::new(&recording, &Options::default());
        let [first, second] = [frame_of(&recording, 0), frame_of(&recording, 1)];
        names.set_filter("0X1000: ");
        assert_eq!(names.shows(first), None);
        names.name(&recording, first);
        names.name(&recording, second);
        assert_eq!([names.shows(first), names.shows(second)], [Some(true), Some(false)]);
        names.set_filter("0xf0000");
        assert_eq!([names.shows(first), names.shows(second)], [Some(true), Some(true)]);
        names.set_filter("");
        assert!(!names.has_filter());
    }

    #[test]
    fn sites_that_naming_made_equal_are_shown_as_the_first() {
        let mut recording = with_sites(&[(1, 1)]);
        let first = frame_of(&recording, 0);
        // This place in another generation of the module list.
        let mut twin = recording.frames[first as usize];
        twin.generation = 1;
        recording.modules[0].generations = (0, 1);
        recording.frames.push(twin);
        let second = u32::try_from(recording.frames.len() - 1).unwrap();
        recording.sites.push(Site { frame: second, ..recording.sites[0] });
        let mut names = Names::new(&recording, &Options::default());
        names.name(&recording, first);
        assert_eq!(names.shown_as(second), second);
        names.name(&recording, second);
        assert_eq!((names.shown_as(first), names.shown_as(second)), (first, first));
    }

    #[test]
    fn remarks_are_names_too_and_nothing_reaches_the_terminal_raw() {
        let mut recording = with_sites(&[]);
        recording.modules[0].path = "/nowhere/a\u{1b}[31m".into();
        let mut names = Names::new(&recording, &Options::default());
        names.name(&recording, ROOT_TABLE_FULL);
        assert_eq!(line(&names, ROOT_TABLE_FULL), "[call-site table full: set MOD_ALLOC_BUCKETS]");
        names.name(&recording, 4);
        assert_eq!(line(&names, 4), "a\u{fffd}[31m+0xf0000");
    }
}
