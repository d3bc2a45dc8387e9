-- Message Stream Encryption with a foreign client that takes nothing else: our machine, on a
-- socket of its own (mse_peer.c), dials libtorrent and is dialled by it.

local ports = require "support.ports"
local process = require "support.process"
local tmpdir = require "support.tmpdir"

local DEADLINE = 30 -- seconds, against hanging

local sources = {
    "tests/interop/mse_peer.c", "src/proto/mse.c", "src/proto/mse_crypto.c",
    "src/proto/handshake.c", "src/base/bytes.c", "src/base/chunked_buffer.c",
    "src/base/err.c", "src/base/hash.c", "src/base/rng.c",
}

describe("mse", function()
    local program = os.tmpname()

    setup(function()
        assert(os.execute(("%s -std=c11 -D_GNU_SOURCE -Isrc -g -o %s %s %s"):format(
            os.getenv "CC" or "cc", program, table.concat(sources, " "),
            "$(pkg-config --cflags --libs libcrypto)")))
    end)
    teardown(function() os.remove(program) end)
    after_each(process.cleanup)

    -- libtorrent seeds; the answer is the info-hash.
    local function seed(port, level, ...)
        local peer = process.start {
            "/usr/bin/python3", "tests/interop/mse_libtorrent.py", tmpdir(), tostring(port),
            level, ..., name = "libtorrent",
        }
        ports.wait("127.0.0.1", port)
        return process.eventually(DEADLINE, "libtorrent tells its torrent", function()
            return peer:output():match "hash (%x+)"
        end)
    end

    local function expect(peer, encrypted)
        peer:succeed(DEADLINE)
        assert.truthy(peer:output():find(
            ("obfuscated 1 encrypted %d by libtorrent"):format(encrypted), 1, true))
    end

    local function dial(theirs, ours, encrypted)
        local port = ports.free()
        local hash = seed(port, theirs)
        expect(process.start { program, "dial", tostring(port), hash, ours }, encrypted)
    end

    -- The seed's torrent is the same each time: a first one tells its hash.
    local function be_dialled(theirs, ours, encrypted)
        local port = ports.free()
        local hash = seed(ports.free(), theirs)
        local peer = process.start { program, "listen", tostring(port), hash, ours }
        process.eventually(DEADLINE, "we listen", function()
            return peer:output():find "listening"
        end)
        seed(ports.free(), theirs, tostring(port))
        expect(peer, encrypted)
    end

    it("dials libtorrent, payload by RC4", function() dial("rc4", "rc4", 1) end)
    it("dials libtorrent, payload in the clear", function() dial("plaintext", "both", 0) end)
    it("dials libtorrent, which prefers RC4", function() dial("both", "both", 1) end)
    it("is dialled by libtorrent, payload by RC4", function() be_dialled("rc4", "rc4", 1) end)
    it("is dialled by libtorrent, payload in the clear", function()
        be_dialled("plaintext", "both", 0)
    end)
    it("is dialled by libtorrent, which offers both, and chooses the clear", function()
        be_dialled("both", "both", 0)
    end)
end)
