//! The sites' numbers now.

use std::vec;
use std::vec::Vec;

use super::span::Window;
use crate::recording::moment_log::Numbers;
use crate::store::arena::Arena;
use crate::store::sites::Owner;
use crate::store::tally::Tally;
use crate::store::view::View;

/// Each site's numbers now, by its id; zeros for those of earlier windows.
///
/// The arenas are read last. A share that is flushed meanwhile is missing then, until the next
/// moment; read in another order, it might count twice.
pub(crate) fn site_numbers(view: &View<'_>) -> Vec<Numbers> {
    let window = Window::of(view.header);
    let mut sums: Vec<Numbers> = vec![[0; 4]; view.tallies.len()];
    let mut add = |index: usize, tally: &Tally| {
        if let Some(sum) = sums.get_mut(index).filter(|_| index >= window.first) {
            let (bytes, blocks) = tally.total.get();
            let live = [tally.live_bytes().cast_unsigned(), tally.live_blocks().cast_unsigned()];
            let parts = [bytes, blocks, live[0], live[1]];
            sum.iter_mut().zip(parts).for_each(|(sum, part)| *sum = sum.wrapping_add(part));
        }
    };
    view.tallies.iter().enumerate().for_each(|(index, own)| add(index, own));
    for (index, (others, owner)) in view.shared.iter().zip(view.owners).enumerate() {
        if Owner::is_shared(owner) {
            add(index, others);
        }
    }
    for share in view.used_arenas().flat_map(Arena::shares) {
        add(share.site().index(), share);
    }
    for sum in &mut sums {
        // Below zero where an event was under way.
        sum.iter_mut().for_each(|number| *number = number.cast_signed().max(0).cast_unsigned());
    }
    sums
}
