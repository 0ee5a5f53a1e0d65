# The options of `mod-alloc run` that a value follows.
_mod_alloc__with_value=" OPTIONS_WITH_VALUE "

# Completes the word at the cursor. $1: the function that knows the options, $2: the index of the
# word that is the command's name, $3: `programs` if a program follows `run`.
_mod_alloc__words() {
    local function=$1 start=$2 kind=$3
    local -a words=("$function" "${COMP_WORDS[@]:start+1}")
    local -i at=COMP_CWORD-start i program=0
    local cur=${words[at]} prev=${words[at - 1]} command= word

    # `--format=json` are three words.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]] && ((at > 1)); then
        prev=${words[at - 2]}
    fi

    for ((i = 1; i < at; i++)); do
        word=${words[i]}
        if [[ $word == -- ]]; then
            program=i+1
            break
        elif [[ $word == -* ]]; then
            if [[ $_mod_alloc__with_value == *" $word "* ]]; then
                [[ ${words[i + 1]} == = ]] && i+=1
                i+=1
            fi
        elif [[ -z $command ]]; then
            command=$word
        else
            program=i
            break
        fi
    done
    if [[ $kind == programs && $command == run ]]; then
        # The word at the cursor is neither an option nor the value of one.
        ((program == 0 && i == at)) && [[ $cur != -* ]] && program=at
        if ((program > 0)); then
            _mod_alloc__program $((start + program))
            return
        fi
    fi

    local -a COMP_WORDS=("${words[@]}")
    local COMP_CWORD=$at
    "$function" "$function" "$cur" "$prev"
    # Options are for those who begin one. Names of values are nothing to type.
    if [[ $cur != -* ]]; then
        local -a found=("${COMPREPLY[@]}")
        COMPREPLY=()
        for word in "${found[@]}"; do
            [[ $word == [-\<[]* ]] || COMPREPLY+=("$word")
        done
    fi
}

# Completes a program's name or its arguments; $1: the index of its name.
_mod_alloc__program() {
    COMPREPLY=()
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$1"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif ((COMP_CWORD == $1)); then
        local IFS=$'\n'
        COMPREPLY=($(compgen -c -- "${COMP_WORDS[COMP_CWORD]}"))
    fi
}

_mod_alloc__alone() {
    _mod_alloc__words _mod_alloc 0 programs
}

_mod_alloc__of_cargo() {
    _mod_alloc__words _cargo_mod_alloc 0
}

# The function that completes cargo's own commands.
_mod_alloc__cargo=

_mod_alloc__find_cargo() {
    local found
    found=$(complete -p cargo 2>/dev/null)
    if [[ $found =~ \ -F\ ([^\ ]+) && ${BASH_REMATCH[1]} != _mod_alloc__in_cargo ]]; then
        _mod_alloc__cargo=${BASH_REMATCH[1]}
    fi
}

# `cargo mod-alloc …`; all else is cargo's own.
_mod_alloc__in_cargo() {
    local -i i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            mod-alloc)
                _mod_alloc__words _cargo_mod_alloc $i
                return
                ;;
            [+-]*) ;;
            *) break ;;
        esac
    done
    if [[ -z $_mod_alloc__cargo ]]; then
        # bash-completion loads what is there for cargo, which takes our place.
        if declare -F _comp_load >/dev/null; then
            _comp_load -D -- cargo
        elif declare -F _completion_loader >/dev/null; then
            _completion_loader cargo
        fi
        _mod_alloc__find_cargo
        complete -F _mod_alloc__in_cargo -o bashdefault -o default cargo
    fi
    COMPREPLY=()
    if [[ -n $_mod_alloc__cargo ]] && declare -F "$_mod_alloc__cargo" >/dev/null; then
        "$_mod_alloc__cargo" "$@"
    elif ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W mod-alloc -- "${COMP_WORDS[1]}"))
    fi
}

_mod_alloc__find_cargo
complete -F _mod_alloc__alone -o bashdefault -o default mod-alloc
complete -F _mod_alloc__of_cargo -o bashdefault -o default cargo-mod-alloc
complete -F _mod_alloc__in_cargo -o bashdefault -o default cargo
