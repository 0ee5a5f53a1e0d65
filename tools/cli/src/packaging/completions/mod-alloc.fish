# The program after `run`, and its arguments.
complete -c mod-alloc -n "__fish_mod_alloc_using_subcommand run" -f -a "(__fish_complete_subcommand --fcs-skip=2 -- OPTIONS_WITH_VALUE)"
