-- ratio: seeds until as much was given as was asked for, then serves nobody any more.
--
--     ratio     uploaded / downloaded that is enough (2); false: no end by ratio
--     seconds   of seeding that are enough; default: no end by time
--
-- It serves while downloading, whatever the ratio: who stops then gets little himself.

return function(options)
    options = options or {}
    local enough = options.ratio == nil and 2 or options.ratio
    local seconds = options.seconds

    local function satisfied(torrent)
        local seeding_for = torrent.done_at and os.time() - torrent.done_at or 0
        return torrent.done
            and (enough and torrent.ratio >= enough or seconds and seeding_for >= seconds)
    end

    return {
        unchoke = function(peer)
            if peer.torrent and satisfied(peer.torrent) then
                return false
            end
        end,
    }
end
