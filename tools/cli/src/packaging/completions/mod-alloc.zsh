# cargo's own completion calls `_cargo-mod-alloc` for `cargo mod-alloc`. Where there is none:
_mod-alloc_in_cargo() {
    if [[ $words[2] == mod-alloc ]]; then
        shift words
        ((CURRENT -= 1))
        _cargo-mod-alloc
    elif ((CURRENT == 2)); then
        _wanted commands expl 'cargo command' compadd mod-alloc
    else
        _default
    fi
}

if [[ $funcstack[1] == _mod-alloc ]]; then
    # Loaded as a file of `fpath`, to complete a word now.
    case $service in
        cargo-mod-alloc) _cargo-mod-alloc "$@" ;;
        *) _mod-alloc "$@" ;;
    esac
else
    compdef _mod-alloc mod-alloc
    compdef _cargo-mod-alloc cargo-mod-alloc
    (($+_comps[cargo])) || compdef _mod-alloc_in_cargo cargo
fi
