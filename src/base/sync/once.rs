//! A value that is made once, by the first thread that needs it, or decided never to be.
//!
//! ```text
//!  Undecided ──first `decide`──▶ Making ──▶ Made or Otherwise ◀──▶ Aside
//!                                   └─────▶ Refused
//! ```
//!
//! Aside is Made, for a time in which those who ask have to look for something else first. They pay
//! nothing for it at other times: [`Once::get_unless_aside`] answers as if there were no decision.
//! Otherwise is Made, too, for values with which those who ask have another way for good; they find
//! them by [`Aside::Otherwise`]. And there are values that are aside for good.
//!
//! | operation | order | partner | publishes |
//! |---|---|---|---|
//! | `get` | Acquire | the Release of Made in `make` | the value |
//! | `get` in Aside | Acquire | the Release in `set_aside`, after an Acquire | the value |
//! | waiting in `decide` | Acquire | the same | the value, by the `get` that follows |

use core::mem::MaybeUninit;

use crate::base::sync::{AtomicU32, Ordering, UnsafeCell, wait_turn};

/// States of [`Once`]; zeroed memory is undecided.
const UNDECIDED: u32 = 0;
const MAKING: u32 = 1;
const REFUSED: u32 = 2;
/// From here on there is a value.
const MADE: u32 = 3;
#[cfg(all(feature = "symbolicate", not(feature = "preload")))]
const ASIDE: u32 = 4;
const OTHERWISE: u32 = 5;
const ASIDE_FOR_GOOD: u32 = 6;

/// Undecided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Undecided;

/// There is no value that [`Once::get_unless_aside`] gives.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Aside {
    /// There is one, and those who ask have another way for good.
    Otherwise,
    /// Undecided, or [set aside](Once::set_aside), for a time or for good.
    Ask,
}

/// Tells the compiler that its caller seldom comes here: the other way is the shorter one.
#[cold]
fn rare() {}

/// See the module's description. The value is never dropped.
#[derive(Debug)]
pub(crate) struct Once<T> {
    state: AtomicU32,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value is written once, by the thread that moves the state to Making, and read after
// Made was seen; `T` itself may be made in one thread and read by all.
unsafe impl<T: Send + Sync> Sync for Once<T> {}

impl<T> Once<T> {
    /// An undecided one. `state` must be 0; it is an argument because loom's atomics
    /// cannot be made in a constant.
    pub(crate) const fn new(state: AtomicU32, value: UnsafeCell<MaybeUninit<T>>) -> Self {
        Once { state, value }
    }

    /// The value, or the decision that there will be none.
    ///
    /// # Errors
    ///
    /// Not decided yet.
    #[inline(always)]
    pub(crate) fn get(&self) -> Result<Option<&T>, Undecided> {
        // Acquire pairs with the Release in `make`: the value is seen.
        match self.state.load(Ordering::Acquire) {
            // SAFETY: Made is stored after the value was written, and Aside after Made.
            MADE.. => Ok(Some(unsafe { self.made() })),
            REFUSED => Ok(None),
            _ => Err(Undecided),
        }
    }

    /// As [`get`](Self::get).
    ///
    /// # Errors
    ///
    /// Not decided yet, or [set aside](Self::set_aside), or for those who have another way.
    #[inline(always)]
    pub(crate) fn get_unless_aside(&self) -> Result<Option<&T>, Aside> {
        let state = self.state.load(Ordering::Acquire);
        if state == MADE {
            // SAFETY: Made is stored after the value was written.
            return Ok(Some(unsafe { self.made() }));
        }
        rare();
        match state {
            REFUSED => Ok(None),
            OTHERWISE => Err(Aside::Otherwise),
            _ => Err(Aside::Ask),
        }
    }

    /// # Safety
    ///
    /// Made, Otherwise or Aside must have been acquired.
    #[inline(always)]
    unsafe fn made(&self) -> &T {
        // SAFETY: the value was written before, and is never changed again.
        let value = self.value.with(|value| unsafe { &*value });
        // SAFETY: as above.
        unsafe { value.assume_init_ref() }
    }

    /// Has those who ask by [`get_unless_aside`](Self::get_unless_aside) look, or no more. Nothing
    /// happens where there is no value.
    #[cfg(all(feature = "symbolicate", not(feature = "preload")))]
    pub(crate) fn set_aside(&self, is_aside: bool, is_otherwise: bool) {
        let made = if is_otherwise { OTHERWISE } else { MADE };
        let (from, to) = if is_aside { (made, ASIDE) } else { (ASIDE, made) };
        // Release and Acquire: who sees this state sees the value, too.
        let _ = self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// The value, made by `make` if it is undecided; waits while another thread makes it. `begin`
    /// runs after that, in the thread that has made it; it may use the value. `aside` says what
    /// [`get_unless_aside`](Self::get_unless_aside) tells of the value, if not the value itself.
    #[cold]
    pub(crate) fn decide(
        &self,
        make: impl FnOnce() -> Option<T>,
        aside: fn(&T) -> Option<Aside>,
        begin: impl FnOnce(),
    ) -> Option<&T> {
        // Relaxed: `get` below acquires what another thread has made.
        let exchange =
            self.state.compare_exchange(UNDECIDED, MAKING, Ordering::Relaxed, Ordering::Relaxed);
        match exchange {
            Ok(_) if self.make(make(), aside) => begin(),
            Ok(_) => {}
            Err(_) => self.wait(),
        }
        self.get().unwrap_or(None)
    }

    /// Ends the making; the argument tells if there is a value.
    fn make(&self, value: Option<T>, aside: fn(&T) -> Option<Aside>) -> bool {
        let Some(value) = value else {
            self.state.store(REFUSED, Ordering::Release);
            return false;
        };
        let made = match aside(&value) {
            None => MADE,
            Some(Aside::Otherwise) => OTHERWISE,
            Some(Aside::Ask) => ASIDE_FOR_GOOD,
        };
        self.value.with_mut(|place| {
            // SAFETY: this thread alone is in Making; no thread reads before Made.
            unsafe { &mut *place }.write(value);
        });
        self.state.store(made, Ordering::Release); // pairs with the Acquire in `get`
        true
    }

    fn wait(&self) {
        let mut turn = 0;
        while self.state.load(Ordering::Acquire) == MAKING {
            wait_turn(&mut turn);
        }
    }
}
