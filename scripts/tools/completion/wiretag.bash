# shellcheck shell=bash
# wiretag.bash: completion of wiretag's commands, options, values and files for bash.
#
#     source scripts/tools/completion/wiretag.bash
#
# Everything is read off the help texts of the very wiretag that is on the command line, once a shell
# for each of them, so there is no list here to fall behind. An option completes to files where its
# value is called FILE or BUNDLE, to words where its text is a list of them ("auto (default), cpu or cuda").

declare -gA _wiretag_helps

# Sets _wiretag_help to what `WIRETAG COMMAND... --help` says.
_wiretag_read_help() { # WIRETAG COMMAND...
    local key="$*"
    if [ -z "${_wiretag_helps[$key]+set}" ]; then
        _wiretag_helps[$key]=$("$@" --help 2>/dev/null </dev/null)
    fi
    _wiretag_help=${_wiretag_helps[$key]}
}

# The words that may follow COMMAND...: the list under "Commands:", or those behind it in "Usage:".
_wiretag_commands() { # COMMAND...
    local line in_list=false words="wiretag${*:+ $*}"
    while IFS= read -r line; do
        if [ "$line" = Commands: ]; then
            in_list=true
        elif [ -z "$line" ]; then
            in_list=false
        elif $in_list && [[ $line =~ ^\ \ ([a-z][a-z-]*)\  ]]; then
            printf '%s\n' "${BASH_REMATCH[1]}"
        elif [ $# -gt 0 ] && [[ $line =~ ^(Usage:|\ {6})\ "$words"\ ([a-z][a-z-]*)(\ |$) ]]; then
            printf '%s\n' "${BASH_REMATCH[2]}"
        fi
    done <<<"$_wiretag_help"
}

_wiretag_options() {
    local line
    while IFS= read -r line; do
        if [[ $line =~ ^\ \ (-[a-zA-Z],\ )?(--[a-z][a-z0-9-]*) ]]; then
            printf '%s\n' "${BASH_REMATCH[2]}"
        fi
    done <<<"$_wiretag_help"
}

# What OPTION takes: sets _wiretag_value to its name ("FILE"; empty: nothing) and _wiretag_text to the
# explanation behind it.
_wiretag_describe() { # OPTION
    local line
    _wiretag_value='' _wiretag_text=''
    while IFS= read -r line; do
        if [[ $line =~ ^\ \ ((-[a-zA-Z]),\ )?(--[a-z][a-z0-9-]*)(\ ([A-Z][A-Z=.:,a-z]*))?(\ \ +(.*))?$ ]] &&
            [ -n "$1" ] && { [ "${BASH_REMATCH[2]}" = "$1" ] || [ "${BASH_REMATCH[3]}" = "$1" ]; }; then
            _wiretag_value=${BASH_REMATCH[5]} _wiretag_text=${BASH_REMATCH[7]}
            return
        fi
    done <<<"$_wiretag_help"
}

# The words of a text that is nothing but a list of them.
_wiretag_choices() { # TEXT
    local text=${1// (default)/} choice
    text=${text%%;*}
    text=${text// or /, }
    [[ $text == *,* ]] || return
    [[ $text =~ ^[a-z0-9:N-]+(, [a-z0-9:N-]+)+$ ]] || return
    for choice in ${text//,/}; do printf '%s\n' "${choice%N}"; done
}

_wiretag() {
    local current=$2 previous=${COMP_WORDS[COMP_CWORD - 1]} word words=() index
    # What is already typed: the commands before the first option.
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        case $word in -*) break ;; esac
        words+=("$word")
    done
    _wiretag_read_help "$1" "${words[@]}"
    _wiretag_describe "$previous"
    case $_wiretag_value in
        FILE*|BUNDLE*)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return ;;
        ?*)
            mapfile -t COMPREPLY < <(compgen -W "$(_wiretag_choices "$_wiretag_text")" -- "$current")
            return ;;
    esac
    case $current in
        -*) mapfile -t COMPREPLY < <(compgen -W "$(_wiretag_options)" -- "$current") ;;
        *) mapfile -t COMPREPLY < <(compgen -W "$(_wiretag_commands "${words[@]}")" -- "$current") ;;
    esac
    # At the end of the commands an option is what can follow.
    if [ ${#COMPREPLY[@]} -eq 0 ] && [ -z "$current" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_wiretag_options)" -- "$current")
    fi
}

complete -F _wiretag wiretag
