//! Losses: one list of all that a recording can lack.
//!
//! A line of the list has a loss's meaning, its key in reports, its unit, and the words for people.
//! Its section says where its word is in the mapping:
//!
//! | section | place of the word |
//! |---|---|
//! | `slots` | `layout::Losses`, in the list's order; each thread slot has one, and the header |
//! | `process` | `layout::Process` in the header, under the loss's name |
//! | `more` | `layout::MoreLosses` in the header, in the list's order; since version 4 |
//!
//! All else is made from the list: the words in the mapping, their reader, the plain data,
//! `x_losses` of reports, the lines for people, and the losses in `report` and `top` of the
//! command. A new loss is one line in `more`: the words of the others are all taken.

/// Hands the list to the macro `$then`. `says`, `instead_of` and `told_elsewhere` are functions of
/// `recording::losses`. A name in braces stands for that loss's figure with its unit, and
/// `{frames}` for the number of frames kept of a stack.
macro_rules! losses {
    ($then:ident) => {
        $then! {
            slots {
                /// Events whose stack found no room in the call-site table; counted under its one
                /// visible site.
                table_full, "events",
                    says("in a full call-site table", "set MOD_ALLOC_BUCKETS higher");
                /// Events inside the hook (in a signal handler, for example): not recorded.
                reentrant, "allocations and frees",
                    says(
                        "({reentrant_bytes}) made while the profiler was at work in the same \
thread, not recorded",
                        "avoid allocating in signal handlers",
                    );
                /// Bytes of those.
                reentrant_bytes, "bytes", told_elsewhere();
                /// Frees of blocks whose trailer was overwritten, or never written: the address is
                /// no block's, or was freed before. An overwritten block stays live in the report.
                damaged_trailers, "frees",
                    says(
                        "({damaged_bytes}) of blocks whose end was overwritten, which are shown as \
live, or of no live block",
                        "look for writes past a block's end, and for wrong or repeated frees",
                    );
                /// Bytes of those.
                damaged_bytes, "bytes", told_elsewhere();
                /// Stacks deeper than the frame limit; the innermost frames were kept. (Captures,
                /// not sites.)
                truncated_stacks, "stacks",
                    says(
                        "deeper than {frames} frames",
                        "set MOD_ALLOC_FRAMES, or --frames of mod-alloc run, higher: up to 256"
                    );
                /// Stacks that ended before the thread's entry: no unwind information, or an
                /// unknown stack.
                broken_stacks, "stacks",
                    says(
                        "cut short for want of unwind information",
                        "set MOD_ALLOC_UNWIND=auto if it is not, or build with \
-C force-frame-pointers=yes",
                    );
                /// Events of threads beyond the registry's slots; recorded, but under no thread of
                /// their own.
                threads_overflowed, "events",
                    says(
                        "of threads without a slot of their own",
                        "in the totals, but under no thread",
                    );
            }
            process {
                /// 1: the file system had no room for more of the recording. New sites are under
                /// `table_full` from then on, and new threads have no slot.
                no_room, "recordings",
                    instead_of(
                        "table_full",
                        "of call sites that were new after the recording's file system was full",
                    );
                /// Groups that found no room; their allocations are recorded, but count for no
                /// group.
                groups_overflowed, "groups",
                    says(
                        "that found no room",
                        "their allocations count for no group; register each once",
                    );
            }
            more {
                /// Blocks that were written to past their end, into bytes that rounding had left
                /// between the block and its trailer; seen at the free or the reallocation. Their
                /// numbers are right.
                overruns, "blocks",
                    says(
                        "with bytes written past the end",
                        "found when freed; the numbers are right, the program is not",
                    );
                /// 1: the program has forbidden itself calls of the system. New sites are under
                /// `table_full` from where the room ends that was made before.
                sealed, "recordings",
                    instead_of(
                        "table_full",
                        "of call sites that were new after the program had forbidden itself calls \
of the system",
                    );
                /// Calls of `mmap` and its kin that are not among the mappings: made in a signal
                /// handler that has interrupted the profiler, or without room.
                mappings_lost, "calls",
                    says(
                        "of mmap and its kin that are not among the mappings",
                        "made in a signal's handler, or at too many call sites",
                    );
                /// 1: the program has forbidden itself to read any clock. Times stand still from
                /// then on.
                stopped_clock, "recordings",
                    says(
                        "whose times stand still from the moment on when the program forbade \
itself to read clocks",
                        "lifetimes and the heap over time end there",
                    );
            }
        }
    };
}
pub(crate) use losses;
