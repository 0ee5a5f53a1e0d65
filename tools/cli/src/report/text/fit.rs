//! Names and places in one line.

use crate::dhat_file::Frame;
use crate::origin::Origin;
use crate::report::frames::TellingFrame;
use crate::report::names;

/// A line of a row.
pub(crate) enum Line<'r, 'd> {
    Frame { telling: &'r TellingFrame<'d>, is_lead: bool, is_inward: bool },
    Wrappers(&'r [TellingFrame<'d>]),
}

/// The lines of a row: wrappers that call each other in one; of a whole stack, a line for each.
pub(crate) fn lines<'r, 'd>(
    frames: &'r [TellingFrame<'d>],
    lead: usize,
    whole_stack: bool,
) -> Vec<Line<'r, 'd>> {
    if whole_stack {
        let line = |telling: &'r TellingFrame<'d>| Line::Frame {
            is_lead: telling.origin == Origin::Own && !telling.is_wrapper,
            is_inward: false,
            telling,
        };
        return frames.iter().map(line).collect();
    }
    let mut lines = Vec::new();
    let mut index = 0;
    while let Some(telling) = frames.get(index) {
        let is_lead = index == lead;
        let chain = frames[index..].iter().take_while(|telling| telling.is_wrapper).count();
        if is_lead || chain == 0 {
            lines.push(Line::Frame { telling, is_lead, is_inward: !is_lead });
            index += 1;
        } else {
            lines.push(Line::Wrappers(&frames[index..index + chain]));
            index += chain;
        }
    }
    lines
}

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
