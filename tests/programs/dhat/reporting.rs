//! Reports, and the places that they are written to.

use std::hint::black_box;

use mod_alloc::dhat_compat as dhat;

use crate::Program;
use crate::rig::sites;

pub(crate) const PROGRAMS: &[Program] = &[
    ("three-blocks", three_blocks),
    ("ad-hoc", |_| ad_hoc()),
    ("depth", depth),
    ("merged", |_| merged()),
    ("no-profiler", |_| drop(black_box(vec![1, 2, 3]))),
    ("forgotten", |_| std::mem::forget(dhat::Profiler::new_heap())),
];

sites! { site_three site_deep }

/// Three blocks, one of which is freed; argument: the report's path, if it is not the usual one.
fn three_blocks(arguments: &[&str]) {
    let builder = dhat::Profiler::builder();
    let builder = match arguments {
        [path] => builder.file_name(path),
        _ => builder,
    };
    let _profiler = builder.build();
    let blocks = [site_three(1_000), site_three(2_000), site_three(500)];
    blocks[1].free();
    site_three(100);
}

fn ad_hoc() {
    let _profiler = dhat::Profiler::new_ad_hoc();
    for weight in 0..black_box(10) {
        site_often(weight);
    }
    site_once(1_000);
    std::thread::spawn(|| site_once(234)).join().expect("no panic");
}

#[inline(never)]
fn site_often(weight: usize) {
    dhat::ad_hoc_event(weight);
    black_box(weight);
}

#[inline(never)]
fn site_once(weight: usize) {
    dhat::ad_hoc_event(weight);
    black_box(weight + 1);
}

/// Arguments: calls on top of each other, and what is given to `trim_backtraces`: a number, `all` or `none`;
/// nothing: that is not called.
fn depth(arguments: &[&str]) {
    let builder = dhat::Profiler::builder();
    let builder = match arguments[1..] {
        [] => builder,
        ["none"] => builder.trim_backtraces(None),
        ["all"] => builder.trim_backtraces(Some(usize::MAX)),
        [number, ..] => builder.trim_backtraces(Some(number.parse().expect("a number"))),
    };
    let _profiler = builder.build();
    descend(arguments[0].parse().expect("a number"));
}

/// Calls its twin, so that no two frames in a row have one address.
#[inline(never)]
fn descend(depth: u32) {
    if depth == 0 {
        site_deep(100);
    } else {
        descend_twin(depth - 1);
    }
    black_box(depth);
}

#[inline(never)]
fn descend_twin(depth: u32) {
    descend(black_box(depth));
    black_box(depth + 1);
}

/// Stacks that differ only where the report does not show them: further out than ten frames.
fn merged() {
    let _profiler = dhat::Profiler::new_heap();
    for depth in [20, 21, 22] {
        descend(depth);
    }
}
