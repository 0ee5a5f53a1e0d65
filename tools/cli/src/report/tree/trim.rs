//! The frames of a stack that a tree shows.
//!
//! As in the tables, the standard library is shown by the function that other code called, without
//! what that calls inside. Of a run of other libraries' functions the first and the last are shown:
//! where it is entered, and what it does in the end. The entrance of the allocator and what started
//! the program's `main` are left out.

use crate::origin::{Origin, is_entrance, is_start};
use crate::report::rows::Rows;

/// The shown frames of a stack, innermost first; never none unless the stack has none.
pub(super) fn trimmed(rows: &Rows<'_>, stack: &[u32]) -> Vec<u32> {
    let function = |frame: u32| rows.by_id(frame).frame.function;
    let starts = |&&frame: &&u32| function(frame).is_some_and(is_start);
    let started = stack.iter().take_while(|frame| !starts(frame)).count();
    // A stack of the start alone is shown as it is.
    let stack = if started == 0 { stack } else { &stack[..started] };
    let origins: Vec<_> = stack.iter().map(|&frame| rows.by_id(frame).origin).collect();
    let enters = |index: usize| function(stack[index]).is_some_and(is_entrance);
    shown(&origins, enters).into_iter().map(|index| stack[index]).collect()
}

/// Indices of the shown frames, from those of the origins.
fn shown(origins: &[Origin], is_entrance: impl Fn(usize) -> bool) -> Vec<usize> {
    let is_inside = |index: usize| matches!(origins[index], Origin::Standard | Origin::Plumbing);
    // The standard library starts Rust's `main`. Where nothing else is there, it is all.
    let is_code = |&origin: &Origin| matches!(origin, Origin::Own | Origin::Library);
    let outermost = origins.iter().rposition(is_code).unwrap_or(origins.len());
    let is_shown = |&index: &usize| {
        let caller = origins.get(index + 1);
        let is_called_from_inside = is_inside(index) && caller.is_some() && is_inside(index + 1);
        let is_start = index > outermost && origins[index] == Origin::Standard;
        let is_foreign = |index: usize| is_inside(index) || origins[index] == Origin::Library;
        let is_within_library = is_foreign(index)
            && index > 0
            && is_foreign(index - 1)
            && origins.get(index + 1).is_some_and(|_| is_foreign(index + 1));
        // What it does in the end: inward of it is the standard library or the allocator alone.
        let does_it = !origins[..index].iter().any(is_code);
        !is_entrance(index)
            && !is_start
            && !is_called_from_inside
            && (!is_within_library || does_it)
    };
    let mut shown: Vec<usize> = (0..origins.len()).filter(is_shown).collect();
    if shown.is_empty() && !origins.is_empty() {
        shown.push(0);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::Origin::{Library, Own, Plumbing, Remark, Standard};
    use super::*;

    /// `malloc` is the entrance if the innermost frame is plumbing.
    fn shown(origins: &[Origin]) -> Vec<usize> {
        super::shown(origins, |index| index == 0 && origins[0] == Plumbing)
    }

    #[test]
    fn the_standard_library_is_shown_by_what_other_code_called() {
        // malloc, finish_grow, push, serde, own, main
        assert_eq!(shown(&[Plumbing, Plumbing, Standard, Library, Own, Own]), [2, 3, 4, 5]);
        // The standard library between two functions of the program: an iterator.
        assert_eq!(shown(&[Standard, Own, Standard, Standard, Own]), [0, 1, 3, 4]);
        // malloc, xmalloc, own
        assert_eq!(shown(&[Plumbing, Plumbing, Own]), [1, 2]);
    }

    #[test]
    fn a_library_is_shown_by_where_it_is_entered_and_by_what_it_does_in_the_end() {
        // malloc, Vec::push, four functions of tokio with a closure of std's between, own
        let stack = [Plumbing, Standard, Library, Library, Standard, Library, Library, Own];
        assert_eq!(shown(&stack), [1, 2, 6, 7]);
        // The program's own function that a runtime calls, and the runtime.
        assert_eq!(shown(&[Own, Library, Library, Library, Own]), [0, 1, 3, 4]);
    }

    #[test]
    fn the_start_of_the_program_is_left_out() {
        // call_once, lang_start
        assert_eq!(shown(&[Plumbing, Own, Standard, Standard]), [1]);
        assert_eq!(shown(&[Own, Remark, Standard]), [0, 1]);
    }

    #[test]
    fn no_stack_becomes_empty() {
        assert_eq!(shown(&[Plumbing]), [0]);
        assert_eq!(shown(&[Standard, Standard]), [1]);
        assert_eq!(shown(&[Plumbing, Standard]), [1]);
        assert_eq!(shown(&[]), [0; 0]);
    }
}
