-- bad_peer: a seeder that lies. It lives in the spec's own process, turned by process's waits, says
-- that it has everything, and sends some blocks with one byte changed.
--
--     local bad = bad_peer.start { payload = data, host = "127.0.0.66", lies = function(n) .. end }
--     bad.address, bad.connections, bad.blocks, bad.lied

local ports = require "support.ports"
local process = require "support.process"
local uv = require "luv"

local bad_peer = {}

local BITFIELD, UNCHOKE, REQUEST, PIECE = 5, 1, 6, 7
local HANDSHAKE = 68

local function from_hex(text)
    return (text:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end))
end

local function handshake(self)
    return "\19BitTorrent protocol" .. ("\0"):rep(8) .. self.hash .. "-XX0001-has12345data"
end

local function message(id, body)
    return string.pack(">I4B", 1 + #body, id) .. body
end

-- All pieces, spare bits zero.
local function bitfield(pieces)
    local rest = pieces % 8
    return ("\255"):rep(pieces // 8) .. (rest > 0 and string.char(0xFF << (8 - rest) & 0xFF) or "")
end

local function flip(block)
    local middle = #block // 2 + 1
    local byte = block:byte(middle) ~ 0x55
    return block:sub(1, middle - 1) .. string.char(byte) .. block:sub(middle + 1)
end

local function answer(self, body)
    local index, begin, length = string.unpack(">I4I4I4", body)
    local from = index * self.payload.piece_length + begin
    local block = self.bytes:sub(from + 1, from + length)
    self.blocks = self.blocks + 1
    if self.lies(self.blocks) then
        block, self.lied = flip(block), self.lied + 1
    end
    return message(PIECE, string.pack(">I4I4", index, begin) .. block)
end

-- Takes whole messages off the front of `input`: what is left of it, and what to say to them.
local function converse(self, peer, input)
    local out = {}
    if not peer.greeted then
        if #input < HANDSHAKE then
            return input, ""
        end
        self.connections = self.connections + 1
        peer.greeted, input = true, input:sub(HANDSHAKE + 1)
        out[1] = handshake(self) .. message(BITFIELD, bitfield(self.payload.pieces))
            .. message(UNCHOKE, "")
    end
    while #input >= 4 do
        local length = string.unpack(">I4", input)
        if #input < 4 + length then
            break
        end
        if length > 0 and input:byte(5) == REQUEST then
            out[#out + 1] = answer(self, input:sub(6, 4 + length))
        end
        input = input:sub(5 + length)
    end
    return input, table.concat(out)
end

local function on_connection(self)
    local tcp, peer, input = uv.new_tcp(), {}, ""
    assert(self.listener:accept(tcp))
    self.open[tcp] = true
    local function close()
        self.open[tcp] = nil
        if not tcp:is_closing() then
            tcp:close()
        end
    end
    tcp:read_start(function(err, data)
        if err or not data then
            return close()
        elseif not peer.greeted and (input .. data):sub(1, 4) ~= "\19Bit" then
            return close()
        end
        local out
        input, out = converse(self, peer, input .. data)
        if out ~= "" then
            tcp:write(out)
        end
    end)
end

local function close(self)
    self.listener:close()
    for tcp in pairs(self.open) do
        tcp:close()
    end
end

-- o: payload, host, and lies: whether the nth block that it sends is wrong.
function bad_peer.start(o)
    local port = ports.free(o.host)
    local self = {
        payload = o.payload, bytes = o.payload:bytes(), hash = from_hex(o.payload.hash),
        lies = o.lies, connections = 0, blocks = 0, lied = 0, open = {},
        listener = uv.new_tcp(), address = ("%s:%d"):format(o.host, port),
    }
    assert(self.listener:bind(o.host, port))
    assert(self.listener:listen(8, function() on_connection(self) end))
    process.defer(function() close(self) end)
    return self
end

return bad_peer
