# Sourced by whoever runs Lua on a checkout: `require "mare"` finds its lua/ and the module of
# one build directory ($build, or build/), `require "support.x"` finds tests/support/x.lua.
# The variables of 5.4 are set because they win over LUA_PATH, and because no other Lua
# that we start (mpv's, luacheck's) reads them.
build=${build:-build}
export LUA_PATH_5_4="$PWD/lua/?.lua;$PWD/lua/?/init.lua;$PWD/tests/?.lua;${LUA_PATH_5_4:-${LUA_PATH:-;}}"
export LUA_CPATH_5_4="$PWD/$build/lib/?.so;${LUA_CPATH_5_4:-${LUA_CPATH:-;}}"
