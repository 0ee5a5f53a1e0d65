//! Programs of one thread whose every number is known by construction.

use std::fmt::Write as _;
use std::hint::black_box;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::rig::{Block, free_all, layout, say, sites};
use crate::{ALLOC, Program};

pub(crate) const PROGRAMS: &[Program] = &[
    ("simple", |_| simple()),
    ("reallocations", |_| reallocations()),
    ("equal-peaks", equal_peaks),
    ("own-peaks", |_| own_peaks()),
    ("layouts", |_| layouts()),
    ("lifetimes", |_| lifetimes()),
    ("histograms", histograms),
    ("stages", stages),
];

sites! {
    site_kept site_freed site_grown site_shrunk site_same site_chain site_large site_other
    site_first site_second site_third site_last site_one_then_two site_two_then_one
    site_early site_summit site_before site_late site_partly
    site_short site_twice site_reallocated site_live
    site_stage site_passing
}

/// One event of a script.
#[derive(Clone, Copy)]
enum Step {
    /// A block of so many bytes, made by a site.
    New(fn(usize) -> Block, usize),
    /// Frees a block; they are numbered in the order in which they were made.
    Free(usize),
    /// Gives a block another size.
    Resize(usize, usize),
    /// Lets 20 ms pass.
    Wait,
}
use Step::{Free, New, Resize, Wait};

/// Plays a script: every site is called from one place, so it has one stack.
#[inline(never)]
fn play(script: &[Step]) {
    let mut blocks: [Option<Block>; 16] = [None; 16];
    let mut made = 0;
    for step in black_box(script) {
        match *step {
            New(site, size) => {
                blocks[made] = Some(site(size));
                made += 1;
            }
            Free(block) => blocks[block].take().expect("a live block").free(),
            Resize(block, size) => {
                blocks[block] = blocks[block].map(|block| block.resized(size));
            }
            Wait => sleep(Duration::from_millis(20)),
        }
    }
}

fn simple() {
    let freed = New(site_freed, 50);
    let kept = New(site_kept, 10_000);
    play(&[freed, Free(0), freed, freed, Free(1), Free(2), freed, Free(3), kept, kept, kept]);
}

fn reallocations() {
    site_grown(10_000).resized(30_000);
    site_same(7_000).resized(7_000);
    let shrunk = site_shrunk(40_000);
    site_chain(1_000).resized(2_000).resized(500).resized(4_000).free();
    // Large enough that the C library moves its pages instead of its bytes.
    let large = site_large(1 << 20).resized(1 << 22);
    // Here the heap is at its peak.
    shrunk.resized(5_000);
    large.resized(1 << 19);
    // A block stays with the site that made it, whoever reallocates it.
    resized_by_another(site_other(3_000));
}

#[inline(never)]
fn resized_by_another(block: Block) {
    black_box(block.resized(6_000));
}

/// Four times the same number of bytes, each time in other blocks. The last time they come
/// as the argument says: as a new block or by a reallocation.
fn equal_peaks(arguments: &[&str]) {
    let start = Instant::now();
    let (second, third) = (New(site_second, 300_000), New(site_third, 200_000));
    play(&[New(site_first, 600_000), Free(0), Wait]);
    play(&[second, second, Free(0), Free(1), Wait]);
    play(&[third, third, third, Free(0), Free(1), Free(2), Wait]);
    let earliest = start.elapsed();
    // One block again: the number of blocks is no maximum.
    match arguments {
        ["new"] => play(&[New(site_last, 600_000), Wait, Free(0)]),
        _ => play(&[New(site_last, 1_000), Resize(0, 600_000), Wait, Free(0)]),
    }
    let latest = start.elapsed() - Duration::from_millis(20);
    say(format_args!("peak {} {}", earliest.as_micros(), latest.as_micros()));
    // The sites' own peaks, below the heap's.
    let (one, half) = (New(site_one_then_two, 60_000), New(site_one_then_two, 30_000));
    play(&[one, Free(0), half, half, Free(1), Free(2)]);
    let (one, half) = (New(site_two_then_one, 60_000), New(site_two_then_one, 30_000));
    play(&[half, half, Free(0), Free(1), one, Free(2)]);
    say(format_args!("end {}", start.elapsed().as_micros()));
}

/// Sites that are at their maximum when the heap is not.
fn own_peaks() {
    play(&[
        New(site_early, 500_000),
        Free(0),
        New(site_before, 10_000),
        New(site_before, 20_000),
        New(site_partly, 5_000),
        New(site_partly, 15_000),
        New(site_late, 1_000),
        Free(5),
        New(site_summit, 1_000_000), // here the heap is at its peak
        Free(6),
        Free(1),
        Free(2),
        New(site_late, 100_000),
        New(site_late, 200_000),
        New(site_partly, 30_000),
        New(site_partly, 40_000),
        Free(7),
        Free(8),
        Free(9),
        Free(10),
        Free(4),
    ]);
}

