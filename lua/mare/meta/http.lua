---@meta _
-- Streaming over HTTP.
--
-- A session that serves gives every file of every torrent to players and browsers, while it is being
-- downloaded: whoever reads makes the torrent fetch what comes next (each connection has a reader).
-- Ranges, If-Range and HEAD are understood. The addresses:
--
--   http://HOST:PORT/TOKEN/                       a page that lists and plays
--   http://HOST:PORT/TOKEN/status.json            what goes on (mare.Status)
--   http://HOST:PORT/TOKEN/HASH.m3u               torrent.playlist_url
--   http://HOST:PORT/TOKEN/HASH/INDEX/NAME        file.url; INDEX counts from 1, NAME may be anything
--
-- Whoever knows the token may read everything, so it is a secret. A request must name its host by IP
-- address or as localhost: a web page elsewhere cannot make a browser ask for it (DNS rebinding).

---@class mare.ServeOptions
---@field host? string IP address to listen at. Default "127.0.0.1"; "0.0.0.0" is the whole network's.
---@field port? integer Default 0, any free one.
---@field token? string 1 to 64 letters, digits, "-" and "_". Default: 32 random ones.

---@class mare.Http
---@field alive boolean
---@field session mare.Session
---@field url string of the page, with a slash at its end; the other addresses follow it
---@field host string
---@field port integer
---@field token string
---@field connections integer that stand now
local Http = {}

---Ends its connections and stops serving.
---@return true
function Http:close() end

---Ends connections that wait for data that is not here, and no others: a player that has jumped
---elsewhere meanwhile is released at once. (mpv asks again by itself only without reconnect=1.)
---@param of? mare.Torrent|mare.File of this one only
---@param age? number seconds: only connections that have waited at least so long. Default 0.
---@return integer dropped
function Http:drop(of, age) end

-- status.json is one object. Two arguments make it shorter: ?hash=HASH tells of one torrent,
-- ?files=0 leaves the lists of files out. What is not known is null or missing.

---@class mare.Status
---@field version integer 1: the shape; members may be added to it
---@field engine string "mare 0.1.0"
---@field port integer where peers connect; 0 = nowhere
---@field download_rate integer
---@field upload_rate integer
---@field connections integer peers, attempts included
---@field memory integer the budget
---@field memory_used integer
---@field http_connections integer
---@field torrents mare.TorrentStatus[]

---@class mare.TorrentStatus
---@field info_hash string
---@field state string as torrent.state
---@field paused boolean
---@field error? string
---@field check_progress? number while it is being checked
---@field download_rate integer
---@field upload_rate integer
---@field downloaded integer
---@field uploaded integer
---@field peers integer
---@field seeds integer
---@field connecting integer
---@field known_peers integer
---@field name string
---@field metadata_progress? number while its metadata is being fetched
---@field size? integer this and the following: when its metadata is known
---@field piece_length? integer
---@field have? integer
---@field wanted? integer
---@field left? integer
---@field progress? number
---@field playlist? string address, relative to status.json
---@field main_file? integer index
---@field map? mare.MapStatus
---@field file_count? integer
---@field files? mare.FileStatus[] at most 2,000 of them
---@field readers? mare.ReaderStatus[] who reads now: connections, and file:reader

---@class mare.MapStatus
---@field pieces integer
---@field pieces_per_cell integer 1, more for over 65,536 pieces
---@field runs string "120#3-.": so many cells (none said: 1) of a kind; # here, - on its way, ~ being verified, . missing, + in part (cells of several pieces)

---@class mare.FileStatus
---@field index integer
---@field path string
---@field length integer
---@field have integer
---@field progress number
---@field first_piece integer
---@field piece_count integer
---@field priority integer
---@field kind? string as file.kind
---@field type string content type
---@field url string address, relative to status.json

---@class mare.ReaderStatus
---@field number integer counts up in the torrent
---@field file integer index
---@field position integer of the next byte in the file
---@field window integer bytes before it that are fetched first
---@field first_piece integer of the window
---@field piece_count integer
---@field bytes_read integer
---@field stalls integer
---@field waiting number seconds; 0 = it is not
---@field superseded boolean
---@field health? mare.Health
