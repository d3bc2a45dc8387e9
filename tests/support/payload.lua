-- payload: files to transfer, and the torrent of them.
--
-- The files are chosen so that pieces (64 KiB) lie across two and across many files, so that some
-- files begin and end inside of one piece, one is empty, one ends at a border of a piece, and the
-- last piece is short. The torrent is made by libtorrent, so that mare meets nothing that mare
-- made up.

local process = require "support.process"

local payload = { name = "payload", piece_length = 65536 }
payload.__index = payload

local MIB = 1 << 20
local files = { -- in the order of their paths' bytes, which is that of the torrent
    { "a-large.bin", 5 * MIB + 12345 },
    { "b-small/1.txt", 1 },
    { "b-small/2.txt", 700 },
    { "b-small/3.txt", 16384 },
    { "b-small/deep/er/4.bin", 100001 },
    { "b-small/empty", 0 },
    { "c-middle.bin", 3 * MIB + 54321 },
    { "ümlaut and space.bin", 2 * MIB + 7 },
}

-- Random bytes, the same ones for the same seed on each machine.
local function random_bytes(size, random)
    local parts, numbers = {}, {}
    local format = "<" .. ("i8"):rep(64)
    for i = 1, (size + 511) // 512 do
        for k = 1, 64 do
            numbers[k] = random(0)
        end
        parts[i] = format:pack(table.unpack(numbers))
    end
    return table.concat(parts):sub(1, size)
end

local function write(path, data)
    assert(os.execute(("mkdir -p '%s'"):format(path:match "^(.*)/")))
    local file <close> = assert(io.open(path, "wb"))
    assert(file:write(data))
end

local function describe(self, announce)
    local command = {
        "/usr/bin/python3", "tests/support/make_torrent.py", self.path, self.torrent,
        tostring(payload.piece_length),
    }
    table.move(announce or {}, 1, #(announce or {}), #command + 1, command)
    self.hash = process.run(command):match "%x+"
end

-- Writes the files below DIR/data and the torrent to DIR/payload.torrent, which names the
-- trackers in `announce`. The answer: path (the folder), dir (where it lies), torrent, hash
-- (hexadecimal), size, pieces.
function payload.create(dir, announce, seed)
    local self = setmetatable({
        dir = dir .. "/data", torrent = dir .. "/payload.torrent", size = 0,
    }, payload)
    self.path = self.dir .. "/" .. payload.name
    math.randomseed(seed or 1)
    for _, file in ipairs(files) do
        write(self.path .. "/" .. file[1], random_bytes(file[2], math.random))
        self.size = self.size + file[2]
    end
    self.pieces = (self.size + payload.piece_length - 1) // payload.piece_length
    describe(self, announce)
    return self
end

-- All bytes, in the order of the torrent.
function payload:bytes()
    local parts = {}
    for i, file in ipairs(files) do
        local from <close> = assert(io.open(self.path .. "/" .. file[1], "rb"))
        parts[i] = from:read "a"
    end
    return table.concat(parts)
end

-- Writes to DIR/payload all files as long as they are, with every piece zeroed but one in `of`:
-- the share-th, counted from 0. Returns how many bytes are not zeroed.
function payload:write_part(dir, share, of)
    local all, parts, kept = self:bytes(), {}, 0
    for index = 0, self.pieces - 1 do
        local from = index * payload.piece_length
        local piece = all:sub(from + 1, from + payload.piece_length)
        local keep = index % of == share
        parts[index + 1] = keep and piece or ("\0"):rep(#piece)
        kept = kept + (keep and #piece or 0)
    end
    local bytes, from = table.concat(parts), 0
    for _, file in ipairs(files) do
        local name, size = file[1], file[2]
        write(dir .. "/" .. payload.name .. "/" .. name, bytes:sub(from + 1, from + size))
        from = from + size
    end
    return kept
end

-- nil when DIR/payload holds what was to be transferred, nothing less and nothing else; else what
-- differs. Some clients do not create files without bytes: `skips_empty` forgives them.
function payload.difference(self, dir, skips_empty)
    local exclude = skips_empty and "--exclude=empty" or "--exclude="
    local copy = dir .. "/" .. payload.name
    local status, text = process.try { "diff", "-r", exclude, self.path, copy }
    return status ~= 0 and text or nil
end

return payload
