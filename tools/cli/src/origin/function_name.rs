//! The name of a function without the parts that differ between its instances.

use std::borrow::Cow;

use super::functions::without_return_type;
use crate::dhat_file::stable_name;

/// The function that `name` is an instance of: without what compilers number, without the
/// arguments of templates and generics, without parameters and the type of C++'s templates.
///
/// `T* app::Pool<T>::make<int>(int&&)` and `T* app::Pool<U>::make<>()` are `app::Pool::make`.
pub(crate) fn generic_name(name: &str) -> Cow<'_, str> {
    let name = stable_name(name);
    if !name.contains(['<', '(']) {
        return name;
    }
    let shown = without_parameters(without_return_type(&name));
    without_arguments(shown).into()
}

/// `f(int) const` is `f`; `(anonymous namespace)::f` and `{lambda(int)#1}` stay.
pub(crate) fn without_parameters(name: &str) -> &str {
    let cut = name.trim_end_matches(" const").trim_end_matches([' ', '&']);
    let Some(inner) = cut.strip_suffix(')') else { return name };
    let mut depth = 0;
    for (at, byte) in inner.bytes().enumerate().rev() {
        match byte {
            b')' => depth += 1,
            b'(' if depth > 0 => depth -= 1,
            // Not the name `operator()` itself.
            b'(' if at > 0 && !inner[..at].ends_with("operator") => return &inner[..at],
            b'(' => return name,
            _ => {}
        }
    }
    name
}

/// Without what is in angle brackets; of `<A as B>::f`, which begins with one, that one stays.
fn without_arguments(name: &str) -> String {
    let kept = usize::from(name.starts_with('<'));
    let mut depth = 0_usize;
    let mut text = String::with_capacity(name.len());
    for (at, letter) in name.char_indices() {
        match letter {
            '<' if !name[..at].ends_with("operator") && !name[..at].ends_with("operator<") => {
                depth += 1;
                if depth > kept {
                    continue;
                }
            }
            // Not of an arrow, and not of `operator>`.
            '>' if depth > 0 && !name[..at].ends_with('-') => {
                depth -= 1;
                if depth >= kept {
                    continue;
                }
            }
            _ => {}
        }
        if depth <= kept {
            text.push(letter);
        }
    }
    text.replace("::::", "::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_of_a_function_have_one_name() {
        for (written, expected) in [
            ("make_node", "make_node"),
            ("make_node.constprop.0", "make_node"),
            ("app::Pool<app::Sprite>::make", "app::Pool::make"),
            ("app::Pool<T>::make::{{closure}}", "app::Pool::make::{closure}"),
            ("<app::Pool<T>>::make", "<app::Pool>::make"),
            ("<app::A<T> as app::B<U>>::f::h0123456789abcdef", "<app::A as app::B>::f"),
            ("E* engine::Pool<E>::create<int, int>(int&&, int&&)", "engine::Pool::create"),
            ("E* engine::Pool<E>::create<>()", "engine::Pool::create"),
            ("f(int, void (*)(int)) const", "f"),
            ("(anonymous namespace)::f(int)", "(anonymous namespace)::f"),
            ("app::F::operator()(int)", "app::F::operator()"),
            ("app::operator<<(std::ostream&)", "app::operator<<"),
            ("tracked(unsigned long)", "tracked"),
        ] {
            assert_eq!(generic_name(written), expected, "{written}");
        }
    }

    #[test]
    fn odd_names_come_to_an_end() {
        for name in ["<", ">", "(", ")", "<<>", "a<b", "f)", "()", "-><", "ä<ö>(ü)", "operator<"]
        {
            let _ = generic_name(name);
        }
    }
}
