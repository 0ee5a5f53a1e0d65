//! Where a recording's debug files come from, as the user says it.

use std::path::PathBuf;

use mod_alloc::report::Options;

use super::{debuginfod, symbol_cache};

/// Options of all commands that read recordings.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct DebugFiles {
    /// Search DIR for debug files of recordings; may be given several times
    #[arg(long = "debug-dir", value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Ask the servers in DEBUGINFOD_URLS for debug files that are not here, by the program
    /// debuginfod-find
    #[arg(long = "debuginfod")]
    by_network: bool,
}

impl DebugFiles {
    /// A profile's options.
    pub(crate) fn options(&self) -> Options {
        let mut options = Options::default();
        options.debug_dirs.clone_from(&self.dirs);
        options.fetch = self.by_network.then(debuginfod::fetch);
        options.cache = symbol_cache::cache();
        options
    }

    /// Looking up names may take long, and asks others.
    pub(crate) fn by_network(&self) -> bool {
        self.by_network
    }
}
