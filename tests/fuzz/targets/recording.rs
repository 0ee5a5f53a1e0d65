//! A recording, made of patches, all the way to the reports.
#![no_main]

use std::cell::OnceCell;

use libfuzzer_sys::fuzz_target;
use mod_alloc::recording::file::{Error, RecordingFile};
use mod_alloc::report::{Options, Profile};
use mod_alloc_fuzz::memory_file::MemoryFile;
use mod_alloc_fuzz::{judge, patches};

thread_local! {
    static FILE: OnceCell<MemoryFile> = const { OnceCell::new() };
}

fuzz_target!(|input: &[u8]| {
    let bytes = patches::apply(input);
    FILE.with(|file| {
        let file = file.get_or_init(|| MemoryFile::new().expect("the system has files in memory"));
        if let Err(error) = read(file, &bytes) {
            assert!(!error.to_string().is_empty());
        }
    });
});

fn read(file: &MemoryFile, bytes: &[u8]) -> Result<(), Error> {
    let path = file.hold(bytes).expect("there is memory for it");
    let recording = RecordingFile::open(path)?.read_what_is_there()?;
    for trim in [true, false] {
        let mut options = Options::default();
        options.trim = trim;
        judge::profile(&Profile::from_recording(&recording, &options));
    }
    Ok(())
}
