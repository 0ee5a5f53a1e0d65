//! The stack of an ad hoc event.

use crate::capture::registers::{Registers, with_callers_registers};
use crate::engine::inside::Inside;
use crate::engine::stack_site;
use crate::recording::model::{ROOT_BROKEN, ROOT_TABLE_FULL};
use crate::start;
use crate::store::ids::FrameId;

with_callers_registers! {
    /// Counts an event of the weight given first, of a stack whose innermost frame is the caller's.
    ///
    /// # Safety
    ///
    /// Always safe to call.
    pub(in super::super) happened(usize, usize, usize) -> u32 => count
}

unsafe extern "C" fn count(weight: usize, _: usize, _: usize, pc: u64, sp: u64, bp: u64) -> u32 {
    super::enter(weight, || frame_of(Registers { pc, sp, bp }))
}

/// The innermost frame's id of the stack with these registers, or a root's.
fn frame_of(at: Registers) -> u32 {
    let Some(session) = start::session() else { return ROOT_BROKEN };
    let Ok(mut inside) = Inside::enter(session) else { return ROOT_BROKEN };
    let frame = stack_site::frame_of(inside.thread(), session, at);
    frame.map_or(ROOT_TABLE_FULL, FrameId::number)
}

/// The innermost frames of stacks, which are known by those themselves.
#[derive(Debug)]
pub(super) struct InnermostFrames;

impl InnermostFrames {
    /// Nothing has to be looked up.
    pub(super) fn read() -> Self {
        InnermostFrames
    }

    /// The frame that [`happened`] gave.
    pub(super) fn of(&self, frame: u32) -> u32 {
        frame
    }
}
