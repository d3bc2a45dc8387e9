#!/bin/bash
# run_tests.sh BUILD WHAT...: runs the unit tests (tests/unit) and the specs (a folder or a
# *_spec.lua file) against the products in BUILD, and closes with "N passed, N failed".
#
# Each spec file is a process of its own (run_spec.sh): one that crashes, hangs or leaks costs its
# own result and no other's. Whatever ends without saying how it went has failed. Two run side by
# side (SPEC_JOBS), for most of their time is spent waiting for other programs.
set -uo pipefail
cd "$(dirname "$0")/../.."
build=$1
shift
. tests/support/paths.sh

passed=0 failed=0 pending=0
folder=$(mktemp -d)
log=$folder/unit
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM

# What a spec starts as another Lua: `os.getenv "MARE_LUA"`.
export MARE_LUA=lua5.4
if [ "$build" = build/check ]; then
    MARE_LUA=$PWD/build/check/lua
    export LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$PWD/tests/support/leaks.supp:print_suppressions=0}
    export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
fi

# count NAME STATUS PASSED FAILED: adds one program's result. An empty count means that the
# program never came to its closing line; a bad status without a failure is one, too.
count() {
    local name=$1 status=$2 good=${3:-0} bad=${4:-}
    if [ -z "$bad" ] || { [ "$bad" = 0 ] && [ "$status" != 0 ]; }; then
        echo "$name: ended with status $status and no word on it"
        bad=$((${bad:-0} + 1))
    fi
    passed=$((passed + good)) failed=$((failed + bad))
}

run_unit() {
    "$build/tests/unit" 2>&1 | tee "$log"
    local status=${PIPESTATUS[0]}
    local line
    line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
    # shellcheck disable=SC2086 # "N passed, N failed" is split on purpose
    set -- $line
    count "$build/tests/unit" "$status" "${1:-}" "${3:-}"
}

# What run_spec.sh has left of a spec that ended.
report_spec() {
    local file=$1 log=$folder/${1//\//-} status seconds line
    read -r status seconds <"$log.status"
    echo "$file"
    # "N successes / N failures / N errors / N pending : N seconds"
    line=$(grep -aE '^[0-9]+ success(es)? / ' "$log" | tail -n 1)
    # shellcheck disable=SC2086
    set -- $line
    local good=${1:-} bad=
    [ -z "$line" ] || bad=$(($4 + $7)) pending=$((pending + ${10}))
    if [ "$bad" = 0 ] && [ "$status" = 0 ]; then
        echo "    $good passed$([ "${10}" = 0 ] || echo ", ${10} pending"), $seconds s"
        grep -a -A 2 '^Pending -> ' "$log" | sed 's/^/    /'
    else
        cat "$log"
    fi
    count "$file" "$status" "$good" "$bad"
}

run_specs() {
    while read -r file; do
        report_spec "$file"
    done < <(find "$1" -name '*_spec.lua' | sort |
        xargs -r -P "${SPEC_JOBS:-2}" -I SPEC tests/support/run_spec.sh "$folder" SPEC)
}

for what in "$@"; do
    if [ "$what" = tests/unit ]; then
        run_unit
    elif [ -e "$what" ]; then
        run_specs "$what"
    fi
done

[ "$pending" = 0 ] || echo "($pending pending)"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
