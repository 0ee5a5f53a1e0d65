//! The colours of frames, by their names: one hue for a crate or a library, shades within it.

use std::fmt::Write;

const HUES: u64 = 12;
const SHADES: u64 = 3;

/// The class that a frame of this name is drawn in.
pub(super) fn class(name: &str) -> String {
    let hue = hash(family(name)) % HUES;
    let shade = hash(name) % SHADES;
    format!("c{}", hue * SHADES + shade)
}

/// The first part of a path: of functions of one crate or namespace, the same.
fn family(name: &str) -> &str {
    let name = name.trim_start_matches(['<', '&', '*', '[', '(']);
    let name =
        ["mut ", "dyn "].iter().fold(name, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
    name.split("::").next().unwrap_or(name)
}

/// FNV-1a: the same on every machine and in every version.
fn hash(text: &str) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
    // The lowest bits alone are of the last byte.
    hash ^ (hash >> 32)
}

/// The rules for all classes, for light pages and for dark ones.
pub(super) fn rules(is_dark: bool) -> String {
    let mut rules = String::new();
    for class in 0..HUES * SHADES {
        let (hue, shade) = (class / SHADES * 360 / HUES, class % SHADES);
        let (saturation, lightness) =
            if is_dark { (30, 26 + 4 * shade) } else { (62, 74 + 5 * shade) };
        // Writing to a string does not fail.
        let _ = write!(rules, ".c{class}{{fill:hsl({hue},{saturation}%,{lightness}%)}}");
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_a_crate_have_one_hue() {
        let hue = |name: &str| class(name)[1..].parse::<u64>().unwrap() / SHADES;
        let of_alloc = hue("alloc::vec::Vec<T>::push");
        assert_eq!(of_alloc, hue("<alloc::string::String as core::clone::Clone>::clone"));
        assert_eq!(of_alloc, hue("<&mut alloc::vec::Vec<T>>::pop"));
        let hues = ["alloc::a", "core::a", "std::a", "serde::a", "app::a", "syn::a"].map(hue);
        assert!(hues.iter().collect::<std::collections::BTreeSet<_>>().len() > 3, "{hues:?}");
    }

    #[test]
    fn colours_are_the_same_on_every_machine() {
        assert_eq!([class("main"), class("words::split"), class("")], ["c31", "c12", "c27"]);
    }
}
