//! Rules by pc, shared by all threads without locks.
//!
//! 64 Ki entries in two ways: a direct-mapped cache of a quarter of that thrashed on real
//! programs. An entry is one word, so it is read and written whole:
//!
//! ```text
//!  63            32 31            0
//! +----------------+---------------+
//! |   key >> 15    |  packed rule  |     0 = empty
//! +----------------+---------------+
//! ```
//!
//! The key is the pc. On aarch64, whose addresses have 48 bits and whose instructions have four
//! bytes, it is the pc turned right by two bits: a pc that is no multiple of four (one past an
//! interrupted instruction) has no entry.
//!
//! The set's index is made of the key's low 15 bits and, reversibly, of the bits that the entry
//! holds, so index and entry together name the pc: a hit is never another pc's rule.

use crate::base::changes;
use crate::base::sync::{AtomicU32, AtomicU64, Ordering};
use crate::capture::rule::PackedRule;

const SET_BITS: u32 = 15;
const SETS: usize = 1 << SET_BITS;

#[repr(align(16))]
struct Set([AtomicU64; 2]);

static CACHE: [Set; SETS] = [const { Set([const { AtomicU64::new(0) }; 2]) }; SETS];

/// Raised each time that rules may have become stale because a module was unloaded.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Keys of user space fit in 47 bits; anything above has no entry.
const KEY_BITS: u32 = 47;

#[inline(always)]
fn key(pc: u64) -> u64 {
    if cfg!(target_arch = "aarch64") { pc.rotate_right(2) } else { pc }
}

#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "the mask keeps the index below the length")]
fn set(key: u64) -> &'static Set {
    let index = (key ^ (key >> SET_BITS)) as usize & (SETS - 1);
    &CACHE[index]
}

/// The cached rule of `pc`, if it is of an ordinary kind.
#[inline(always)]
pub(crate) fn get_plain(pc: u64) -> Option<PackedRule> {
    // The tag and, below it, the bit of the ordinary kinds: one comparison for both.
    let key = key(pc);
    get_if(key, |entry| entry >> 31 == (key >> (SET_BITS - 1) | 1))
}

/// The cached rule of `pc`, if it is also of those that count from the stack pointer.
#[inline(always)]
pub(crate) fn get_by_sp(pc: u64) -> Option<PackedRule> {
    // Below the tag are the bit of the ordinary kinds and that of the frame pointer: 1 and 0.
    let key = key(pc);
    get_if(key, |entry| entry >> 30 == (key >> SET_BITS << 2 | 2))
}

/// The rule of the one of the two entries that is as it has to be: of that pc, and ordinary. Two
/// pcs of one set that take turns are both at hand.
#[inline(always)]
fn get_if(key: u64, is_right: impl Fn(u64) -> bool) -> Option<PackedRule> {
    let set = set(key);
    // Relaxed: an entry is complete in itself.
    let mut entry = set.0[0].load(Ordering::Relaxed);
    if !is_right(entry) {
        entry = set.0[1].load(Ordering::Relaxed);
        if !is_right(entry) {
            return None;
        }
    }
    Some(PackedRule::from_plain_bits(entry as u32))
}

/// The cached rule of `pc`.
pub(crate) fn get(pc: u64) -> Option<PackedRule> {
    let key = key(pc);
    let set = set(key);
    let tag = key >> SET_BITS;
    // Relaxed: an entry is complete in itself.
    let first = set.0[0].load(Ordering::Relaxed);
    let entry = if first >> 32 == tag { first } else { set.0[1].load(Ordering::Relaxed) };
    if entry >> 32 != tag {
        return None;
    }
    PackedRule::from_bits(entry as u32)
}

/// Remembers a rule; the newer of the set's two stays.
#[cold]
pub(crate) fn put(pc: u64, rule: PackedRule) {
    let key = key(pc);
    if key >> KEY_BITS != 0 {
        return;
    }
    let set = set(key);
    let older = set.0[0].load(Ordering::Relaxed);
    set.0[1].store(older, Ordering::Relaxed);
    set.0[0].store(key >> SET_BITS << 32 | u64::from(rule.bits()), Ordering::Relaxed);
}

/// The number of times that rules have been thrown away.
#[inline(always)]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Throws all rules away and begins generation `generation`.
#[cold]
pub(crate) fn begin_generation(generation: u32) {
    for set in &CACHE {
        set.0[0].store(0, Ordering::Relaxed);
        set.0[1].store(0, Ordering::Relaxed);
    }
    // Release: a thread that sees the new generation does not see the old rules; it pairs with
    // the Relaxed load above only in so far as stale rules are harmless (a walk is total)
    // and are gone by the next capture.
    GENERATION.store(generation, Ordering::Release);
    changes::announce();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::rule::Rule;

    #[test]
    fn two_pcs_of_one_set_stay_apart() {
        let (a, b) = (0x5555_0000_1234, 0x5555_0000_1234 ^ (1 << 40));
        assert!(core::ptr::eq(set(key(a)), set(key(b))), "chosen to collide");
        let (one, other) = (Rule::Sp { cfa: 16 }.pack(), Rule::Sp { cfa: 32 }.pack());
        put(a, one);
        assert_eq!(get(b), None);
        put(b, other);
        assert_eq!(get(a), Some(one));
        assert_eq!(get(b), Some(other));
    }

    #[test]
    #[cfg(target_arch = "aarch64")]
    fn an_address_of_48_bits_has_an_entry_and_an_interrupted_pc_has_none() {
        let pc = 0xffff_abcd_1230;
        put(pc, Rule::Sp { cfa: 48 }.pack());
        assert_eq!(get(pc), Some(Rule::Sp { cfa: 48 }.pack()));
        assert_eq!(get_plain(pc), Some(Rule::Sp { cfa: 48 }.pack()));
        put(pc + 1, Rule::Sp { cfa: 64 }.pack());
        assert_eq!((get(pc + 1), get_plain(pc + 1)), (None, None));
    }

    #[test]
    fn pc_zero_and_kernel_addresses_have_no_entry() {
        put(u64::MAX, Rule::End.pack());
        assert_eq!(get(u64::MAX), None);
        assert_eq!(get(0), None);
    }
}
