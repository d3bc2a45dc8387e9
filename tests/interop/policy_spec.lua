-- Policies among other people's clients: a script changes who is served, who is dialled and what
-- comes first; and one that is broken changes nothing but the log.

local aria2 = require "support.clients.aria2"
local libtorrent = require "support.clients.libtorrent"
local mare = require "support.clients.mare"
local payload = require "support.payload"
local mare_module = require "mare"
local process = require "support.process"
local tmpdir = require "support.tmpdir"

local DEADLINE = 60

describe("a policy, with other people's clients,", function()
    local dir, data
    before_each(function()
        dir = tmpdir()
        data = payload.create(dir)
    end)
    after_each(process.cleanup)

    local function policy(text)
        local path = dir .. "/policy.lua"
        local file = assert(io.open(path, "w"))
        file:write(text)
        file:close()
        return { "--policy", path, "--no-pex" }
    end

    it("says who is served", function()
        local barred = libtorrent.leech { torrent = data.torrent, dir = dir .. "/barred" }
        local served = aria2.leech { torrent = data.torrent, dir = dir .. "/served" }
        local seed = mare.seed {
            torrent = data.torrent, dir = data.dir, peers = { barred.address, served.address },
            more = policy [[
                return { unchoke = function(peer)
                    return not peer.client:lower():find "libtorrent" and 1
                end }
            ]],
        }
        served:complete(DEADLINE)
        assert.is_nil(payload.difference(data, dir .. "/served", aria2.skips_empty))
        local met = false
        for _, event in ipairs(seed:events "peer") do
            met = met or event.client:lower():find "libtorrent" ~= nil
        end
        assert.is_true(met) -- it was there, and it was hungry
        assert.is_truthy(payload.difference(data, dir .. "/barred"))
    end)

    it("says who is never dialled", function()
        local shunned = libtorrent.seed { torrent = data.torrent, dir = data.dir }
        local dialled = aria2.seed { torrent = data.torrent, dir = data.dir }
        local get = mare.get {
            torrent = data.torrent, dir = dir .. "/got",
            peers = { shunned.address, dialled.address },
            more = policy(([[
                return { connect = function(candidate)
                    return candidate.address ~= %q and 1
                end }
            ]]):format(shunned.address)),
        }
        get:complete(DEADLINE)
        assert.is_nil(payload.difference(data, dir .. "/got"))
        for _, event in ipairs(get:events "peer") do
            assert.not_equal(shunned.address, event.address)
        end
    end)

    it("says which piece comes first", function()
        local seed = libtorrent.seed {
            torrent = data.torrent, dir = data.dir, up_rate = 4000000,
        }
        local session <close> = assert(mare_module.session {
            port = false, bind = "127.0.0.1", dht = false, lsd = false, portmap = false,
            directory = dir .. "/got",
        })
        session.policy.piece = function(piece) return piece.index end -- the last one first
        local torrent = assert(session:add(data.torrent))
        local first
        torrent:on("piece", function(_, piece) first = first or piece.index end)
        torrent:connect(seed.address)
        process.eventually(DEADLINE, "the download is done", function()
            session:step(0.1)
            return torrent.done
        end)
        assert.is_nil(payload.difference(data, dir .. "/got"))
        assert.is_true(first > torrent.pieces / 2, "the first was " .. first)
    end)

    for what, body in pairs {
        ["throws"] = "error 'no idea'",
        ["loops for ever"] = "while true do end",
        ["answers nonsense"] = "return 0 / 0",
    } do
        it("and " .. what .. ", is told of, and the built-ins go on", function()
            local seed = libtorrent.seed { torrent = data.torrent, dir = data.dir }
            local text = { "return {" }
            for _, name in ipairs { "admit", "connect", "unchoke", "drop", "piece", "source" } do
                text[#text + 1] = ("%s = function() %s end,"):format(name, body)
            end
            local get = mare.get {
                torrent = data.torrent, dir = dir .. "/got", peers = { seed.address },
                more = policy(table.concat(text, "\n") .. "}"),
            }
            get:complete(DEADLINE)
            assert.is_nil(payload.difference(data, dir .. "/got"))
            local named = false
            for _, event in ipairs(get:events "error") do
                named = named or event.message:find("policy piece", 1, true) ~= nil
            end
            assert.is_true(named)
        end)
    end
end)
