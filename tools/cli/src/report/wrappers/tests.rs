use super::super::frames::Frames;
use super::*;
use crate::dhat_file::{self, Document};

/// A document with these stacks, innermost first: names of functions of the program's own, with
/// `:line` where it matters, and the number of blocks.
fn document(stacks: &[(&[&str], u64)]) -> Document {
    let mut frames = vec!["[root]".to_owned()];
    let mut points = Vec::new();
    for (stack, blocks) in stacks {
        let ids: Vec<_> = stack.iter().map(|name| id(&mut frames, name)).collect();
        points.push(serde_json::json!({
            "tb": blocks * 8, "tbk": blocks, "tl": 1, "mb": 8, "mbk": 1, "gb": 8, "gbk": 1, "eb": 0,
            "ebk": 0, "fs": ids,
        }));
    }
    let json = serde_json::json!({
        "dhatFileVersion": 2, "mode": "heap", "verb": "Allocated", "bklt": true, "bkacc": false,
        "tu": "µs", "Mtu": "s", "tuth": 10, "cmd": "app", "pid": 1, "te": 9, "tg": 9,
        "pps": points, "ftbl": frames,
    });
    dhat_file::read(&serde_json::to_vec(&json).unwrap()).unwrap()
}

fn id(frames: &mut Vec<String>, name: &str) -> usize {
    let (name, line) = name.rsplit_once('@').unwrap_or((name, "1"));
    let place = match name {
        "qsort" => "in /usr/lib/libc.so.6".into(),
        name => format!("src/{}.c:{line}", name.len()),
    };
    let text = format!("0x{:x}: {name} ({place})", 16 + name.len() * 100 + line.len());
    frames.iter().position(|known| *known == text).unwrap_or_else(|| {
        frames.push(text);
        frames.len() - 1
    })
}

fn found(stacks: &[(&[&str], u64)], named: &[&str]) -> Vec<String> {
    let document = document(stacks);
    let named: Vec<_> = named.iter().map(|name| name.parse().unwrap()).collect();
    let wrappers = Wrappers::of(&[&Frames::new(&document)], &named);
    let mut functions: Vec<_> = wrappers.functions.into_iter().collect();
    functions.sort();
    functions
}

#[test]
fn a_function_with_several_callers_is_one() {
    let stacks: &[(&[&str], u64)] = &[
        (&["grab", "load", "main"], 10),
        (&["grab", "parse", "main"], 10),
        (&["grab", "draw", "main"], 10),
    ];
    assert_eq!(found(stacks, &[]), ["grab"]);
    assert!(found(&stacks[1..], &[]).is_empty(), "it has two callers");
    assert_eq!(found(&stacks[1..], &["gr*b"]), ["grab"]);
}

#[test]
fn a_maker_needs_two_callers_and_a_constructor_one() {
    let of = |name| -> Vec<String> {
        found(&[(&[name, "load", "main"], 10), (&[name, "parse", "main"], 10)], &[])
    };
    assert_eq!(of("make_node"), ["make_node"]);
    assert!(of("node").is_empty());
    assert_eq!(of("sub_1b0"), ["sub_1b0"]);
    assert_eq!(found(&[(&["Node::Node(int)", "load", "main"], 1)], &[]), ["Node::Node"]);
    assert!(found(&[(&["make_node", "load", "main"], 1)], &[]).is_empty());
}

#[test]
fn wrappers_of_wrappers_are_found_from_inside() {
    let stacks: &[(&[&str], u64)] = &[
        (&["grab", "make_node@1", "load", "main"], 10),
        (&["grab", "make_node@2", "parse", "main"], 10),
        (&["grab", "text", "parse", "main"], 10),
        (&["grab", "line", "draw", "main"], 10),
    ];
    assert_eq!(found(stacks, &[]), ["grab", "make_node"]);
}

#[test]
fn a_wrapper_in_pieces_is_one_with_all_of_them() {
    let stacks: &[(&[&str], u64)] = &[
        (&["deep", "grab", "take", "load", "main"], 10),
        (&["deep", "grab", "take", "parse", "main"], 10),
        (&["deep", "grab", "take", "draw", "main"], 10),
    ];
    assert_eq!(found(stacks, &[]), ["deep", "grab", "take"]);
    assert!(found(&stacks[1..], &[]).is_empty(), "take has two callers");
    assert_eq!(found(&stacks[1..], &["take"]), ["deep", "grab", "take"]);
    // It does something else with memory, too.
    let busy = (&["take", "draw", "main"][..], 100);
    assert!(found(&[stacks, &[busy]].concat(), &[]).is_empty());
}

#[test]
fn functions_that_do_more_than_to_allocate_are_none() {
    let with = |more: &[(&'static [&'static str], u64)]| {
        let mut stacks: Vec<(&[&str], u64)> = vec![
            (&["step", "load", "main"], 10),
            (&["step", "parse", "main"], 10),
            (&["step", "draw", "main"], 10),
        ];
        stacks.extend(more);
        found(&stacks, &[])
    };
    assert_eq!(with(&[]), ["step"]);
    // It calls itself; a library calls it; it allocates at three lines; a function that it calls
    // allocates; it grows a container.
    let recursive: &[&str] = &["step", "step", "load", "main"];
    assert!(with(&[(recursive, 10)]).is_empty());
    assert!(with(&[(&["step", "qsort", "main"], 10)]).is_empty());
    assert!(
        with(&[(&["step@7", "load", "main"], 10), (&["step@88", "load", "main"], 1)]).is_empty()
    );
    assert!(with(&[(&["read", "step", "main"], 10)]).is_empty());
    assert!(with(&[(&["alloc::vec::Vec<T>::push", "step", "main"], 10)]).is_empty());
    assert_eq!(with(&[(&["alloc::boxed::Box<T>::new", "step", "main"], 10)]), ["step"]);
    // Little of it does not count, and neither does a call with nearly all blocks among many.
    assert_eq!(with(&[(recursive, 1)]), ["step"]);
    assert!(with(&[(&["step", "load@2", "main"], 10_000)]).is_empty());
    let many: &[(&[&str], u64)] = &[(&["step", "a", "main"], 10_000), (&["step", "b", "main"], 1)];
    assert_eq!(with(many), ["step"]);
}

#[test]
fn main_is_none_however_it_is_called() {
    let stacks: &[(&[&str], u64)] =
        &[(&["main", "a"], 1), (&["main", "b"], 1), (&["main", "c"], 1)];
    assert!(found(stacks, &[]).is_empty());
}

#[test]
fn two_documents_have_the_same_wrappers() {
    let [first, second] = [
        document(&[(&["make_it", "load", "main"], 10)]),
        document(&[(&["make_it", "load", "main"], 10), (&["make_it", "parse", "main"], 10)]),
    ];
    let both = [&Frames::new(&first), &Frames::new(&second)];
    assert!(Wrappers::of(&both, &[]).has("make_it"));
    assert!(!Wrappers::of(&both[..1], &[]).has("make_it"));
}

#[test]
fn what_operator_new_calls_is_the_allocator() {
    let document = document(&[(&["tracked", "operator new(unsigned long)", "load", "main"], 10)]);
    let frames = Frames::new(&document);
    assert_eq!(frames.allocator_depth(&document.sites[0]), 2);
}
