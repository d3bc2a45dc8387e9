-- sequential: pieces in the order of the data, for looking at it while it comes. With many who
-- do so the end of the data is rare: `rare` (0..1, default 0) mixes in a preference for rare
-- pieces.
--
-- One may start in the middle: { from = 100 } takes pieces 100, 101 .. first, then those before.

return function(options)
    options = options or {}
    local from, rare = options.from or 0, options.rare or 0

    return {
        piece = function(piece)
            local ahead = piece.index - from
            local order = ahead >= 0 and 0.5 + 0.5 / (1 + ahead) or 0.5 / (1 + piece.index)
            return (1 - rare) * order + rare / math.max(piece.availability, 1)
        end,
    }
end
