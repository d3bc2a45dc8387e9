-- The rock of a checkout:
--
--     luarocks --lua-version=5.4 make rockspec/mare-scm-1.rockspec --local
--
-- The Makefile is the one place that knows how to compile; pkg-config finds libuv, libcurl,
-- libmicrohttpd and OpenSSL, luarocks says where Lua's headers are and where it wants the files.
rockspec_format = "3.0"
package = "mare"
version = "scm-1"
source = {
   url = "git+file://.", -- `luarocks make` builds what lies here and fetches nothing
}
description = {
   summary = "A BitTorrent engine in C that Lua scripts",
   detailed = [[
      The script decides, C moves the bytes: whom to connect to, unchoke and drop, and which
      piece to ask of whom are questions that a Lua function may answer. A session is one
      pollable descriptor and fits into any event loop.
   ]],
   license = "MIT",
}
supported_platforms = { "unix" }
dependencies = {
   "lua >= 5.4, < 5.5",
}
build = {
   type = "make",
   build_variables = {
      CC = "$(CC)",
      CFLAGS = "$(CFLAGS)",
      LUA_INCDIR = "$(LUA_INCDIR)",
   },
   install_variables = {
      CC = "$(CC)",
      CFLAGS = "$(CFLAGS)",
      LUA_INCDIR = "$(LUA_INCDIR)",
      LUADIR = "$(LUADIR)",
      LIBDIR = "$(LIBDIR)",
      BINDIR = "$(BINDIR)",
   },
}
