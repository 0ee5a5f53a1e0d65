//! Which module was mapped at an address, at the time a stack was taken.

use std::borrow::Cow;
use std::vec::Vec;

use crate::recording::model::Module;

/// The modules of a recording, ordered for lookup. An address can belong to different
/// modules at different times (`dlclose`, then `dlopen`), so a lookup takes the
/// generation too.
pub(super) struct ModuleMap<'r> {
    modules: Cow<'r, [Module]>,
    /// Indices into `modules` by start address.
    order: Vec<usize>,
    /// For each entry of `order`, the greatest end among it and all before it: a search
    /// backwards may stop where this is not above the address.
    reach: Vec<u64>,
}

impl<'r> ModuleMap<'r> {
    pub(super) fn new(modules: Cow<'r, [Module]>) -> Self {
        let mut order: Vec<usize> = (0..modules.len()).collect();
        order.sort_by_key(|&index| modules[index].start);
        let mut reach = Vec::with_capacity(order.len());
        let mut greatest = 0;
        for &index in &order {
            greatest = modules[index].end.max(greatest);
            reach.push(greatest);
        }
        Self { modules, order, reach }
    }

    /// The modules, in the recording's order.
    pub(super) fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The module that held the call before the return address `address`.
    pub(super) fn find(&self, address: u64, generation: u16) -> Option<(usize, &Module)> {
        let call = address.checked_sub(1)?;
        let after = self.order.partition_point(|&index| self.modules[index].start <= call);
        (0..after)
            .rev()
            .take_while(|&at| self.reach[at] > call)
            .map(|at| self.order[at])
            .map(|index| (index, &self.modules[index]))
            .find(|(_, module)| module.end > call && was_mapped(module, generation))
    }
}

fn was_mapped(module: &Module, generation: u16) -> bool {
    let (first, last) = module.generations;
    (first..=last).contains(&generation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn module(start: u64, end: u64, generations: (u16, u16)) -> Module {
        Module { start, end, generations, ..Module::default() }
    }

    fn found(modules: &[Module], address: u64, generation: u16) -> Option<usize> {
        ModuleMap::new(modules.into()).find(address, generation).map(|(index, _)| index)
    }

    #[test]
    fn the_call_before_the_return_address_decides() {
        let modules = vec![module(0x2000, 0x3000, (0, 9)), module(0x1000, 0x2000, (0, 9))];
        assert_eq!(found(&modules, 0x1000, 0), None);
        assert_eq!(found(&modules, 0x1001, 0), Some(1));
        assert_eq!(found(&modules, 0x2000, 0), Some(1));
        assert_eq!(found(&modules, 0x3000, 0), Some(0));
        assert_eq!(found(&modules, 0x3001, 0), None);
        assert_eq!(found(&modules, 0, 0), None);
    }

    #[test]
    fn one_address_belongs_to_different_modules_in_different_generations() {
        let modules = vec![module(0x1000, 0x2000, (0, 2)), module(0x1000, 0x2000, (3, 5))];
        assert_eq!(found(&modules, 0x1500, 2), Some(0));
        assert_eq!(found(&modules, 0x1500, 3), Some(1));
        assert_eq!(found(&modules, 0x1500, 6), None);
    }

    #[test]
    fn a_short_module_does_not_hide_a_long_one_from_another_generation() {
        let modules = vec![module(0x1000, 0x9000, (0, 0)), module(0x2000, 0x2100, (1, 1))];
        assert_eq!(found(&modules, 0x8000, 0), Some(0));
        assert_eq!(found(&modules, 0x2050, 0), Some(0));
        assert_eq!(found(&modules, 0x2050, 1), Some(1));
    }
}
