-- A policy in a file of its own, changed while it works: session:load_policy looks at it each
-- second. A version that is broken is told of, and the one before goes on.
--
--     lua5.4 examples/18_hot_reload.lua

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local swarm = require("support.swarm").new(8 << 20)

local path = os.tmpname()
local function write(text)
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
end

local seed = swarm:seed { up_rate = 1e6 }
local torrent = swarm:join()
local session = torrent.session

local come = {}
torrent:on("piece", function(_, piece) come[#come + 1] = piece.index end)
session:on("error", function(_, message) print("told: " .. message:match "^[^\n]*") end)

-- The direction in which pieces come, of the last ten.
local function direction()
    local ups = 0
    for i = #come - 9, #come do
        ups = ups + (come[i] > come[i - 1] and 1 or 0)
    end
    return ups > 5 and "up" or "down"
end

local function wait(pieces)
    local from = #come
    swarm:run_until(function() return #come >= from + pieces end)
end

write "return { piece = function(piece) return piece.index end }"
assert(session:load_policy(path))
torrent:connect(seed.data.address)
wait(30)
local before = direction()
print("from the end: pieces come " .. before)

write "return { piece = function(piece) return -piece.index"
wait(100)
print("broken:       pieces come " .. direction())

write "return { piece = function(piece) return -piece.index end }"
wait(150)
local after = direction()
print("from the top: pieces come " .. after)
print(before == "down" and after == "up" and "reloaded while it ran" or "nothing has changed")
os.remove(path)
swarm:close()
