//! Names and places in one line.

use crate::dhat_file::Frame;
use crate::report::names;

/// A frame's name and place in `room` columns, two blanks between them. A short name leaves its
/// room to the place; a long one gets two thirds at least.
pub(crate) fn fit(frame: &Frame<'_>, here: &str, room: usize) -> (String, String) {
    let place = names::place(frame);
    let place = place.strip_prefix(here).map_or(place.clone(), String::from);
    let name = names::called(frame);
    let place_length = place.chars().count();
    if place.is_empty() {
        return (names::function(name, room), place);
    }
    let for_both = room.saturating_sub(2);
    let for_name = for_both.saturating_sub(place_length).max(for_both * 2 / 3);
    let name = names::function(name, for_name);
    let place = names::end_of_place(&place, for_both.saturating_sub(name.chars().count()));
    (name, place)
}
