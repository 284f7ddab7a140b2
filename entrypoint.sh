#!/usr/bin/env bash
# The shop in containers: builds, starts, stops and watches it. Usage: ./entrypoint.sh --help
# Runs on bash 3.2 too, which is what macOS has.
set -euo pipefail

readonly UP_TIMEOUT_S=120
readonly LOG_LINES=20

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat <<'USAGE'
Usage: ./entrypoint.sh OPTION...

  --build   build the image, and no more
  --up      build the image, start all services, wait until they are healthy, print their addresses
  --down    stop and remove the containers; data and logs stay
  --logs    show the logs, and follow them on a terminal (Ctrl-C ends that)
  --dev     with any of these: development, which reloads when the source changes
  --help    print this

Options may stand together and in any order: down comes first, then build, up, logs.
--up needs FLOWER_PASSWORD, in .env (see .env.example) or in the environment.
USAGE
}

# One line on standard error, and the end.
die() {
    printf 'entrypoint.sh: %s\n' "$*" >&2
    exit 1
}

# The option's name without its one or two dashes, whatever a word processor made of them.
# Fails when $1 does not start with a dash.
option_name() {
    # Bytes, not characters: the answer must not depend on the caller's locale.
    local LC_ALL=C
    local rest=$1 dash
    for _ in 1 2; do
        # Hyphen-minus; U+2010 to U+2015, hyphens and dashes; U+2212, minus; U+FE58, U+FE63
        # and U+FF0D, small and full-width forms.
        for dash in - $'\xe2\x80\x90' $'\xe2\x80\x91' $'\xe2\x80\x92' $'\xe2\x80\x93' \
            $'\xe2\x80\x94' $'\xe2\x80\x95' $'\xe2\x88\x92' $'\xef\xb9\x98' $'\xef\xb9\xa3' \
            $'\xef\xbc\x8d'; do
            if [[ $rest == "$dash"* ]]; then
                rest=${rest#"$dash"}
                break
            fi
        done
    done
    [[ $rest != "$1" ]] && printf '%s' "$rest"
}

# A setting as Compose will see it: the environment's, else the one in .env. Fails when unset.
setting() {
    local line pattern value='' found=false
    if printenv "$1"; then return 0; fi
    [[ -f $here/.env ]] || return 1
    pattern="^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*[=:][[:space:]]*(.*)$"
    while IFS= read -r line || [[ -n $line ]]; do
        [[ ${line%$'\r'} =~ $pattern ]] || continue
        found=true
        value=${BASH_REMATCH[2]}
        case $value in
        \'*) value=${value#\'} value=${value%%\'*} ;;
        \"*) value=${value#\"} value=${value%%\"*} ;;
        '#'*) value='' ;;
        *) value=${value%%[[:space:]]#*} value=${value%"${value##*[![:space:]]}"} ;;
        esac
    done <"$here/.env"
    $found && printf '%s\n' "$value"
}

# The same values as shop/settings.py refuses.
is_placeholder() {
    local value pattern='^[[:space:]]*(<.*>|\*+|x+|\.+|change[-_ ]?(me|it|this).*|your[-_ ].*'
    pattern+='|placeholder|password|passwd|secret|admin|example|default|todo)[[:space:]]*$'
    value=$(printf %s "$1" | LC_ALL=C tr '[:upper:]' '[:lower:]')
    [[ $value =~ $pattern ]]
}

require_engine() {
    command -v docker >/dev/null ||
        die "Docker is not installed; 'make local' runs the shop without it."
    docker compose version >/dev/null 2>&1 ||
        die "Docker Compose 2 is not installed; 'make local' runs the shop without Docker."
    docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
        die "the Docker engine does not answer (is it running, and may you use it?);" \
            "'make local' runs the shop without it."
}

