//! Names of functions and places, made to fit.

use std::borrow::Cow;

use super::frames::TellingFrame;
use crate::dhat_file::{Frame, Location};
use crate::origin::{without_parameters, without_return_type};

/// Names are looked at up to this length, in characters.
const LONGEST: usize = 10_000;

/// A function's name in at most `room` characters: whole; or without the types that C++ has it
/// return and take; or with the paths in angle brackets cut to their last names; or with what is
/// in angle brackets left out; or cut in the middle.
pub(crate) fn function(name: &str, room: usize) -> String {
    let fits = |text: &str| text.chars().count() <= room;
    if fits(name) {
        return name.into();
    }
    let plain = plain(name);
    let name = without_return_type(&plain);
    if fits(name) {
        return name.into();
    }
    let name = without_parameters(name);
    if fits(name) {
        return name.into();
    }
    // Longer ones are of no program, and take long.
    let shorter = last_names(&cut(name, LONGEST.max(room)));
    if fits(&shorter) {
        return shorter;
    }
    let shorter = without_generics(&shorter);
    if fits(&shorter) { shorter } else { cut(&shorter, room) }
}

/// Strings of C++ by the name that people write.
fn plain(name: &str) -> Cow<'_, str> {
    const STRING: &str =
        "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";
    if name.contains("std::__cxx11::") {
        let name = name.replace(STRING, "std::string").replace("std::string >", "std::string>");
        name.replace("std::__cxx11::", "std::").into()
    } else {
        name.into()
    }
}

/// `<a::b::C<d::E> as f::G>::h` is `<C<E> as G>::h`.
fn last_names(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut depth = 0_usize;
    // Where in `text` the path that is being copied began, inside of angle brackets.
    let mut path = 0;
    let mut rest = name;
    while let Some(next) = rest.chars().next() {
        if depth > 0 && rest.starts_with("::") && !text.ends_with('>') && text.len() > path {
            text.truncate(path);
            rest = &rest[2..];
            continue;
        }
        text.push(next);
        match next {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if !next.is_alphanumeric() && !"_{}#".contains(next) {
            path = text.len();
        }
        rest = &rest[next.len_utf8()..];
    }
    text
}

/// `f<A, B>::g` is `f<…>::g`; what a name begins with stays, since it says whose method it is.
fn without_generics(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut depth = 0_usize;
    let kept = usize::from(name.starts_with('<'));
    for next in name.chars() {
        match next {
            '<' => {
                depth += 1;
                if depth == kept + 1 {
                    text.push_str("<…>");
                }
            }
            '>' if depth > 0 => depth -= 1,
            _ => {}
        }
        let is_bracket = next == '<' && depth == kept + 1 || next == '>' && depth == kept;
        if depth <= kept && !(is_bracket && depth == kept && text.ends_with("<…>")) {
            text.push(next);
        }
    }
    text
}

/// The beginning and the end of `text`, with `…` between them, in at most `room` characters.
pub(crate) fn cut(text: &str, room: usize) -> String {
    // A character has one byte at least.
    let letters = if text.len() <= room { 0 } else { text.chars().count() };
    let Some(kept) = room.checked_sub(1).filter(|_| letters > room) else {
        return text.into();
    };
    // The end of a name says more than its beginning.
    let head = kept * 2 / 5;
    let at = |letter: usize| text.char_indices().nth(letter).map_or(text.len(), |(at, _)| at);
    // Where the text is cut beside an ellipsis of its own, that one is enough.
    let beginning = text[..at(head)].trim_end_matches('…');
    let end = text[at(letters - (kept - head))..].trim_start_matches('…');
    format!("{beginning}…{end}")
}

/// The place of a frame, without the column: `src/main.rs:12`, `libc.so.6`.
pub(super) fn place(frame: &Frame<'_>) -> String {
    match frame.location {
        Location::Source { file, line: 0, .. } => file.into(),
        Location::Source { file, line, .. } => format!("{file}:{line}"),
        Location::Module(path) => path.rsplit('/').next().unwrap_or(path).into(),
        Location::Unknown => String::new(),
    }
}

/// The end of a place in at most `room` characters, from the beginning of a path's part on.
pub(super) fn end_of_place(place: &str, room: usize) -> String {
    if place.chars().count() <= room {
        return place.into();
    }
    let starts = place.match_indices('/').map(|(at, _)| &place[at..]);
    let mut fitting = starts.filter(|rest| rest.chars().count() < room);
    match fitting.next() {
        Some(rest) => format!("…{rest}"),
        None => cut(place.rsplit('/').next().unwrap_or(place), room),
    }
}

/// The name of a frame: its function, or its address, or the remark that it is.
pub(crate) fn called<'t>(frame: &Frame<'t>) -> &'t str {
    frame.function.or(frame.address).unwrap_or(frame.text)
}

