-- luacheck: Lua 5.4 everywhere, busted's words in the specs, mpv's in its script.
std = "lua54"
max_line_length = 100
exclude_files = { "build", "rockspec" }
files["tests/**/*_spec.lua"] = { std = "+busted" }
files["lua/mpv"] = { read_globals = { "mp" }, std = "min" }
-- The reference: declarations without bodies.
files["lua/mare/meta.lua"] = { ignore = { "2..", "631" } }
files["lua/mare/meta"] = { ignore = { "2..", "631" } }
