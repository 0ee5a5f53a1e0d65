//! Trailers at the end of usable bytes.

use super::*;

#[test]
fn sizes_and_sites_come_back_once_whatever_the_slack() {
    crate::store::trailer::start(12345);
    let mut memory = std::vec![0_u8; 80_000];
    let block = memory.as_mut_ptr();
    for (usable, size) in [(8, 0), (24, 16), (24, 3), (70_000, 1), (263, 0), (262, 0)] {
        // SAFETY: the memory is longer than that.
        unsafe { write(block, usable, size, SiteId::new(0x00ab_cdef)) };
        // SAFETY: as above.
        assert_eq!(unsafe { self::size(block, usable, false) }, size);
        // SAFETY: as above.
        let known = unsafe { take(block, usable) };
        assert_eq!(known, Some((SiteId::new(0x00ab_cdef), size, true)));
        // SAFETY: as above.
        assert_eq!(unsafe { take(block, usable) }, None, "taken");
    }
}

#[test]
fn sizes_sites_and_births_come_back_once_whatever_the_slack() {
    crate::store::trailer::start(12345);
    let mut memory = std::vec![0_u8; 80_000];
    let (block, site) = (memory.as_mut_ptr(), SiteId::new(0x00ab_cdef));
    for (usable, size) in [(16, 0), (32, 16), (24, 3), (70_000, 1), (271, 0), (270, 0)] {
        // SAFETY: the memory is longer than that.
        unsafe { write_timed(block, usable, size, site, 987_654_321) };
        // SAFETY: as above.
        assert_eq!(unsafe { self::size(block, usable, true) }, size);
        // SAFETY: as above.
        assert_eq!(unsafe { take(block, usable) }, None, "no ordinary trailer");
        // SAFETY: as above.
        let known = unsafe { take_timed(block, usable) };
        let trailer = Trailer { site, size, born: 987_654_321, is_open: false };
        assert_eq!(known, Some((trailer, true)));
        // SAFETY: as above.
        assert_eq!(unsafe { take_timed(block, usable) }, None, "taken");
    }
}

#[test]
fn a_forged_trailer_is_read_no_further_than_the_block_goes() {
    crate::store::trailer::start(12345);
    for usable in 8..264 {
        let mut memory = std::vec![0_u8; usable].into_boxed_slice();
        let block = memory.as_mut_ptr();
        let forged = word(block, (LARGE as u64) << SITE_BITS | 7);
        memory[usable - 8..].copy_from_slice(&forged.to_ne_bytes());
        // SAFETY: the memory has so many bytes.
        let known = unsafe { take(memory.as_mut_ptr(), usable) };
        // The word before the trailer says 0, which is a size that 263 bytes have room for.
        assert_eq!(known, (usable == 263).then_some((SiteId::new(7), 0, false)), "{usable}");
    }
}

#[test]
fn a_write_past_the_end_is_seen_in_each_byte_of_the_slack_that_is_watched() {
    crate::store::trailer::start(12345);
    let site = SiteId::new(7);
    for (usable, size) in [(8, 0), (24, 16), (24, 15), (24, 9), (24, 8), (48, 3), (400, 1)] {
        let mut memory = std::vec![0_u8; usable + BIRTH];
        for at in size..(usable - TRAILER).min(size + 8) {
            // SAFETY: the memory is longer than that.
            unsafe { write(memory.as_mut_ptr(), usable, size, site) };
            memory[at] ^= 0x10;
            // SAFETY: as above.
            let known = unsafe { take(memory.as_mut_ptr(), usable) };
            assert_eq!(known, Some((site, size, false)), "byte {at} of {usable}");
            // SAFETY: as above.
            unsafe { write_timed(memory.as_mut_ptr(), usable + BIRTH, size, site, 5) };
            memory[at] ^= 0x10;
            // SAFETY: as above.
            let known = unsafe { take_timed(memory.as_mut_ptr(), usable + BIRTH) };
            let trailer = Trailer { site, size, born: 5, is_open: false };
            assert_eq!(known, Some((trailer, false)), "byte {at} of {usable}");
        }
    }
}