/// The names of `frames` in at most `room` characters; last ones are left out before they are cut
/// to less than a third of that.
pub(crate) fn chain(frames: &[TellingFrame<'_>], between: &str, room: usize) -> String {
    let mut text = String::new();
    let mut last = "";
    for telling in frames {
        let name = called(&telling.frame);
        if name == last {
            continue;
        }
        last = name;
        let gap = if text.is_empty() { "" } else { between };
        let left = room.saturating_sub(text.chars().count() + gap.chars().count());
        let cut = function(name, left);
        if !text.is_empty() && cut != name && left < room / 3 {
            break;
        }
        text += gap;
        text += &cut;
    }
    text
}

/// The beginning of `text` in at most `room` characters.
pub(super) fn beginning_with(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.into();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

/// A command line in at most `room` characters, on one line.
pub(crate) fn command_line(command: &str, room: usize) -> String {
    let plain: String = command.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    beginning_with(&plain, room)
}

/// `text` in lines of at most `room` characters, broken at blanks.
pub(crate) fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().filter(|line| {
            line.is_empty() || line.chars().count() + 1 + word.chars().count() <= room
        });
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.into()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "<serde_json::value::de::<impl serde_core::de::Deserialize for \
         serde_json::value::Value>::deserialize::ValueVisitor as serde_core::de::Visitor>::visit_map";

    #[test]
    fn a_name_loses_first_what_says_least() {
        let name = "<a::b::C<d::E,F> as g::H>::new";
        assert_eq!(function(name, 30), name);
        assert_eq!(function(name, 29), "<C<E,F> as H>::new");
        assert_eq!(function(name, 17), "<C<…> as H>::new");
        assert_eq!(function("a::b<c::D>::e", 12), "a::b<D>::e");
        assert_eq!(function("a::b<c::D,c::E>::e", 11), "a::b<…>::e");
        assert_eq!(
            last_names(LONG),
            "<<impl Deserialize for Value>::ValueVisitor as Visitor>::visit_map"
        );
    }

    #[test]
    fn names_of_templates_lose_their_types_first() {
        let name = "app::E* app::Pool<app::E>::make<int>(int&&)";
        assert_eq!(function(name, 43), name);
        assert_eq!(function(name, 42), "app::Pool<app::E>::make<int>(int&&)");
        assert_eq!(function(name, 34), "app::Pool<app::E>::make<int>");
        assert_eq!(function(name, 27), "app::Pool<E>::make<int>");
        let name = "f(std::__cxx11::basic_string<char, std::char_traits<char>, \
                    std::allocator<char> >&&)";
        assert_eq!(function(name, 20), "f(std::string&&)");
    }

    #[test]
    fn what_cannot_be_shortened_is_cut_in_the_middle() {
        assert_eq!(function("abcdefghijkl", 6), "ab…jkl");
        assert_eq!(function("äöüäöüäöü", 4), "ä…öü");
        assert_eq!(function("abc", 1), "…");
        assert_eq!(cut("ab…defghijkl", 7), "ab…ijkl");
        assert_eq!(cut("abcdefg…ijkl", 9), "abc…ijkl");
        let name = "<a::b::Long<c::Type> as d::Trait>::function_with_a_long_name";
        for room in 1..name.chars().count() {
            assert!(!function(name, room).contains("……"), "{}", function(name, room));
        }
    }

    #[test]
    fn every_room_is_kept_by_every_name() {
        for name in [LONG, "<<a>>", "a<b", "a>b", "operator<<", "f<fn() -> x::y>::g", "ä<ö::ü>"]
        {
            for room in 1..name.chars().count() + 2 {
                let shown = function(name, room);
                assert!(shown.chars().count() <= room, "{shown} in {room}");
            }
        }
    }

    #[test]
    fn places_lose_their_beginning() {
        let place = "serde_json-1.0.154/src/value/de.rs:139";
        assert_eq!(end_of_place(place, 38), place);
        assert_eq!(end_of_place(place, 37), "…/src/value/de.rs:139");
        assert_eq!(end_of_place(place, 12), "…/de.rs:139");
        assert_eq!(end_of_place(place, 8), "de…s:139");
    }
}
