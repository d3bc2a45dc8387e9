-- The text of the reference: lua/mare/meta.lua and the files beside it.

local loopback = require "support.loopback"

local texts = {}
for path in io.popen "ls lua/mare/meta.lua lua/mare/meta/*.lua":lines() do
    texts[#texts + 1] = loopback.read(path)
end

return table.concat(texts, "\n")
