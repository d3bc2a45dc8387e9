---@meta _
-- A connection to somebody who has the torrent, too.

---A connection, from both handshakes to its end.
---@class mare.Peer
---@field alive boolean
---@field session mare.Session
---@field torrent mare.Torrent
---@field data table yours: empty at first, there as long as the connection
---@field address string "1.2.3.4:6881", "[::1]:6881"
---@field ip string
---@field port integer its own one; not where it listens, if it is incoming
---@field client string "qBittorrent 4.5.2"
---@field id string peer id, 40 hexadecimal digits
---@field source string how it was found: "tracker", "manual", "incoming", ...
---@field incoming boolean it dialled us
---@field state string "ready"
---@field encrypted boolean is the payload (RC4)?
---@field encryption? "rc4"|"handshake" "handshake": an encrypted beginning, then in the clear
---@field transport string "tcp"
---@field choked boolean it chokes us: we may not ask
---@field choking boolean we choke it
---@field interested boolean we want something that it has
---@field peer_interested boolean it wants something that we have
---@field optimistic boolean it has the slot that is given out at random
---@field upload_only boolean it says that it wants nothing (BEP 21)
---@field is_seed boolean it has every piece
---@field progress number 0..1 of the pieces it has
---@field download_rate integer of payload from it, now
---@field upload_rate integer of payload to it, now
---@field download_average integer since it connected
---@field upload_average integer since it connected
---@field downloaded integer payload from it
---@field uploaded integer payload to it
---@field received_round integer payload from it since the last choke round (10 s)
---@field sent_round integer payload to it since then
---@field outstanding integer blocks that we asked and that have not come
---@field depth integer blocks that may be outstanding: delay times rate
---@field asked integer blocks that it asked and that wait here
---@field snubbed boolean silent although asked: it is asked for one block only
---@field rtt? number seconds from a request to its block, smoothed
---@field connected_for number seconds since the handshakes
---@field unchoked_for? number seconds that it has had its upload slot; nil: it has none
---@field waiting_for? number seconds that it has been interested and choked; nil: it is not waiting
---@field last_block? number seconds since its last block
---@field last_upload? number seconds since the last block to it
---@field blocks integer blocks that came from it
---@field hash_fails integer pieces with blocks of it that failed
---@field duplicates integer blocks that came twice
---@field unrequested integer blocks that nobody had asked for
local Peer = {}

---Ends the connection; `peer_closed` follows and tells the reason. The peer is dead at once.
---@param reason? string
---@return true
function Peer:close(reason) end

---Ends the connection and bars the address.
---@param seconds? number nil: for good
---@return true
function Peer:ban(seconds) end

---Takes its upload slot at once. Rounds leave it so for `seconds` (one round of 10 s; math.huge: until
---the script says otherwise; 0: the next round decides), then it competes again.
---@param seconds? number
---@return true
function Peer:choke(seconds) end

---Gives it an upload slot at once, for as long. It is one of the torrent's slots: from the next round on
---one fewer is given to others.
---@param seconds? number
---@return true
function Peer:unchoke(seconds) end

---Does it have this piece?
---@param index integer from 0
---@return boolean
function Peer:has(index) end
