//! A page in a file.

use std::path::Path;

use crate::base::output;
use crate::base::say::say;

use super::content::{Options, Shown, write};
use super::open::open;

/// Writes the page to `target`, tells the user of it, and opens it in the browser if `opens`. `-`
/// is standard output, of which nothing is told. In a folder, the page has the name `name`.
///
/// # Errors
///
/// The failure, for people.
pub(crate) fn save(
    shown: Shown<'_>,
    options: Options,
    target: &Path,
    name: &Path,
    opens: bool,
) -> Result<(), String> {
    let file = output::file_at(target, || name.to_owned());
    let target = &file.map_err(|error| format!("{} cannot be made: {error}", target.display()))?;
    let written = output::to_path(target, &mut |out| write(shown, options, out));
    let place = target.display();
    written.map_err(|error| format!("writing the page to {place} failed: {error}"))?;
    if target == Path::new("-") {
        return Ok(());
    }
    say!("The page has been saved to {place}, for any browser");
    if opens {
        open(target).map_err(|error| format!("{place} cannot be opened: {error}"))?;
    }
    Ok(())
}
