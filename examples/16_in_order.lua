-- In-order arrival: pieces are not only begun in order (sequential), they come in order. The next
-- few have deadlines, and nothing else is begun: so a slow peer holds nobody up, for what it is
-- late with is taken over by others.
--
--     lua5.4 examples/16_in_order.lua

package.path = arg[0]:match "^(.-)[^/]*$" .. "?.lua;" .. package.path
local mare = require "mare"
local swarm = require("support.swarm").new(2 << 20)

local WINDOW = 12 -- pieces that are wanted next

-- Returns what is to be called when the first gap has moved.
local function in_order(torrent)
    torrent.policy.piece = function(piece) return piece.deadline ~= nil and 1 end
    return function(gap)
        for index = gap, math.min(gap + WINDOW, torrent.pieces) - 1 do
            torrent:piece(index).deadline = (index - gap) * 0.02
        end
    end
end

local function sequential(torrent)
    torrent.policy = mare.policy.sequential()
end

local seeds = { swarm:seed { up_rate = 4e6 }, swarm:seed { up_rate = 3e5 } } -- fast and slow

-- How far ahead of the first gap did pieces come, at most?
local function download(title, prepare)
    local torrent = swarm:join()
    local come, gap, ahead, first = {}, 0, 0, {}
    local move = prepare(torrent)
    torrent:on("piece", function(_, piece)
        come[piece.index] = true
        first[#first + 1] = #first < 12 and piece.index or nil
        ahead = math.max(ahead, piece.index - gap)
        while come[gap] do
            gap = gap + 1
        end
        if move then
            move(gap)
        end
    end)
    if move then
        move(gap)
    end
    for _, seed in ipairs(seeds) do
        torrent:connect(seed.data.address)
    end
    swarm:run_until(function() return torrent.done end)
    print(("%-12s up to %3d pieces ahead of the first gap; first came %s"):format(title, ahead,
        table.concat(first, " ")))
    return ahead
end

download("built-in:", function() end)
download("sequential:", sequential)
local ahead = download("in order:", in_order)
print(ahead < 2 * WINDOW and "they came in order" or "they came as they liked")
swarm:close()