#[test]
fn an_open_block_is_the_programs_up_to_its_trailer_and_known_when_it_is_taken() {
    crate::store::trailer::start(12345);
    let site = SiteId::new(7);
    for timed in [false, true] {
        for (usable, size) in [(24, 3), (40, 0), (400, 1), (24, 8)] {
            let mut memory = std::vec![0_u8; usable];
            let block = memory.as_mut_ptr();
            match timed {
                // SAFETY: the memory is as long as is said, here and below.
                true => unsafe { write_timed(block, usable, size, site, 5) },
                // SAFETY: as above.
                false => unsafe { write(block, usable, size, site) },
            }
            // SAFETY: as above.
            assert_eq!(unsafe { self::size(block, usable, timed) }, size);
            // SAFETY: as above.
            let all = unsafe { open(block, usable, timed) };
            assert!(all >= size && all + crate::store::trailer::len(timed) + 8 >= usable, "{all}");
            // SAFETY: as above.
            assert_eq!(unsafe { open(block, usable, timed) }, all, "again");
            assert_eq!(usable_of(usable, size, timed), all);
            // SAFETY: as above.
            assert_eq!(unsafe { self::size(block, usable, timed) }, all);
            assert!(memory[size..all].iter().all(|byte| *byte == 0), "the fence is gone");
            let block = memory.as_mut_ptr();
            // SAFETY: as many bytes are the program's.
            unsafe { block.write_bytes(0xee, all) };
            // SAFETY: as above.
            assert_eq!(unsafe { take(block, usable) }, None, "not as an ordinary one");
            let known = if timed {
                // SAFETY: as above.
                let known = unsafe { take_timed(block, usable) };
                known.map(|(known, _)| (known.site, known.size))
            } else {
                // SAFETY: as above.
                unsafe { take_open(block, usable) }
            };
            assert_eq!(known, Some((site, size)));
            // SAFETY: as above.
            unsafe { write_open(block, usable, size, site, timed.then_some(5)) };
            // SAFETY: as above.
            assert_eq!(unsafe { self::size(block, usable, timed) }, all, "put back");
        }
    }
}

#[test]
fn a_trailer_is_known_again_whose_first_byte_was_overwritten() {
    crate::store::trailer::start(12345);
    let (mut memory, site) = ([0_u8; 64], SiteId::new(0x1234));
    for (changed, is_first) in [(&[0xff][..], true), (&[0x80], true), (&[0, 1], false)] {
        // SAFETY: in the array.
        unsafe { write(memory.as_mut_ptr(), 64, 56, site) };
        memory[56..].iter_mut().zip(changed).for_each(|(byte, change)| *byte ^= change);
        // SAFETY: in the array.
        assert_eq!(unsafe { take(memory.as_mut_ptr(), 64) }, None);
        // SAFETY: in the array.
        let known = unsafe { repair(memory.as_mut_ptr(), 64) };
        assert_eq!(known, is_first.then_some((site, 56)), "{changed:x?}");
    }
}

#[test]
fn a_changed_trailer_or_birth_is_none() {
    crate::store::trailer::start(12345);
    let mut memory = [0_u8; 64];
    // SAFETY: in the array.
    unsafe { write_timed(memory.as_mut_ptr(), 64, 40, SiteId::new(7), 5) };
    for bit in 0..128 {
        memory[48 + bit / 8] ^= 1 << (bit % 8);
        // SAFETY: in the array.
        assert_eq!(unsafe { size(memory.as_mut_ptr(), 64, true) }, 64, "bit {bit}");
        memory[48 + bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn a_changed_trailer_is_none() {
    crate::store::trailer::start(12345);
    let mut memory = [0_u8; 64];
    // SAFETY: in the array.
    unsafe { write(memory.as_mut_ptr(), 64, 50, SiteId::new(7)) };
    for bit in 0..64 {
        memory[56 + bit / 8] ^= 1 << (bit % 8);
        // SAFETY: in the array.
        assert_eq!(unsafe { size(memory.as_mut_ptr(), 64, false) }, 64, "bit {bit}");
        memory[56 + bit / 8] ^= 1 << (bit % 8);
    }
}
