#!/bin/sh
# symbols.sh core.so: the module exports luaopen_* and nothing else. Programs that load us have
# thousands of symbols of their own; a name of ours that escapes may silently become theirs.
set -eu
exported=$(nm -D --defined-only --format=posix "$1" | cut -d' ' -f1)
stray=$(echo "$exported" | grep -v '^luaopen_' || true)
if [ -n "$stray" ]; then
    echo "$1 exports more than luaopen_*:" $stray >&2
    exit 1
fi
case $exported in
*luaopen_mare_core*) ;;
*) echo "$1 does not export luaopen_mare_core" >&2 && exit 1 ;;
esac
