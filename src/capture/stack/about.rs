//! Facts about a remembered frame besides its mark.

use crate::capture::stack::NO_NODE;
use crate::capture::walk::PointerUse;

/// One word of each frame.
///
/// ```text
///  63      62 61    52 51          42 41     32 31           0
/// +-------+---+-------+--------------+---------+--------------+
/// |matters| 0 | late  | unverifiable | checked |     node     |
/// +-------+---+-------+--------------+---------+--------------+
/// ```
///
/// * `node`: the frame's node in the call-site table, or [`NO_NODE`].
/// * `checked`: the innermost frame, from here outward, whose step has restored a frame pointer
///   that matters further out, so that the word it was read from is to be checked; 0: none.
/// * `unverifiable`: the innermost frame, from here outward, whose step cannot be checked; 0: none.
/// * `late`: the innermost frame, from here outward, whose module was loaded late, so that another
///   may be in its place by now; 0: none.
/// * `matters`: some step from here outward reads this frame's frame pointer before it is restored.
#[derive(Debug, Clone, Copy, Default)]
#[repr(transparent)]
pub(super) struct About(u64);

impl About {
    const MATTERS: u64 = 1 << 63;
    const NUMBER: u64 = 0x3ff;
    const CHECKED: u32 = 32;
    const UNVERIFIABLE: u32 = 42;
    const LATE: u32 = 52;

    #[inline(always)]
    pub(super) fn node(self) -> u32 {
        self.0 as u32
    }

    #[inline(always)]
    pub(super) fn with_node(self, node: u32) -> Self {
        About(self.0 >> 32 << 32 | u64::from(node))
    }

    #[inline(always)]
    pub(super) fn matters(self) -> bool {
        self.0 & Self::MATTERS != 0
    }

    #[inline(always)]
    pub(super) fn checked(self) -> usize {
        (self.0 >> Self::CHECKED & Self::NUMBER) as usize
    }

    #[inline(always)]
    pub(super) fn unverifiable(self) -> usize {
        (self.0 >> Self::UNVERIFIABLE & Self::NUMBER) as usize
    }

    #[inline(always)]
    pub(super) fn late(self) -> usize {
        (self.0 >> Self::LATE & Self::NUMBER) as usize
    }

    /// The facts about frame `index`, inward of this one, whose step uses the frame pointer like
    /// that and has `restored` it.
    pub(super) fn inward(self, index: usize, pointer: PointerUse, restored: bool) -> Self {
        let is_checked = self.matters() && restored;
        let number = |is: bool, outward: usize| if is { index } else { outward };
        About::new(
            pointer.is_used() || self.matters() && !pointer.is_restored(),
            number(is_checked, self.checked()),
            number(pointer.is_unverifiable(), self.unverifiable()),
            number(pointer.is_late(), self.late()),
        )
    }

    fn new(matters: bool, checked: usize, unverifiable: usize, late: usize) -> Self {
        let matters = if matters { Self::MATTERS } else { 0 };
        let number = |number: usize, shift: u32| (number as u64 & Self::NUMBER) << shift;
        let numbers = number(checked, Self::CHECKED)
            | number(unverifiable, Self::UNVERIFIABLE)
            | number(late, Self::LATE);
        About(matters | numbers).with_node(NO_NODE)
    }

    /// The facts after the outermost `dropped` frames were dropped.
    pub(super) fn without_outermost(self, dropped: usize) -> Self {
        let sunk = |number: usize| number.saturating_sub(dropped);
        let (checked, unverifiable) = (sunk(self.checked()), sunk(self.unverifiable()));
        About::new(self.matters(), checked, unverifiable, sunk(self.late())).with_node(self.node())
    }
}
