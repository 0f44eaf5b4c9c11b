# shellcheck shell=bash
# ui.sh: how the scripts talk: numbered steps, progress for what takes long, errors that say what to
# do. Sourced, never run. Talk goes to stderr, so that stdout stays free for results.
# Colour and moving lines only on a terminal; NO_COLOR and TERM=dumb are respected.

# One that is exported sends cd elsewhere and lets it print where.
unset CDPATH

ui_bold='' ui_dim='' ui_red='' ui_green='' ui_yellow='' ui_cyan='' ui_reset=''
if [ -t 2 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    ui_bold=$'\e[1m' ui_dim=$'\e[2m' ui_red=$'\e[31m' ui_green=$'\e[32m'
    ui_yellow=$'\e[33m' ui_cyan=$'\e[36m' ui_reset=$'\e[0m'
fi
ui_moves=false
if [ -t 2 ] && [ "${TERM:-dumb}" != dumb ]; then ui_moves=true; fi

# What ui_run runs leads a process group of its own, so that Ctrl-C ends all of it. Bash's list of jobs has it
# from the moment at which it is there; what a script itself runs in the background leads no group.
ui_stop_child() {
    local job
    for job in $(jobs -p); do kill -- "-$job" 2>/dev/null || true; done
}
# What ui_run keeps beside a log for as long as it runs.
ui_shown=''
ui_interrupted() {
    trap '' INT TERM HUP
    ui_stop_child
    [ -z "$ui_shown" ] || rm -f "$ui_shown"
    printf '\n      interrupted\n' >&2
    exit 130
}
trap ui_interrupted INT TERM HUP

ui_step_number=0
ui_step_count=${ui_step_count:-0}

# Announces the next numbered step. A script called by another one (UI_QUIET=1) says nothing.
ui_step() {
    ui_step_number=$((ui_step_number + 1))
    [ -n "${UI_QUIET:-}" ] && return
    printf '%s[%d/%d]%s %s%s%s\n' "$ui_cyan" "$ui_step_number" "$ui_step_count" "$ui_reset" \
        "$ui_bold" "$*" "$ui_reset" >&2
}

ui_note() { printf '      %s\n' "$*" >&2; }
ui_warn() { printf '%swarning:%s %s\n' "$ui_yellow" "$ui_reset" "$*" >&2; }

# ui_die WHAT [WHAT TO DO]: ends the script with status 1 (or ${ui_status}).
ui_die() {
    printf '%serror:%s %s\n' "$ui_red" "$ui_reset" "$1" >&2
    shift
    local line
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit "${ui_status:-1}"
}

# Bad usage: status 2, and where help is.
ui_usage_error() {
    ui_status=2 ui_die "$1" "See ${0##*/} --help."
}

# ui_make_folder DIR WHAT TO DO: makes DIR, or ends the script where it cannot be made or written to.
ui_make_folder() {
    if ! mkdir -p "$1" 2>/dev/null || [ ! -w "$1" ]; then
        ui_die "you may not write to $1" "${@:2}"
    fi
}

# The comment block at the top of the calling script, without its marks, is its help.
ui_help() { sed -n '2,/^[^#]/{s/^# \{0,1\}//;t p;b;:p p}' "$0"; }

ui_columns() {
    local columns=${COLUMNS:-}
    if [ -z "$columns" ] && [ -t 2 ]; then
        columns=$(stty size 2>/dev/null </dev/tty | cut -d' ' -f2)
    fi
    case $columns in ''|0|*[!0-9]*) columns=80 ;; esac
    printf '%s' "$columns"
}

# ui_capture NAME FILE COMMAND...: NAME=$(COMMAND...) by way of FILE, for what a loop asks again and again: bash 5.2
# can lose a Ctrl-C that comes in the middle of a command or process substitution.
ui_capture() {
    local -n ui_captured=$1
    local file=$2
    shift 2
    ("$@") >"$file" || true
    ui_captured=''
    IFS= read -r -d '' ui_captured <"$file" || true
    ui_captured=${ui_captured%$'\n'}
}
ui_last_line() { # FILE
    tail -c 400 "$1" | tr '\r\t' '\n ' | grep -a . | tail -n 1
}

# ui_run LABEL LOG COMMAND...: runs the command with its output in LOG. While it runs, a terminal
# shows the time and the last line of the log (or what the function ui_progress prints of LOG), anything
# else gets a plain line every 15 s. A failure prints the end of LOG. Returns the command's status.
ui_run() {
    local label=$1 log=$2 started=$SECONDS said=0 pid status elapsed doing columns progress=ui_last_line
    shift 2
    mkdir -p "${log%/*}"
    : >"$log"
    ui_shown=$log.shown
    if declare -F ui_progress >/dev/null; then progress=ui_progress; fi
    columns=$(ui_columns)
    set -m
    "$@" >"$log" 2>&1 </dev/null &
    set +m
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        elapsed=$((SECONDS - started))
        if $ui_moves || [ $((elapsed - said)) -ge 15 ]; then
            ui_capture doing "$ui_shown" "$progress" "$log"
            doing="$label ${elapsed}s  $doing"
            if $ui_moves; then
                printf '\r\e[K      %s%s%s' "$ui_dim" "${doing:0:columns-7}" "$ui_reset" >&2
            else
                printf '      ... %s\n' "$doing" >&2
                said=$elapsed
            fi
        fi
        sleep 0.2
    done
    wait "$pid" && status=0 || status=$?
    rm -f "$ui_shown"
    ui_shown=''
    $ui_moves && printf '\r\e[K' >&2
    elapsed=$((SECONDS - started))
    if [ "$status" -ne 0 ]; then
        printf '      %s%s failed%s (status %d) after %d s; the end of %s:\n' \
            "$ui_red" "$label" "$ui_reset" "$status" "$elapsed" "$log" >&2
        tail -n 40 "$log" | sed 's/^/      | /' >&2
    elif [ -z "${UI_QUIET:-}" ]; then
        printf '      %s: %sdone%s in %d s\n' "$label" "$ui_green" "$ui_reset" "$elapsed" >&2
    fi
    return "$status"
}
