#!/bin/bash
# run_spec.sh FOLDER SPEC: runs one spec file. FOLDER gets its output and, as NAME.status, how it
# ended and how many seconds it took; then its name is said. For run_tests.sh.
set -uo pipefail
log=$1/${2//\//-} begin=$SECONDS
timeout --foreground --kill-after=10 "${SPEC_SECONDS:-900}" "$MARE_LUA" \
    tests/support/busted.lua --output=plainTerminal "$2" >"$log" 2>&1 </dev/null
echo "$? $((SECONDS - begin))" >"$log.status"
echo "$2"
