//! The choices on the command line of a bench: numbers, and things by name.

/// A thing with a name on the command line.
pub(crate) trait Named: PartialEq {
    /// The word for one such thing in a complaint.
    const KIND: &'static str;

    fn name(&self) -> &'static str;
}

/// A number above 0.
pub(crate) fn number(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|&number| number > 0).ok_or(format!("{text}: not a number above 0"))
}

/// Things by name, in the order of `list`; `threads` is every `threads-…`.
pub(crate) fn by_name_or_family<T: Named + Copy>(all: &[T], list: &str) -> Result<Vec<T>, String> {
    let mut chosen = Vec::new();
    for name in list.split(',') {
        let family = format!("{name}-");
        let is_meant = |thing: &&T| thing.name() == name || thing.name().starts_with(&family);
        let before = chosen.len();
        chosen.extend(all.iter().filter(is_meant));
        if chosen.len() == before {
            return Err(unknown::<T>(name));
        }
    }
    Ok(chosen)
}

/// Things by name. The first of `all` always comes first: the others are compared with it.
pub(crate) fn beside_the_first<T: Named>(
    all: &'static [T],
    list: &str,
) -> Result<Vec<&'static T>, String> {
    let mut chosen: Vec<&T> = all.iter().take(1).collect();
    for name in list.split(',') {
        let found = all.iter().find(|thing| thing.name() == name);
        let thing = found.ok_or_else(|| unknown::<T>(name))?;
        if !chosen.contains(&thing) {
            chosen.push(thing);
        }
    }
    Ok(chosen)
}

fn unknown<T: Named>(name: &str) -> String {
    format!("no {} is called {name}", T::KIND)
}
