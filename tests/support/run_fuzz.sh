#!/bin/bash
# run_fuzz.sh DIR SECONDS: each fuzzer in DIR for so long. The committed corpus of wire_fuzz is
# tests/fuzz/corpus/wire; it is read, and new finds go to DIR/corpus/wire. An input that
# crashes, hangs or eats memory is kept as DIR/wire-*, and the first one ends the run.
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=$1 seconds=$2

for fuzzer in "$dir"/*_fuzz; do
    [ -x "$fuzzer" ] || { echo "no fuzz targets" && exit 1; }
    name=$(basename "$fuzzer" _fuzz)
    found=$dir/corpus/$name committed=tests/fuzz/corpus/$name
    mkdir -p "$found"
    [ -d "$committed" ] || committed=
    if ! "$fuzzer" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -verbosity=0 \
        -print_final_stats=1 -artifact_prefix="$dir/$name-" "$found" $committed \
        >"$dir/$name.log" 2>&1; then
        cat "$dir/$name.log"
        echo "$name: failed; the input is kept as $dir/$name-*"
        exit 1
    fi
    echo "$name: $(sed -n 's/.*number_of_executed_units: *//p' "$dir/$name.log") inputs in $seconds s"
done
