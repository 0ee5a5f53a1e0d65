//! The few frames of a stack that tell a person what goes on.
//!
//! A stack has dozens of frames, and most say only how a library does its work. A reader can
//! change the program's own code: its innermost frame leads. The function that it called, and the
//! function of the standard library that allocated in the end, say how.

use crate::origin::Origin;

/// Frames of wrappers shown for a row.
const LONGEST_CHAIN: usize = 5;

/// The few frames of a stack that tell what goes on, the leading one first, then towards the
/// allocation; indices into the stack. Never empty unless the stack is. `origins` has wrappers as
/// plumbing.
pub(super) fn telling(origins: &[Origin], is_named: impl Fn(usize) -> bool) -> Vec<usize> {
    if let Some(outermost) = standard_alone(origins) {
        return if outermost == 0 { vec![0] } else { vec![outermost, 0] };
    }
    let Some(lead) = lead(origins, &is_named) else { return Vec::new() };
    let mut chosen = vec![lead];
    // The function that it called; with a wrapper those that this one called.
    let mut inward = (0..lead).rev().filter(|&index| is_named(index));
    chosen.extend(inward.next());
    let is_plumbing = |&index: &usize| origins[index] == Origin::Plumbing;
    if chosen.get(1).is_some_and(is_plumbing) {
        chosen.extend(inward.take_while(is_plumbing).take(LONGEST_CHAIN - 1));
    }
    // The standard library's function that user code called, or else the innermost function whose
    // purpose is not to allocate.
    let how = how(&origins[..lead], &is_named);
    chosen.extend(how.filter(|how| !chosen.contains(how)));
    chosen
}

/// The outermost frame of a stack of the standard library alone: the function that was called.
fn standard_alone(origins: &[Origin]) -> Option<usize> {
    let code = origins.iter().rposition(|&origin| origin != Origin::Remark)?;
    let inside = |origin: &Origin| matches!(origin, Origin::Standard | Origin::Plumbing);
    let has_standard = origins.contains(&Origin::Standard);
    (has_standard && origins[..=code].iter().all(inside)).then_some(code)
}

/// The program's own innermost function, with a name if any has one. In a stack without any, the
/// innermost that is not there to allocate.
fn lead(origins: &[Origin], is_named: &impl Fn(usize) -> bool) -> Option<usize> {
    let find = |wanted: &dyn Fn(usize) -> bool| (0..origins.len()).find(|&index| wanted(index));
    let own = |index: usize| origins[index] == Origin::Own;
    let telling = |index: usize| {
        !matches!(origins[index], Origin::Plumbing | Origin::Standard | Origin::Remark)
    };
    find(&|index| own(index) && is_named(index))
        .or_else(|| find(&own))
        .or_else(|| find(&|index| telling(index) && is_named(index)))
        .or_else(|| find(&telling))
        .or_else(|| find(&|index| origins[index] != Origin::Plumbing))
        .or(if origins.is_empty() { None } else { Some(0) })
}

fn how(inward: &[Origin], is_named: &impl Fn(usize) -> bool) -> Option<usize> {
    let is_inside = |&index: &usize| matches!(inward[index], Origin::Standard | Origin::Plumbing);
    let standard = (0..inward.len())
        .take_while(is_inside)
        .filter(|&index| inward[index] == Origin::Standard && is_named(index))
        .last();
    standard.or_else(|| {
        (0..inward.len()).find(|&index| inward[index] != Origin::Plumbing && is_named(index))
    })
}

#[cfg(test)]
mod tests {
    use super::Origin::{Library, Own, Plumbing, Remark, Standard};
    use super::*;

    fn chosen(origins: &[Origin]) -> Vec<usize> {
        telling(origins, |_| true)
    }

    #[test]
    fn own_code_leads_and_two_frames_say_how() {
        // raw_vec, push, serde, serde, own, main
        let stack = [Plumbing, Standard, Library, Library, Own, Own];
        assert_eq!(chosen(&stack), [4, 3, 1]);
        // LeafNode::new, BTreeMap::insert, own
        assert_eq!(chosen(&[Standard, Standard, Own]), [2, 1]);
        assert_eq!(chosen(&[Plumbing, Own, Own]), [1, 0]);
        assert_eq!(chosen(&[Own]), [0]);
        // malloc, fopen's own, fopen, own
        assert_eq!(chosen(&[Plumbing, Library, Library, Own]), [3, 2, 1]);
        // Two wrappers and main's caller
        assert_eq!(chosen(&[Plumbing, Plumbing, Own, Own]), [2, 1, 0]);
        // RawVec, Box::new, Node::new, own
        assert_eq!(chosen(&[Plumbing, Standard, Plumbing, Own]), [3, 2, 1]);
    }

    #[test]
    fn a_stack_of_libraries_alone_shows_its_innermost() {
        assert_eq!(chosen(&[Plumbing, Standard, Library, Library]), [2, 1]);
        assert_eq!(chosen(&[Standard, Standard, Standard]), [2, 0]);
        assert_eq!(chosen(&[Plumbing, Standard, Remark]), [1, 0]);
        assert_eq!(chosen(&[Standard]), [0]);
        assert_eq!(chosen(&[Plumbing, Plumbing]), [0]);
        assert_eq!(chosen(&[Remark]), [0]);
        assert_eq!(chosen(&[]), Vec::<usize>::new());
    }

    #[test]
    fn frames_without_names_are_passed_over() {
        let named = |unnamed: &'static [usize]| move |index: usize| !unnamed.contains(&index);
        assert_eq!(telling(&[Plumbing, Own, Own], named(&[1])), [2, 0]);
        assert_eq!(telling(&[Own, Own], named(&[0, 1])), [0]);
        assert_eq!(telling(&[Library, Library, Own], named(&[1])), [2, 0]);
    }
}
