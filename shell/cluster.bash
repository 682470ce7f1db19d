# Completion for bash of the command cluster: what its own help says.

_cluster() {
    local program=${COMP_WORDS[0]} command=${COMP_WORDS[1]-}
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local commands words=
    commands=$("$program" help 2>/dev/null | sed -n 's/^  \([a-z]*\).*/\1/p')
    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ] || [ "$before" = help ]; then
        words=$commands
    elif [[ $word == -* ]]; then
        words=$("$program" help "$command" 2>/dev/null |
            grep -oE '(^|[[:space:]])-[a-z0-9]+')
    elif [[ $before =~ ^--?format$ ]]; then
        words="table tcl json tsv"
    elif [ "$command" = serve ] || [[ $before =~ ^--?template$ ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o filenames -F _cluster cluster
