-- generous: gives to all alike, whoever has had least of us first, and asks nothing in return.

return function()
    return {
        unchoke = function(peer)
            return 1 / (1 + peer.uploaded / 1048576)
        end,
    }
end