#[inline(never)]
fn site_zeroed() -> Block {
    let block = Block::zeroed(layout(123_456, 1)).expect("memory");
    black_box("zeroed");
    block
}

#[inline(never)]
fn site_aligned(size: usize, align: usize) -> Block {
    let block = Block::with(layout(size, align)).expect("memory");
    black_box("aligned");
    block
}

#[inline(never)]
fn site_aligned_zeroed() -> Block {
    let block = Block::zeroed(layout(10_000, 8192)).expect("memory");
    black_box("aligned and zeroed");
    block
}

fn layouts() {
    let zeroed = site_zeroed();
    assert!((0..zeroed.size()).all(|offset| zeroed.read(offset) == 0), "not zeroed");
    assert!(site_aligned_zeroed().is_aligned());
    let grown = site_aligned(5_000, 4096).resized(50_000);
    assert!(grown.is_aligned());
    let huge = site_aligned(70_000, 2 << 20);
    assert!(huge.is_aligned());
    huge.free();
}

/// Prints for each site the least and the most microseconds that its blocks can have lived.
fn lifetimes() {
    let start = Instant::now();
    let ms = |n| sleep(Duration::from_millis(n));
    let measured = |name: &str, make: &dyn Fn() -> Block, then: &dyn Fn(Block)| {
        let before = Instant::now();
        let block = make();
        let made = Instant::now();
        then(block);
        let (least, most) = (made.elapsed(), before.elapsed());
        say(format_args!("{name} {} {}", least.as_micros(), most.as_micros()));
    };
    let born = start.elapsed();
    site_live(1_000);
    let living = start.elapsed();
    measured("site_short", &|| site_short(100), &|block| {
        ms(30);
        block.free();
    });
    // A reallocation does not end a life.
    measured("site_reallocated", &|| site_reallocated(100), &|block| {
        ms(30);
        let block = block.resized(100_000);
        ms(10);
        block.free();
    });
    measured("site_twice", &|| site_twice(100), &|block| {
        ms(15);
        block.free();
        let other = site_twice(200);
        ms(15);
        other.free();
    });
    let end = start.elapsed();
    say(format_args!("site_live {} {}", (end - living).as_micros(), (end - born).as_micros()));
    say(format_args!("end {}", end.as_micros()));
}

/// Blocks of known sizes that live for 40 ms; none with the argument `nothing`.
fn histograms(arguments: &[&str]) {
    if arguments.is_empty() {
        let before = Instant::now();
        let (first, last) = (site_kept(1 << 20), site_freed((1 << 21) - 1));
        let grown = site_grown(1 << 21);
        let made = Instant::now();
        sleep(Duration::from_millis(30));
        let grown = grown.resized(1 << 22);
        sleep(Duration::from_millis(10));
        let least = made.elapsed();
        free_all([first, last, grown]);
        say(format_args!("lived {} {}", least.as_micros(), before.elapsed().as_micros()));
    }
}

/// Reports in the middle of the run, into the folder given; with what `snapshot` says then.
fn stages(arguments: &[&str]) {
    let paths: Vec<_> = (0..4).map(|n| format!("{}/stage-{n}.json", arguments[0])).collect();
    let mut text = String::with_capacity(1 << 20);
    let mut report = |stage: usize| {
        let before = ALLOC.snapshot();
        ALLOC.write_dhat_json(&paths[stage]).expect("the folder can be written to");
        let string = ALLOC.dhat_json_string();
        assert_eq!(ALLOC.snapshot(), before, "a report changed the numbers");
        text.clear();
        write!(text, "{string}").expect("room for the text");
        drop(string);
        assert!(text.capacity() == 1 << 20 && text.starts_with('{'), "the text as a string");
        assert_eq!(ALLOC.snapshot(), before, "the report's text is not the program's");
        say(format_args!(
            "stage-{stage} {} {} {} {} {} {}",
            before.alloc_count,
            before.total_bytes,
            before.peak_bytes,
            before.current_bytes,
            before.live_count,
            before.grown_bytes,
        ));
    };
    report(0);
    let a = site_stage(2_000_000);
    site_passing(1_000).free();
    let b = site_stage(1_000_000);
    report(1); // at the peak
    a.free();
    let b = b.resized(1_500_000);
    report(2); // below it
    let c = site_stage(3_000_000);
    let d = site_passing(2_000);
    d.free();
    report(3); // just below a new one
    free_all([b, c]);
}
