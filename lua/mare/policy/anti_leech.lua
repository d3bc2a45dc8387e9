-- anti_leech: peers that take and do not give get no more, and who goes on like that is barred
-- for a while. Judged by what was measured, never by a client's name, and everybody is let in
-- again.
--
--     allowance   bytes that anybody may have for nothing (16 MiB): how else could newcomers begin?
--     ratio       beyond it, bytes to be given for each taken (0.1)
--     patience    seconds without a slot before he may try again with a new allowance (120)
--     strikes     allowances eaten up for nothing before he is barred (3)
--     ban         seconds (1800)
--     hash_fails  pieces with his blocks that failed their hash, then he is barred at once (2)
--
-- Only while we download ourselves: a seed cannot be paid back.

local saturate = require("mare.policy").saturate

local DEFAULTS = {
    allowance = 16 << 20, ratio = 0.1, patience = 120, strikes = 3, ban = 1800, hash_fails = 2,
}

local function has_everything(peer)
    return peer.torrent and peer.torrent.done
end

return function(options)
    local o = setmetatable(options or {}, { __index = DEFAULTS })
    local key = {} -- peer.data[key]: the record of one that was caught, as long as the peer lives

    -- Has he eaten up his allowance? Counted from where his last one began.
    local function takes_only(peer, record)
        local taken = peer.uploaded - (record and record.taken or 0)
        local given = peer.downloaded - (record and record.given or 0)
        return taken > o.allowance and given < (taken - o.allowance) * o.ratio
    end

    local function catch(peer, record)
        record = record or { strikes = 0 }
        peer.data[key] = record
        record.strikes = record.strikes + 1
        record.until_ = peer.connected_for + o.patience
        record.taken, record.given = peer.uploaded, peer.downloaded
        if record.strikes >= o.strikes then
            peer:ban(o.ban)
        end
        return false
    end

    return {
        unchoke = function(peer)
            if peer.hash_fails >= o.hash_fails then
                peer:ban(o.ban)
                return false
            elseif has_everything(peer) then
                return nil
            end
            local record = peer.data[key]
            if record and peer.connected_for < record.until_ then
                return false
            elseif takes_only(peer, record) then
                return catch(peer, record)
            end
            return saturate(peer.download_rate, 65536)
        end,
    }
end
