//! The texts and entries that are read each by itself.

use std::path::PathBuf;
use std::string::String;
use std::vec::Vec;

use crate::base::sync::{AtomicU32, AtomicU64, Ordering};
use crate::recording::model::{Frame, Group, Module, ROOT_BROKEN, ROOTS, Thread};
use crate::store::frames::{ADDRESS_BITS, Frame as FrameWords};
use crate::store::group::{GROUP_MARK, Group as GroupWords};
use crate::store::layout::Module as ModuleWords;
use crate::store::thread_slot::ThreadSlot;

use super::samples::Places;

/// The bytes of some words, as text.
fn text(words: &[AtomicU64], len: usize) -> String {
    String::from_utf8_lossy(&bytes(words, len)).into_owned()
}

pub(super) fn bytes(words: &[AtomicU64], len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        words.iter().flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
    bytes.truncate(len);
    bytes
}

pub(super) fn module(words: &ModuleWords) -> Module {
    use std::os::unix::ffi::OsStringExt;
    let path = bytes(&words.path, words.path_len.load(Ordering::Relaxed) as usize);
    let generation =
        |word: &AtomicU32| u16::try_from(word.load(Ordering::Relaxed)).unwrap_or(u16::MAX);
    Module {
        path: PathBuf::from(std::ffi::OsString::from_vec(path)),
        start: words.start.load(Ordering::Relaxed),
        end: words.end.load(Ordering::Relaxed),
        bias: words.bias.load(Ordering::Relaxed),
        build_id: bytes(&words.build_id, words.build_id_len.load(Ordering::Relaxed) as usize),
        generations: (generation(&words.first), generation(&words.last)),
    }
}

/// All frames; the roots are there even if the recording has none.
pub(super) fn frames(words: &[FrameWords]) -> Vec<Frame> {
    let mut frames: Vec<Frame> =
        words.iter().enumerate().map(|(index, words)| frame(index, words)).collect();
    frames.resize(frames.len().max(ROOTS), Frame::default());
    frames
}

fn frame(index: usize, words: &FrameWords) -> Frame {
    if index < ROOTS {
        return Frame::default();
    }
    let parent = words.parent.load(Ordering::Relaxed);
    let parent = if (parent as usize) < index { parent } else { ROOT_BROKEN };
    let address = words.address.load(Ordering::Relaxed);
    let generation = (address >> ADDRESS_BITS) as u16;
    let address = address & ((1 << ADDRESS_BITS) - 1);
    if address & GROUP_MARK == 0 {
        return Frame { parent, generation, address, group: 0 };
    }
    Frame { parent, group: (address & !GROUP_MARK) as u32, ..Frame::default() }
}

pub(super) fn group(words: &GroupWords, places: Places) -> Group {
    let number = |word: &AtomicU64| word.load(Ordering::Relaxed);
    let ended = words.ended.load(Ordering::Relaxed) != 0;
    let (bytes, blocks) = match ended {
        true => (&words.end_bytes, &words.end_blocks),
        false => (&words.live_bytes, &words.live_blocks),
    };
    Group {
        name: text(&words.name, words.name_len.load(Ordering::Relaxed) as usize),
        thread_name: text(&words.thread_name, 16).trim_end_matches('\0').into(),
        total_blocks: places.whole(number(&words.total_blocks)),
        total_bytes: number(&words.total_bytes),
        peak_bytes: number(&words.peak_bytes),
        end_blocks: places.whole(number(blocks)),
        end_bytes: number(bytes),
        ended,
    }
}

/// `is_counted`: the recording tells how many threads have used a slot.
pub(super) fn thread(slot: &ThreadSlot, is_counted: bool) -> Option<Thread> {
    let front = &slot.front;
    let id = slot.id.load(Ordering::Relaxed);
    (id != 0).then(|| Thread {
        id,
        name: text(&slot.name, 16).trim_end_matches('\0').into(),
        running: slot.is_running(),
        threads: if is_counted { slot.threads.load(Ordering::Relaxed).into() } else { 1 },
        total_bytes: front.total.bytes.get(),
        total_blocks: front.total.blocks.get(),
        freed_bytes: front.freed.bytes.get(),
        freed_blocks: front.freed.blocks.get(),
    })
}
