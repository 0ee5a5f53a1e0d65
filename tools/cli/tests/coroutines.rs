//! Coroutines on stacks that have just room for what they do without us.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::process::Command;

use run_support::{Scratch, json, ours, status, sum_of, text};

#[test]
fn a_stack_that_suffices_without_us_suffices_and_is_walked_to_its_end() {
    let scratch = Scratch::new("coroutines");
    let program = scratch.compile("coroutines", &[]);
    for size in ["4096", "8192", "16384"] {
        let plain = Command::new(&program).arg(size).output().unwrap();
        assert_eq!((status(&plain), &*text(&plain.stdout)), (0, "over\n"), "{size}");
        for lifetimes in ["off", "on"] {
            let words = ["run", "-o", "r.json", "--", program.to_str().unwrap(), size];
            let mut command = scratch.command(&words);
            let output = command.env("MOD_ALLOC_LIFETIMES", lifetimes).output().unwrap();
            assert_eq!((status(&output), &output.stdout), (0, &plain.stdout), "{}", ours(&output));
            let report = json(&scratch.join("r.json"));
            let losses = report["x_losses"].as_object().unwrap().values();
            assert!(losses.into_iter().all(|figure| figure == 0), "{}", report["x_losses"]);
            // A reallocation counts once more where its block was made.
            for (site, blocks, left) in
                [("site_new", 2000, 0), ("site_zeroed", 1000, 0), ("site_kept", 20, 20)]
            {
                let found = ["tbk", "ebk"].map(|key| sum_of(&report, site, key));
                assert_eq!(found, [blocks, left], "{site} on {size} bytes");
            }
            assert_eq!(sum_of(&report, "body", "ebk"), 20);
        }
    }
}
