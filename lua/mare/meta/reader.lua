---@meta _
-- What reads a file while it comes, and what it reads.

---A file that is read in order while it comes. Several may read one torrent, each with its own
---position and window.
---@class mare.Reader
---@field alive boolean
---@field session mare.Session
---@field torrent mare.Torrent
---@field file mare.File
---@field position integer of the next byte in the file
---@field length integer of the file
---@field window integer bytes before the position that are fetched first; it grows with reading on
---@field ready integer verified bytes from the position on, without a gap
---@field group? integer
---@field superseded boolean another one of its group was opened or moved later
---@field waiting? number seconds that its read has been waiting for bytes that are not here
---@field stalls integer reads that had to wait so
---@field bytes_read integer
---@field health mare.Health what the player says; may be set. Forgotten after 10 s.
local Reader = {}

---With 30 s and more in store, and not paused, nothing is urgent: pieces come rarest first again.
---@class mare.Health
---@field cached_seconds? number what the player has in store
---@field paused_for_cache? boolean it stands still because it has nothing
---@field playhead? number seconds from the beginning
---@field bitrate? number bits per second

---Up to `max` bytes from the position on, as many as are here together; nil at the end of the file. With a
---callback: true, and later callback(bytes) or callback(nil, message, code). In a task without: the
---bytes. One read at a time ("busy"); "canceled" and "closed" tell why one ended early.
---@param max? integer (256 KiB)
---@param callback? fun(bytes: string?, message: string?, code: mare.Code?)
---@return string|true|nil bytes, string? message, mare.Code? code
function Reader:read(max, callback) end

---The same as a view: no byte becomes a Lua string.
---@param max? integer (256 KiB)
---@param callback? fun(view: mare.View?, message: string?, code: mare.Code?)
---@return mare.View|true|nil view, string? message, mare.Code? code
function Reader:view(max, callback) end

---In a task: `for bytes in reader:chunks() do`, to the end of the file. A failure is raised.
---@param max? integer most of one chunk (256 KiB)
---@return fun(): string?
function Reader:chunks(max) end

---Moves. A read that waits is canceled, and so are the requests for what only the old place wanted.
---@param position integer at most the length
---@return true? ok, string? message, mare.Code? code
function Reader:seek(position) end

---Ends a read that waits.
---@return true
function Reader:cancel() end

---Gives its priority up until it reads or moves.
---@return true
function Reader:rest() end

---Also in the middle of a read, which ends. Idempotent.
---@return true
function Reader:close() end

---Verified bytes, read-only and without a copy; #view is how many. It holds their memory until it
---is released or collected, also after its reader, torrent and session are gone.
---@class mare.View
---@field alive boolean
local View = {}

---As string.sub.
---@param i integer
---@param j? integer
---@return string
function View:sub(i, j) end

---As string.byte.
---@param i? integer
---@param j? integer
---@return integer ...
function View:byte(i, j) end

---Where a text begins and ends; plain, no pattern. nil: it is not there.
---@param text string
---@param init? integer
---@return integer? first, integer? last
function View:find(text, init) end

---Lets go of the memory. Idempotent.
---@return true
function View:release() end
