-- rarest: the piece that the fewest have goes first, so that none dies out when somebody leaves.
-- It is what the engine does by itself (BEP 3); here to be read, composed and compared with.

return function()
    return {
        piece = function(piece)
            return 1 / math.max(piece.availability, 1)
        end,
    }
end
