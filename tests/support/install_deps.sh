#!/bin/bash
# install_deps.sh GROUP...: sees to it that the programs and libraries of these groups are there.
#
# Each is looked for by what we use of it (a command, a pkg-config name, a file), not by the
# package's name: whoever built libuv himself is not asked to install it again, and looking
# costs a few milliseconds. Only what is missing is then installed, where apt is; elsewhere
# one line names it.
set -euo pipefail
cd "$(dirname "$0")/../.."

PATH=$PATH:/usr/sbin:/sbin # where Debian keeps ip(8), off the path of a user
missing=()
# need PACKAGE TEST...: the Debian package that makes the test succeed.
need() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}
need_command() { need "$2" command -v "$1"; }
need_library() { need "$2" pkg-config --exists "$1"; }
any_of() { compgen -G "$1" || { shift && [ $# -gt 0 ] && any_of "$@"; }; }
lua_headers() {
    [ -n "${LUA_INCDIR:-}" ] || any_lua_package lua5.4 lua-5.4 lua54 'lua >= 5.4'
}
any_lua_package() {
    local name
    for name in "$@"; do
        pkg-config --exists "$name" && return
    done
    return 1
}
lua_finds() { lua5.4 -e "assert(package.searchpath('$1', package.path .. ';' .. package.cpath))"; }

group_build() {
    need_command "${CC:-cc}" gcc
    need libc6-dev test -e /usr/include/stdio.h
    need_command make make
    need_command pkg-config pkg-config
    need liblua5.4-dev lua_headers
    need_library libuv libuv1-dev
    need_library libcurl libcurl4-openssl-dev
    need_library libcrypto libssl-dev
    need_library libmicrohttpd libmicrohttpd-dev
    # Optional, so that nobody is asked to install them where there is no apt: port mapping.
    command -v apt-get >/dev/null || return 0
    need libminiupnpc-dev any_of '/usr/include/miniupnpc/miniupnpc.h' '/usr/local/include/miniupnpc/*.h'
    need libnatpmp-dev any_of '/usr/include/natpmp.h' '/usr/local/include/natpmp.h'
}
group_lua() {
    need_command lua5.4 lua5.4
    # libcurl only recommends the authorities that it verifies HTTPS with.
    [ ! -e /etc/debian_version ] || need ca-certificates test -e /etc/ssl/certs/ca-certificates.crt
}
group_demo() {
    need lua-socket lua_finds socket # its tracker listens with it
}
group_specs() {
    need lua-busted lua_finds busted.runner
    # The languages that an mpv may speak: its script is run in each.
    need_command lua5.1 lua5.1
    need_command lua5.2 lua5.2
    need_command luajit luajit
}
# Real peers and tools for the interop specs, and the event loops that one can embed us in.
group_peers() {
    need_command aria2c aria2
    need_command transmission-daemon transmission-daemon
    need_command transmission-create transmission-cli
    need_command opentracker opentracker
    need_command microsocks microsocks
    need_command tinyproxy tinyproxy-bin
    need python3-libtorrent any_of '/usr/lib*/python3*/*-packages/libtorrent*'
    need lua-luv lua_finds luv
    need lua-cqueues lua_finds _cqueues
    need_command luarocks luarocks
    need_command git git
    need_command valgrind valgrind
    need_command mpv mpv
    need_command ffmpeg ffmpeg
    need_command cvlc vlc-bin
    need vlc-plugin-base any_of '/usr/lib*/*/vlc/plugins/codec/libavcodec_plugin.so' \
        '/usr/lib*/vlc/plugins/codec/libavcodec_plugin.so'
    need_command openssl openssl
    need_command curl curl
    need_command pgrep procps
    need_command ip iproute2
}
group_fuzz() {
    need_command clang clang
    need libclang-rt-dev any_of '/usr/lib*/clang/*/lib/*/libclang_rt.fuzzer*' \
        '/usr/lib/llvm-*/lib/clang/*/lib/*/libclang_rt.fuzzer*'
}
group_bench() {
    need_command python3 python3
    need_command openssl openssl
    need_command cmp diffutils
}
group_lint() {
    need_command gcc gcc
    need_command clang clang
    need_command clang-format clang-format
    need_command luacheck lua-check
    need_command nm binutils
}

for group in "$@"; do
    "group_$group"
done
[ ${#missing[@]} -gt 0 ] || exit 0

fail() {
    echo "mare: please install (Debian's names): ${missing[*]}" >&2
    exit 1
}
# As root, or through sudo: with a terminal it may ask for a password, without one it must not.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif [ -t 0 ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}
# RUNLEVEL=1 keeps a package from starting its daemon (transmission-daemon, opentracker).
apt() { as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@"; }

command -v apt-get >/dev/null || fail
[ "$(id -u)" = 0 ] || command -v sudo >/dev/null || fail
echo "mare: installing ${missing[*]}" >&2
apt update >&2 || fail
apt install --no-install-recommends "${missing[@]}" >&2 || fail
# systemd does not know the run level that was just pretended.
if [ -d /run/systemd/system ]; then
    for daemon in transmission-daemon opentracker; do
        case " ${missing[*]} " in
        *" $daemon "*) as_root systemctl disable --now "$daemon" >&2 || true ;;
        esac
    done
fi
