# Sourced by the scripts of this folder: where things are, and how a step is
# run, timed and counted.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
script=$(basename "$0")
cd "$root"

# An absolute path, because some steps run in another folder.
target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
export CARGO_TARGET_DIR=$target
# One folder of logs per outermost script; the scripts it calls add to it.
if [ -z "${CHECK_LOGS:-}" ]; then
    export CHECK_LOGS=$target/check/$script
    rm -rf "$CHECK_LOGS"
fi
mkdir -p "$CHECK_LOGS"

# A shell that rustup has not been introduced to yet.
if ! command -v cargo >/dev/null; then
    PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
fi

steps_passed=0
failed_steps=()
declare -A lanes=()

die() {
    printf '%s: %s\n' "$script" "$*" >&2
    exit 1
}

# step NAME COMMAND…: runs it and times it. A failure is kept for `finish`, so
# that one run shows everything that is wrong.
step() {
    local name=$1 start=$SECONDS status=0
    shift
    printf '\n==> %s\n' "$name"
    "$@" 2>&1 | tee "$CHECK_LOGS/step.${name//[ \/]/-}" || status=$?
    if [ "$status" -eq 0 ]; then
        printf '<== %s: passed in %d s\n' "$name" $((SECONDS - start))
        steps_passed=$((steps_passed + 1))
    else
        printf '<== %s: FAILED with status %d after %d s\n' "$name" "$status" $((SECONDS - start))
        failed_steps+=("$name")
        printf '%s\n' "${name//[ \/]/-}" >>"$CHECK_LOGS/failed"
    fi
}

# lane NAME: runs the steps of the function NAME beside all that follows, until `join_lanes`. A
# build keeps two cores busy, a test seldom more than one. Lanes have target folders of their own:
# cargo locks them.
lane() {
    local name=$1
    # In a process group of its own.
    set -m
    (
        set +m
        trap - EXIT
        failed_steps=()
        steps_passed=0
        "$name"
        printf '%s\n' "$steps_passed" "${failed_steps[@]}" >"$CHECK_LOGS/lane.$name"
    ) >"$CHECK_LOGS/lane.$name.output" 2>&1 </dev/null &
    set +m
    lanes[$name]=$!
}

# Waits for the lanes, prints what each has printed, and counts its steps.
join_lanes() {
    local name result
    for name in "${!lanes[@]}"; do
        wait "${lanes[$name]}" || true
        unset "lanes[$name]"
        cat "$CHECK_LOGS/lane.$name.output"
        mapfile -t result 2>/dev/null <"$CHECK_LOGS/lane.$name" || result=(0 "$name, which ended early")
        steps_passed=$((steps_passed + result[0]))
        failed_steps+=("${result[@]:1}")
    done
}

# Lanes do not outlive the script.
end_lanes() {
    local process
    for process in "${lanes[@]}"; do
        kill -- "-$process" 2>/dev/null || true
    done
}
trap end_lanes EXIT

# Runs a test command and keeps its output for the count.
run_tests() {
    "$@" 2>&1 | tee "$(mktemp "$CHECK_LOGS/tests.XXXXXX")"
}

# Runs a command with the preload library that the workspace's build has made: for workspaces that
# embed it and never load it. Where there is none yet, the command makes its own.
with_preload_library() {
    local builds=$target/debug/build library=
    [ ! -d "$builds" ] || library=$(
        find "$builds" -path '*/out/preload/*/release/libmod_alloc_preload.so' -printf '%T@ %p\n' |
            sort -n | tail -n 1 | cut -d ' ' -f 2-
    )
    env ${library:+"MOD_ALLOC_PRELOAD_LIBRARY=$library"} "$@"
}

# Adds up the "test result:" lines of all logged test commands.
count_tests() {
    find "$CHECK_LOGS" -name 'tests.*' -exec cat {} + | awk '
        /^test result: / {
            for (i = 2; i <= NF; i++) {
                if ($i == "passed;") passed += $(i - 1)
                if ($i == "failed;") failed += $(i - 1)
                if ($i == "ignored;") ignored += $(i - 1)
            }
        }
        END { printf "%d passed, %d failed, %d ignored", passed, failed, ignored }'
}

# What is red, once more: it lies thousands of lines above the end, and a log that is kept in part
# has its end. Of tests what they have printed, of other steps their last lines.
show_failures() {
    local name
    while read -r name; do
        # A step of steps is told by the ones in it.
        ! grep -q '^<== .*: FAILED' "$CHECK_LOGS/step.$name" || continue
        printf '\n==> %s failed:\n' "$name"
        awk '
            / Running .*\(|^ *Doc-tests / { binary = $0 }
            /^failures:$/ { inside = 1; if (shown != binary) print binary; shown = binary }
            /^test result: / { inside = 0 }
            inside { print; found = 1 }
            { last[NR % 20] = $0 }
            END { for (i = NR < 20 ? 0 : NR - 19; i <= NR && !found; i++) print last[i % 20] }
        ' "$CHECK_LOGS/step.$name" | head -n 300
    done <"$CHECK_LOGS/failed"
}

# The last line, and the exit status: non-zero if any step failed.
finish() {
    [ "${#failed_steps[@]}" -eq 0 ] || [ "$CHECK_LOGS" != "$target/check/$script" ] ||
        show_failures
    printf '\n%s: tests: %s; steps: %d passed, %d failed%s\n' "$script" "$(count_tests)" \
        "$steps_passed" "${#failed_steps[@]}" "${failed_steps[*]:+ (${failed_steps[*]})}"
    [ "${#failed_steps[@]}" -eq 0 ]
}
