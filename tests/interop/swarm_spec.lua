-- Three of us, each with another third of the payload, complete each other.

local mare = require "support.clients.mare"
local payload = require "support.payload"
local ports = require "support.ports"
local process = require "support.process"
local tmpdir = require "support.tmpdir"

local DEADLINE = 60
local COUNT = 3

describe("three partial downloads", function()
    after_each(process.cleanup)

    it("complete each other, and fetch nothing that was there", function()
        local dir = tmpdir()
        local data = payload.create(dir)
        local addresses, kept, nodes = {}, {}, {}
        for i = 1, COUNT do
            addresses[i] = ports.free()
            kept[i] = data:write_part(dir .. "/" .. i, i - 1, COUNT)
        end
        for i = 1, COUNT do
            local others = {}
            for k = 1, i - 1 do
                others[k] = "127.0.0.1:" .. addresses[k]
            end
            nodes[i] = mare.get {
                torrent = data.torrent, dir = dir .. "/" .. i, port = addresses[i],
                peers = others, seed = true,
            }
            nodes[i]:wait_event(DEADLINE, "start") -- it listens
        end
        for i, node in ipairs(nodes) do
            node:wait_event(DEADLINE, "complete")
            assert.is_nil(payload.difference(data, dir .. "/" .. i))
        end
        for i, node in ipairs(nodes) do
            node:kill "sigint"
            assert.equal(130, node:wait(DEADLINE))
            local totals = node:last "interrupted"
            -- Blocks that came twice, in the end game, are waste; all others were missing.
            local useful = totals.payload_received - totals.payload_wasted
            assert.equal(data.size - kept[i], useful)
        end
    end)
end)
