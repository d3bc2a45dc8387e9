---@meta _
-- A piece of a torrent.

---@class mare.Piece
---@field alive boolean
---@field session mare.Session
---@field torrent mare.Torrent
---@field index integer from 0
---@field length integer
---@field offset integer of its first byte in the torrent
---@field hash string 40 hexadecimal digits
---@field state "missing"|"active"|"hashing"|"writing"|"have"
---@field have boolean verified and written
---@field availability integer connected peers that have it
---@field holders mare.Peer[] connected peers that have it; a new list each time
---@field files mare.File[] that lie in it; a new list each time
---@field received integer bytes of it that have come
---@field progress number 0..1
---@field priority integer 0 (skip) .. 7; may be set
---@field deadline? number seconds from now: earliest first, before all others; may be set, nil for none
local Piece = {}

---Reads the piece: see Torrent:read.
---@param callback? fun(bytes: string?, message: string?, code: mare.Code?)
---@return string|true|nil bytes, string? message, mare.Code? code
function Piece:read(callback) end
