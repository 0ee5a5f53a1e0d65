//! The allocator's state near the heap's peak and at the end, read from the mapping.

use crate::base::sync::{Ordering, fence};
use crate::recording::heap_moment::{HeapMoment, HeapStates};
use crate::recording::heap_state::{Allocator, HeapState, ProcessMemory};
use crate::store::layout::{FIGURES, HeapMoment as MomentWords, HeapStates as StatesWords};

/// The states of a recording. `peak_bytes`: the most that was live; `micros`: clock units as such.
pub(crate) fn read(
    words: &StatesWords,
    peak_bytes: u64,
    micros: impl Fn(u64) -> u64,
) -> HeapStates {
    let taken = words.peaks.iter().filter_map(|words| read_moment(words, &micros));
    let peak = taken.max_by_key(|(number, _)| *number).map(|(_, moment)| moment);
    let mut states = HeapStates { peak_bytes, peak, ..HeapStates::default() };
    if let Some((_, end)) = read_moment(&words.end, &micros) {
        states.end_with(end);
    }
    states
}

/// A moment and its number; `None` if there is none, or the writer is not done with it.
fn read_moment(words: &MomentWords, micros: impl Fn(u64) -> u64) -> Option<(u64, HeapMoment)> {
    // Acquire pairs with the Release of the writer (`heap_state::moments`): all of the moment is
    // seen.
    let number = words.number.load(Ordering::Acquire);
    let (state, process) = state(words);
    let moment = HeapMoment {
        micros: micros(words.units.load(Ordering::Relaxed)),
        requested_bytes: words.requested.load(Ordering::Relaxed),
        profiler_bytes: words.own.load(Ordering::Relaxed),
        state,
        process,
    };
    fence(Ordering::Acquire); // pairs with the Release fence of the writer
    let is_whole = number != 0 && words.number.load(Ordering::Relaxed) == number;
    is_whole.then_some((number, moment))
}

fn state(words: &MomentWords) -> (Option<HeapState>, ProcessMemory) {
    let [allocated, active, resident, mapped, retained, arenas, now, peak_resident, anonymous] =
        figures(words);
    let process = ProcessMemory { resident: now, peak_resident, anonymous };
    let allocator = Allocator::of_code(words.allocator.load(Ordering::Relaxed));
    let state = allocator.map(|allocator| HeapState {
        allocator,
        allocated,
        active,
        resident,
        mapped,
        retained,
        arenas,
        process,
    });
    (state, process)
}

fn figures(words: &MomentWords) -> [Option<u64>; FIGURES] {
    let known = words.known.load(Ordering::Relaxed);
    let mut figures = [None; FIGURES];
    for (index, (figure, word)) in figures.iter_mut().zip(words.figures()).enumerate() {
        *figure = (known >> index & 1 != 0).then(|| word.load(Ordering::Relaxed));
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::allocator::moments::write;

    fn of(requested_bytes: u64) -> HeapMoment {
        HeapMoment { requested_bytes, ..HeapMoment::default() }
    }

    #[test]
    fn what_is_written_is_read() {
        let words = StatesWords::default();
        let process = ProcessMemory { resident: Some(7), peak_resident: None, anonymous: Some(3) };
        let state = HeapState {
            allocated: Some(1),
            mapped: Some(0),
            process,
            ..HeapState::of(Allocator::Mimalloc)
        };
        assert!(!read(&words, 5, |units| units).is_known());
        write(&words.peaks[1], 1, 5, 10, Some(state), process);
        write(&words.peaks[0], 2, 6, 30, None, process);
        let states = read(&words, 40, |units| units);
        assert_eq!((states.peak_bytes, states.end), (40, None));
        let moment = HeapMoment { micros: 6, process, ..of(30) };
        assert_eq!(states.peak, Some(moment), "the later one");
        // The process was killed while it wrote that one.
        words.peaks[0].number.store(0, Ordering::Relaxed);
        let peak = read(&words, 40, |_| 99).peak.unwrap();
        assert_eq!(peak, HeapMoment { micros: 99, state: Some(state), process, ..of(10) });
        assert_eq!(peak.state.unwrap().active, None);
    }
}
