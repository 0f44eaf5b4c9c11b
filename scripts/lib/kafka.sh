# shellcheck shell=bash
# kafka.sh: what the scripts of the local broker share: layout of a cluster's folder, node state.
# Sourced by scripts/kafka/*, after ui.sh; expects $root.
#
# DIR/bootstrap             host:port of every node, comma separated: what clients connect to
# DIR/node-N/server.properties, pid, server.log, console.log, data/

kafka_libs=$root/.deps/kafka/libs
# A folder for each port that a cluster was given in the last hour.
# shellcheck disable=SC2034 # read by start
kafka_port_claims=${WIRETAG_KAFKA_PORT_CLAIMS:-$root/.deps/kafka/ports}
# As Kafka's own scripts choose it.
kafka_java=${JAVA_HOME:+$JAVA_HOME/bin/}java

kafka_require() {
    [ -n "$(compgen -G "$kafka_libs/kafka_2.13-*.jar")" ] ||
        ui_die "Kafka's jars are not in $kafka_libs" "Run scripts/setup once."
    command -v "$kafka_java" >/dev/null || ui_die 'there is no java' 'Run scripts/setup once (Java 17 or later).'
}

# What every JVM here gets: quick to start rather than quick in the long run, and small.
kafka_java_options=(-Xshare:auto -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData -Djava.awt.headless=true
    "-Dlog4j2.configurationFile=$root/scripts/kafka/log4j2.properties")

# Sets kafka_nodes to the numbers of the nodes that DIR has.
kafka_find_nodes() { # DIR
    local folder
    kafka_nodes=()
    for folder in "$1"/node-*/; do
        [ -f "$folder/server.properties" ] || continue
        folder=${folder%/}
        kafka_nodes+=("${folder##*/node-}")
    done
}

# Whether process PID is node N of DIR: a number in an old file may belong to anything by now.
kafka_is_node() { # PID DIR NODE
    local words=()
    { mapfile -d '' -t words <"/proc/$1/cmdline"; } 2>/dev/null
    [ ${#words[@]} -gt 0 ] && [ "${words[-1]}" = "$2/node-$3/server.properties" ]
}

# Sets kafka_pid to the process id of node N of DIR; fails if it does not run.
kafka_find() { # DIR NODE
    kafka_pid=''
    { read -r kafka_pid <"$1/node-$2/pid"; } 2>/dev/null
    [ -n "$kafka_pid" ] && kafka_is_node "$kafka_pid" "$1" "$2"
}

# kafka_wait_gone PID SECONDS: whether the process ended in time.
kafka_wait_gone() {
    local tenths=$(($2 * 10))
    while [ -d "/proc/$1" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; do
        [ "$tenths" -gt 0 ] || return 1
        tenths=$((tenths - 1))
        sleep 0.1
    done
}

# Makes a DIR given by the user absolute; creates it where asked (kafka_dir DIR create).
kafka_dir() {
    if [ "${2:-}" = create ]; then
        ui_make_folder "$1" 'Name a folder you may write to: --dir DIR.'
    fi
    [ -d "$1" ] || ui_die "there is no folder $1" 'Start a broker in it first: scripts/kafka/start --dir DIR.'
    (cd "$1" && pwd -P)
}
