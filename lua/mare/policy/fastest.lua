-- fastest: most bytes, whatever becomes of the rest. Slots for the fastest takers, urgent
-- pieces from the fastest givers, and when there are too many connections the slowest go.

local saturate = require("mare.policy").saturate

local HALF = 1 << 20 -- bytes per second that score one half

local function speed(peer)
    return saturate(peer.download_rate + peer.upload_rate, HALF)
end

return function()
    return {
        unchoke = speed,
        drop = function(peer) return 1 - speed(peer) end,
        source = function(peer) return saturate(peer.download_rate, HALF) end,
    }
end
