-- stream: for a player. Pieces with a deadline first, the nearest first of all, asked of the
-- peer that will have delivered soonest; the rest is spread by rarity, as ever.

local saturate = require("mare.policy").saturate

local BLOCK = 16384

-- Seconds until a peer would deliver one more block: its delay, and what is queued before it.
local function wait_for(peer)
    local rate = math.max(peer.download_rate, peer.download_average or 0, BLOCK)
    return (peer.rtt or 1) + peer.outstanding * BLOCK / rate
end

return function()
    return {
        piece = function(piece)
            if piece.deadline then
                return 1 - 0.5 * saturate(math.max(piece.deadline, 0), 10)
            end
            return 0.5 / math.max(piece.availability, 1)
        end,

        source = function(peer)
            if peer.snubbed then
                return false
            end
            return 1 - saturate(wait_for(peer), 1)
        end,
    }
end