require_flower_password() {
    local password
    password=$(setting FLOWER_PASSWORD) || password=''
    [[ -n ${password//[[:space:]]/} ]] ||
        die "FLOWER_PASSWORD is not set: copy .env.example to .env and choose one there," \
            "or export it."
    if is_placeholder "$password"; then
        die "FLOWER_PASSWORD is still the placeholder '$password':" \
            "choose your own in $here/.env, or export it."
    fi
}

compose() {
    docker compose --project-directory "$here" -f "$here/$compose_file" "$@"
}

# Any value does where no container is started; without one, Compose refuses its own file.
compose_unstarted() {
    FLOWER_PASSWORD=${FLOWER_PASSWORD:-unused} compose "$@"
}

# The containers run as a user that this machine does not know, so their log folder is open to
# all, like /tmp. Redis takes over its folder by itself.
prepare_folders() {
    mkdir -p "$here/logs" "$here/docker_volumes/redis"
    chmod 1777 "$here/logs" 2>/dev/null ||
        [[ -n $(find "$here/logs" -prune -perm -0002) ]] ||
        die "the containers cannot write to logs: run 'sudo chmod 1777 $here/logs' once."
}

published_port() {
    local address
    address=$(compose port "$1" "$2" 2>/dev/null | head -n 1) || address=''
    printf '%s' "${address##*:}"
}

print_addresses() {
    local api flower redis user
    api=http://localhost:$(published_port backend 8000)
    flower=http://localhost:$(published_port flower 5555)
    redis=127.0.0.1:$(published_port redis 6379)
    user=$(setting FLOWER_USER) || user=''
    printf '\nShopTaskManager is up (%s).\n\n' "$mode"
    printf '  %-8s %s\n' API "$api" Docs "$api/docs" \
        Flower "$flower  (user ${user:-admin}, password: your FLOWER_PASSWORD)" Redis "$redis"
    if [[ $mode = production ]]; then print_open_doors; fi
}

# What may be left open on a laptop. docs/threats.md says what each lets a stranger do.
print_open_doors() {
    local name value
    for name in API_KEY REDIS_PASSWORD; do
        value=$(setting "$name") || value=''
        if [[ -z $value ]]; then
            printf 'entrypoint.sh: %s is not set: choose one in .env before others can reach this machine\n' \
                "$name" >&2
        fi
    done
}

# What became of a container, as one line: 'running, healthy' is the good one.
container_state() {
    docker inspect --format '{{.State.Status}}{{with .State.Health}}, {{.Status}}{{end}}'\
'{{with .RestartCount}}, restarted {{.}} times{{end}}{{with .State.Error}}: {{.}}{{end}}' "$1"
}

# Names the services that are not healthy, with their last log lines. Those that were merely still
# starting are left out when another one is the cause.
print_failures() {
    local service id state starting='' blamed=false
    for service in $(compose config --services); do
        id=$(compose ps --all --quiet "$service" | head -n 1) || id=''
        state='not created'
        if [[ -n $id ]]; then state=$(container_state "$id") || state=gone; fi
        case $state in
        'running, healthy') ;;
        'running, starting') starting+=" $service" ;;
        *)
            blamed=true
            print_failure "$service" "$state" "$id"
            ;;
        esac
    done
    if $blamed; then return; fi
    for service in $starting; do
        print_failure "$service" 'running, not yet healthy' "$(compose ps --quiet "$service")"
    done
}

print_failure() {
    printf '\nentrypoint.sh: %s is not healthy (%s)\n' "$1" "$2" >&2
    if [[ -n $3 ]]; then docker logs --tail "$LOG_LINES" "$3" 2>&1 | sed 's/^/    /' >&2; fi
}

up() {
    prepare_folders
    if compose up --detach --wait --wait-timeout "$UP_TIMEOUT_S"; then
        print_addresses
    else
        print_failures
        exit 1
    fi
}

logs() {
    if [[ -t 1 ]]; then
        compose_unstarted logs --tail 100 --follow
    else
        compose_unstarted logs --tail 100
    fi
}

wants_build=false wants_up=false wants_down=false wants_logs=false wants_help=false
compose_file=docker-compose.yml mode=production
for argument in "$@"; do
    case $(option_name "$argument" || true) in
    build) wants_build=true ;;
    up) wants_up=true ;;
    down) wants_down=true ;;
    logs) wants_logs=true ;;
    dev) compose_file=docker-compose.dev.yml mode=development ;;
    help | h) wants_help=true ;;
    *)
        printf 'entrypoint.sh: unknown option: %s\n' "$argument" >&2
        usage >&2
        exit 2
        ;;
    esac
done

if $wants_help; then
    usage
    exit 0
fi
if ! $wants_build && ! $wants_up && ! $wants_down && ! $wants_logs; then
    usage >&2
    exit 2
fi

# The image of an earlier source would run without a word. One that is up to date costs a second.
if $wants_up; then wants_build=true; fi

require_engine
# Before anything is stopped or built, so that a refusal changes nothing.
if $wants_up; then require_flower_password; fi
# A build that fails leaves what runs as it is.
if $wants_build; then compose_unstarted build; fi
if $wants_down; then compose_unstarted down --remove-orphans; fi
if $wants_up; then up; fi
if $wants_logs; then logs; fi
