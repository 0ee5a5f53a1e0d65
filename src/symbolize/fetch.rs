//! Debug files that are not on this machine.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Asked, by the build id of its object, for a debug file that is not on this machine. Answers with
/// the path of a copy, which is checked. It may take its time: nothing else is resolved meanwhile.
#[derive(Clone)]
pub struct Fetch(Arc<Asked>);

/// From a build id to a path.
type Asked = dyn Fn(&[u8]) -> Option<PathBuf> + Send + Sync;

impl Fetch {
    /// Asks `by`, once for each module and each file that it shares parts with.
    pub fn new(by: impl Fn(&[u8]) -> Option<PathBuf> + Send + Sync + 'static) -> Self {
        Self(Arc::new(by))
    }

    pub(super) fn ask(&self, build_id: &[u8]) -> Option<PathBuf> {
        (self.0)(build_id)
    }
}

/// Equal if they share what they ask.
impl PartialEq for Fetch {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Fetch {}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch").finish_non_exhaustive()
    }
}
