-- tit_for_tat: slots go to those who give (Cohen, "Incentives Build Robustness in BitTorrent",
-- 2003). Newcomers get in by the engine's optimistic slots, which no score reaches. Once we
-- have everything there is nothing to be given, and the engine's own rule for seeds applies.
--
-- `half` (bytes per second, 65536) is the rate that scores one half: below it rates matter, far
-- above all are fast.

local saturate = require("mare.policy").saturate

return function(options)
    local half = options and options.half or 65536

    return {
        unchoke = function(peer)
            if not peer.torrent or not peer.torrent.done then
                return saturate(peer.download_rate, half)
            end
        end,
    }
end
