//! A store outside of this process, for functions that were looked up in debug files.

use std::boxed::Box;
use std::fmt;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

/// Keeps byte strings by their names. It may lose and damage them: the reader checks its content.
pub trait Storage: Send + Sync {
    /// The content stored as `name`, if there is any.
    fn load(&self, name: &str) -> Option<Vec<u8>>;

    /// Stores `content` as `name`, in the place of what is there. A failure is no matter.
    fn store(&self, name: &str, content: &[u8]);
}

/// Keeps the functions, files and lines that were found in debug files, by the files' build ids.
/// Reports are the same with and without it; the second one of a program is made sooner.
#[derive(Clone)]
pub struct SymbolCache(Arc<Inner>);

struct Inner {
    reader: String,
    storage: Box<dyn Storage>,
}

impl SymbolCache {
    /// The most bytes of a content. Larger ones are neither stored nor read.
    pub const LARGEST: usize = 8 << 20;

    /// A cache in `storage`. `reader` names this build of the program: other builds may demangle
    /// names in another way, so their content is not used.
    pub fn new(reader: String, storage: impl Storage + 'static) -> Self {
        Self(Arc::new(Inner { reader, storage: Box::new(storage) }))
    }

    pub(super) fn reader(&self) -> &str {
        &self.0.reader
    }

    pub(super) fn load(&self, name: &str) -> Option<Vec<u8>> {
        self.0.storage.load(name).filter(|content| content.len() <= Self::LARGEST)
    }

    pub(super) fn store(&self, name: &str, content: &[u8]) {
        self.0.storage.store(name, content);
    }
}

/// Equal if they share their storage.
impl PartialEq for SymbolCache {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SymbolCache {}

impl fmt::Debug for SymbolCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SymbolCache").field("reader", &self.0.reader).finish_non_exhaustive()
    }
}
