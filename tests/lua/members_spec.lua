-- lua/mare/meta.lua and what lies beside it in meta/ are the one reference: it names exactly what
-- exists, and what it says is writable is.

local core = require "mare.core"
local mare = require "mare"
local loopback = require "support.loopback"
local reference = require "support.reference"

local classes = {
    Session = "session", Torrent = "torrent", File = "file", Piece = "piece", Peer = "peer",
    Reader = "reader", View = "view",
    Policy = "policy", Candidate = "candidate", Dht = "dht", Http = "http",
}

-- { session = { methods = { close = true, .. }, properties = { stats = true }, writable = .. } }
local function read_meta()
    local documented, current = { mare = {} }, nil
    for _, name in pairs(classes) do
        documented[name] = { methods = {}, properties = {}, writable = {} }
    end
    for line in reference:gmatch "[^\n]*" do
        local class = line:match "^%-%-%-@class ([%w.]+)"
        local field, text = line:match "^%-%-%-@field (%w[%w_]*)%??%s+(.*)$"
        local object, method = line:match "^function (%u%w+):([%w_]+)"
        local of_module = line:match "^function mare%.([%w_]+)%("
        if class then
            current = documented[classes[class:match "^mare%.(%u%l+)$"]]
        elseif field and current then
            current.properties[field] = true
            current.writable[field] = text:find "may be set" and true or nil
        elseif object and classes[object] then
            documented[classes[object]].methods[method] = true
        elseif of_module then
            documented.mare[of_module] = true
        end
    end
    return documented
end

local function set_of(list)
    local set = {}
    for _, name in ipairs(list) do
        set[name] = true
    end
    return set
end

describe("the reference", function()
    local documented, existing = read_meta(), core._members()

    for _, name in pairs(classes) do
        it("names exactly the methods of a " .. name, function()
            assert.same(set_of(existing[name].methods), documented[name].methods)
        end)

        it("names exactly the properties of a " .. name, function()
            assert.same(set_of(existing[name].properties), documented[name].properties)
        end)

        it("says what may be set of a " .. name, function()
            local writable = set_of(existing[name].writable)
            writable.data = nil -- a table that is there already
            assert.same(writable, documented[name].writable)
        end)
    end

    it("names exactly the functions of the module", function()
        local functions = {}
        for key, value in pairs(mare) do
            functions[key] = type(value) == "function" or nil
        end
        assert.same(functions, documented.mare)
    end)

    it("names every event", function()
        for _, name in ipairs(core.events) do
            if name ~= "read" then
                assert.truthy(reference:find('| "' .. name .. '"', 1, true), name)
            end
        end
    end)

    it("names every counter of session.stats", function()
        local block = reference:match "%-%-%-@class mare%.Stats\n(.-)\n\n"
        local session <close> = assert(mare.session { port = false })
        local counters = {}
        for name in block:gmatch "@field ([%w_]+)" do
            counters[name] = true
        end
        for name in pairs(session.stats) do
            assert.is_true(counters[name], name)
            counters[name] = nil
        end
        assert.same({}, counters)
    end)
end)

describe("a property", function()
    local session
    before_each(function() session = assert(mare.session { port = false }) end)
    after_each(function() session:close(0) end)

    it("that does not exist raises, and the nearest one is named", function()
        local ok, message = pcall(function() return session.download_rat end)
        assert.is_false(ok)
        assert.truthy(message:find "session has no property 'download_rat'")
        assert.truthy(message:find "did you mean 'download_rate'")
    end)

    it("that resembles nothing is named alone", function()
        local _, message = pcall(function() return session.quux end)
        assert.truthy(message:find "session has no property 'quux'$")
    end)

    it("that is only read cannot be set", function()
        assert.has_error(function() session.stats = {} end)
        assert.has_error(function() session.step = print end)
    end)

    it("is named by a string", function()
        assert.has_error(function() return session[1] end,
            "session is indexed by a name, not by a number")
    end)

    it("refuses values that make no sense, and stays as it was", function()
        session.up_rate = 1000
        assert.has_error(function() session.up_rate = -1 end)
        assert.has_error(function() session.up_rate = "fast" end)
        assert.has_error(function() session.connections = 1.5 end)
        assert.equal(1000, session.up_rate)
    end)

    it("of limits takes math.huge", function()
        session.connections = math.huge
        assert.equal(math.huge, session.connections)
        session.up_rate = math.huge
        assert.equal(0, session.up_rate)
    end)
end)

describe("every property", function()
    local swarm, session, torrent, reader, view
    setup(function()
        swarm = loopback.new { trackers = { "http://127.0.0.1:1/announce" } }
        session = swarm:session { down_rate = 20000 } -- so that it takes a while
        torrent = swarm:add(session)
        swarm:until_true(function() return torrent.peer_count > 0 and swarm.seed.peers[1] end)
        reader = assert(swarm.seed:torrents()[1].files[1]:reader())
        reader:view(10, function(got) view = got end)
        swarm:until_true(function() return view end)
    end)
    teardown(function() swarm:close() end)

    for _, name in pairs(classes) do
        it("of a " .. name .. " can be read", function()
            local objects = {
                session = session, torrent = torrent, file = torrent.files[1],
                piece = torrent:piece(0), peer = swarm.seed.peers[1], reader = reader, view = view,
                policy = torrent.policy,
                dht = session.dht,
                http = session.http or session:serve(),
            }
            if not objects[name] then
                return -- a candidate lives in a policy call: policy_spec
            end
            for _, property in ipairs(core._members()[name].properties) do
                assert.has_no_error(function() return objects[name][property] end)
            end
        end)
    end

    it("of the torrent has the value that its file says", function()
        assert.equal("moon", torrent.name)
        assert.equal(370008, torrent.size)
        assert.equal(16384, torrent.piece_length)
        assert.equal(23, torrent.pieces)
        assert.is_false(torrent.private)
        assert.equal(4, #torrent.files)
        assert.equal("moon/sub/b.bin", torrent.files[2].path)
        assert.equal(2, torrent.files[2].index)
        assert.equal(70000, torrent.files[2].length)
        assert.equal(300001, torrent.files[2].offset)
        assert.equal(370008 - 22 * 16384, torrent:piece(22).length)
        assert.equal("http://127.0.0.1:1/announce", torrent.trackers[1].url)
    end)

    it("of a complete torrent says so", function()
        local complete = swarm.seed:torrents()[1]
        assert.equal("seeding", complete.state)
        assert.equal(23, complete.pieces_have)
        assert.equal(("#"):rep(23), complete.piece_map)
        assert.equal(1, complete.progress)
        assert.equal(0, complete.left)
        assert.equal(70000, complete.files[2].have)
        assert.is_true(complete.files[2].complete)
        assert.equal("have", complete:piece(0).state)
    end)
end)
