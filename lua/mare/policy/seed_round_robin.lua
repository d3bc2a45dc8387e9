-- seed_round_robin: for seeding. Everybody gets a turn: whoever has a slot keeps it for `turn`
-- seconds (60), then whoever has waited longest is next. So many have something to give on,
-- soon.

local saturate = require("mare.policy").saturate

return function(options)
    local turn = options and options.turn or 60

    return {
        unchoke = function(peer)
            if peer.unchoked_for then
                return peer.unchoked_for < turn and 1 or 0
            end
            return saturate(peer.waiting_for or 0, turn)
        end,
    }
end
