---@meta _
-- A file of a torrent.

---@class mare.File
---@field alive boolean
---@field session mare.Session
---@field torrent mare.Torrent
---@field index integer from 1, as in torrent.files
---@field path string below the directory; it begins with the torrent's name
---@field length integer
---@field offset integer of its first byte in the torrent
---@field have integer verified bytes
---@field progress number 0..1
---@field complete boolean
---@field first_piece integer from 0
---@field piece_count integer pieces with bytes of it
---@field priority integer 0 (skip) .. 7; 4 is normal; may be set
---@field wanted boolean priority > 0; may be set
---@field kind? "video"|"audio"|"subtitle"|"image"|"text" what its name says
---@field url? string at the session's streaming server; nil while there is none
local File = {}

---Reads verified bytes of the file: see Torrent:read.
---@param offset? integer in the file (0)
---@param length? integer (the rest)
---@param callback? fun(bytes: string?, message: string?, code: mare.Code?)
---@return string|true|nil bytes, string? message, mare.Code? code
function File:read(offset, length, callback) end

---@class mare.ReaderOptions
---@field position? integer where to begin (0)
---@field window? integer bytes that it may look ahead; else as the memory allows, at most 16 MiB
---@field group? integer readers of one viewer: the one that was opened or moved last goes first
---@field prefetch? boolean fetch head and tail of the file at once, where players look (true)

---Opens a reader: what lies before its position is fetched first, by when it is needed. Also of a file
---that is skipped. It is closed when nobody refers to it any more.
---@param options? mare.ReaderOptions
---@return mare.Reader? reader, string? message, mare.Code? code
function File:reader(options) end
