-- A download from a seeder on loopback, as a script sees it.

local loopback = require "support.loopback"

describe("a download", function()
    local swarm, session
    before_each(function()
        swarm = loopback.new()
        session = swarm:session()
    end)
    after_each(function() swarm:close() end)

    local function download(options)
        local torrent = swarm:add(session, options)
        swarm:until_true(function() return torrent.done end)
        return torrent
    end

    it("ends with the same files", function()
        local torrent = download()
        assert.is_true(loopback.is_whole(session.directory))
        assert.equal("seeding", torrent.state)
        assert.equal(torrent.size, torrent.downloaded)
        assert.equal(torrent.size, session.stats.payload_received)
    end)

    it("ends with the same files when bytes come through chunks", function()
        session = swarm:session { receive = "chunked" }
        download()
        assert.is_true(loopback.is_whole(session.directory))
        assert.truthy(session.stats.payload_copied >= session.stats.payload_received)
    end)

    it("ends with the same files when space is reserved first", function()
        session = swarm:session { allocation = "full" }
        download()
        assert.is_true(loopback.is_whole(session.directory))
    end)

    it("tells its story in order", function()
        local story, pieces, files = {}, {}, {}
        local function note(name)
            return function() story[#story + 1] = name end
        end
        session:on("metadata", note "metadata")
        session:on("checked", note "checked")
        session:on("peer", note "peer")
        session:on("done", note "done")
        session:on("piece", function(torrent, piece)
            assert.equal(torrent, piece.torrent)
            assert.is_true(piece.have)
            pieces[piece.index] = (pieces[piece.index] or 0) + 1
        end)
        session:on("file", function(_, file) files[#files + 1] = file.path end)
        local torrent = download()
        swarm:until_true(function() return #story >= 4 end)
        assert.same({ "metadata", "checked", "peer", "done" }, story)
        for i = 0, torrent.pieces - 1 do
            assert.equal(1, pieces[i])
        end
        table.sort(files)
        assert.same({ "moon/a.bin", "moon/sub/b.bin", "moon/sub/c.txt" }, files)
    end)

    it("fetches only the files that are wanted, and creates no other", function()
        local torrent = download { files = { 2 } }
        assert.equal("finished", torrent.state)
        assert.equal(loopback.files[2][2], loopback.read(session.directory .. "/moon/sub/b.bin"))
        assert.is_nil(loopback.read(session.directory .. "/moon/a.bin"))
        assert.is_nil(loopback.read(session.directory .. "/moon/sub/c.txt"))
        assert.is_true(torrent.files[2].complete)
        assert.is_false(torrent.files[1].complete)
    end)

    it("fetches a file that becomes wanted later", function()
        local torrent = download { files = { 2 } }
        torrent:set_priorities { [1] = 4, [3] = 4, [4] = 4 }
        assert.is_false(torrent.done)
        torrent:connect("127.0.0.1:" .. swarm:another_port())
        swarm:until_true(function() return torrent.done end)
        assert.equal("seeding", torrent.state)
        swarm:until_true(function() return loopback.is_whole(session.directory) end)
    end)

    it("keeps a rate limit", function()
        local torrent = swarm:add(session)
        torrent.down_rate = 100000
        assert.equal(100000, torrent.down_rate)
        session:run(0) -- what is sent at once is the bucket's
        swarm:steps(100)
        assert.is_false(torrent.done)
        torrent.down_rate = 0
        swarm:until_true(function() return torrent.done end)
    end)

    it("waits while it is paused", function()
        local torrent = swarm:add(session, { paused = true })
        swarm:steps(50)
        assert.is_true(torrent.paused)
        assert.equal(0, torrent.peer_count)
        assert.equal(0, torrent.downloaded)
        torrent:resume()
        swarm:until_true(function() return torrent.done end)
    end)

    it("knows its peers", function()
        session.down_rate = 50000
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.peers[1] and torrent.peers[1].is_seed end)
        local peer = torrent.peers[1]
        assert.equal("127.0.0.1:" .. swarm.seed.port, peer.address)
        assert.equal("127.0.0.1", peer.ip)
        assert.equal(swarm.seed.port, peer.port)
        assert.truthy(peer.client:find "^mare")
        assert.equal(swarm.seed.peer_id, peer.id)
        assert.equal("manual", peer.source)
        assert.is_false(peer.incoming)
        assert.equal(1, peer.progress)
        assert.is_true(peer:has(0))
        assert.is_false(peer:has(4000000))
        assert.same({ peer }, session.peers)
        assert.equal(torrent, peer.torrent)
        local other = swarm.seed.peers[1]
        assert.is_true(other.incoming)
        assert.equal("incoming", other.source)
    end)

    it("loses a peer that is closed, and hears the reason", function()
        session.down_rate = 50000
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.peers[1] end)
        local peer, closed = torrent.peers[1], nil
        peer.data.mark = "yes"
        local address, client = peer.address, peer.client
        torrent:on("peer_closed", function(_, gone, facts) closed = { gone, facts } end)
        peer:close "it is late"
        assert.is_false(peer.alive)
        assert.has_error(function() return peer.address end, "peer is closed")
        assert.equal("peer (closed)", tostring(peer))
        swarm:until_true(function() return closed end)
        assert.equal(peer, closed[1])
        local facts = closed[2]
        assert.equal("it is late", facts.reason)
        assert.equal(address, facts.address)
        assert.equal(client, facts.client)
        assert.is_false(facts.incoming)
        assert.equal("integer", math.type(facts.downloaded))
        assert.equal(0, facts.uploaded)
        assert.truthy(facts.connected_for >= 0)
        assert.equal("yes", closed[1].data.mark)
    end)

    it("bars a peer that is banned", function()
        session.down_rate = 50000
        local torrent, banned = swarm:add(session), nil
        torrent:on("banned", function(_, who) banned = who end)
        swarm:until_true(function() return torrent.peers[1] end)
        torrent.peers[1]:ban(60)
        swarm:until_true(function() return banned end)
        torrent:connect("127.0.0.1:" .. swarm.seed.port)
        swarm:steps(30)
        assert.equal(0, torrent.peer_count)
    end)

    it("fails with a sentence for an address that is none", function()
        local torrent = assert(session:add(swarm.bytes))
        for _, address in ipairs {
            "nonsense", "host:", "host:0", ":80", "1.2.3.4:70000", "0.0.0.0:1", "224.0.0.1:1",
        } do
            local ok, message, code = torrent:connect(address)
            assert.is_nil(ok, address)
            assert.equal("string", type(message))
            assert.equal("invalid", code)
        end
    end)

    it("connects to a name", function()
        swarm:seeder()
        local torrent = assert(session:add(swarm.bytes))
        assert.is_true(torrent:connect("localhost:" .. swarm.seed.port))
        swarm:until_true(function() return torrent.done end)
    end)

    it("reads verified bytes with a callback", function()
        local torrent, answers = download(), {}
        assert.is_true(torrent:read(300001, 7, function(bytes) answers.torrent = bytes end))
        assert.is_true(torrent:piece(1):read(function(bytes) answers.piece = bytes end))
        assert.is_true(torrent.files[3]:read(nil, nil, function(bytes) answers.file = bytes end))
        assert.is_true(torrent.files[1]:read(5, 3, function(bytes) answers.part = bytes end))
        swarm:until_true(function()
            return answers.torrent and answers.piece and answers.file and answers.part
        end)
        assert.equal(loopback.files[2][2]:sub(1, 7), answers.torrent)
        assert.equal(loopback.files[1][2]:sub(16385, 32768), answers.piece)
        assert.equal("a line\n", answers.file)
        assert.equal(loopback.files[1][2]:sub(6, 8), answers.part)
    end)

    it("fails to read what is not there", function()
        local torrent = assert(session:add(swarm.bytes, { paused = true }))
        swarm:until_true(function() return torrent.state ~= "checking" end)
        local ok, message, code = torrent:read(0, 10, print)
        assert.is_nil(ok)
        assert.equal("string", type(message))
        assert.equal("notfound", code)
        assert.is_nil((torrent:read(torrent.size, 10, print)))
        assert.is_nil((torrent:read(0, 1 << 30, print)))
    end)

    it("goes on where the last session ended", function()
        local state = swarm.root .. "/state"
        session = swarm:session { state = state, down_rate = 100000 }
        local torrent = swarm:add(session)
        swarm:until_true(function() return torrent.pieces_have > 2 end)
        local folder, have = session.directory, torrent.pieces_have
        session:close()
        local again = swarm:session { state = state, directory = folder }
        torrent = swarm:add(again)
        swarm:until_true(function() return torrent.state ~= "checking" end)
        assert.truthy(torrent.pieces_have >= have)
        swarm:until_true(function() return torrent.done end)
        assert.is_true(loopback.is_whole(folder))
    end)

    it("moves, and says so", function()
        local torrent, moved = download(), nil
        torrent:on("moved", function(_, ok, message) moved = { ok, message } end)
        assert.is_true(torrent:move(swarm.root .. "/elsewhere"))
        swarm:until_true(function() return moved end)
        assert.same({ true }, moved)
        assert.is_true(loopback.is_whole(swarm.root .. "/elsewhere"))
        assert.equal(swarm.root .. "/elsewhere", torrent.directory)
    end)

    it("is removed with its data", function()
        local torrent, removed = download(), nil
        local folder = session.directory
        torrent:on("removed", function(dead, ok) removed = { dead, ok } end)
        assert.is_true(session:remove(torrent, { data = true }))
        assert.is_false(torrent.alive)
        assert.equal("torrent (removed)", tostring(torrent))
        assert.has_error(function() return torrent.name end, "torrent is removed")
        swarm:until_true(function() return removed end)
        assert.same({ torrent, true }, removed)
        assert.is_nil(loopback.read(folder .. "/moon/a.bin"))
        assert.same({}, session:torrents())
    end)

    it("is checked again, and finds what was damaged", function()
        local torrent, found = download(), nil
        loopback.write(session.directory .. "/moon/sub/b.bin", ("x"):rep(70000))
        torrent:on("checked", function(_, pieces) found = pieces end)
        assert.is_true(torrent:recheck())
        swarm:until_true(function() return found end)
        assert.truthy(found < torrent.pieces)
        assert.is_false(torrent.done)
        torrent:connect("127.0.0.1:" .. swarm:another_port())
        swarm:until_true(function() return torrent.done end)
        assert.is_true(loopback.is_whole(session.directory))
    end)

    it("gives pieces priorities and deadlines", function()
        local torrent = assert(session:add(swarm.bytes, { paused = true }))
        local piece = torrent:piece(3)
        piece.priority = 7
        assert.equal(7, piece.priority)
        piece.deadline = 10
        assert.truthy(piece.deadline > 9 and piece.deadline <= 10)
        piece.deadline = nil
        assert.is_nil(piece.deadline)
        assert.has_error(function() piece.priority = 8 end)
        assert.has_error(function() piece.deadline = "soon" end)
        assert.has_error(function() torrent:piece(torrent.pieces) end)
        assert.has_error(function() torrent:piece(-1) end)
        assert.is_nil(torrent:file(5))
        assert.equal(torrent.files[2], torrent:file(2))
    end)

    it("adds and removes trackers", function()
        local torrent = assert(session:add(swarm.bytes, { paused = true }))
        assert.is_true(torrent:add_tracker("http://127.0.0.1:1/announce", 2))
        assert.equal("http://127.0.0.1:1/announce", torrent.trackers[1].url)
        assert.is_nil((torrent:add_tracker "gopher://x"))
        assert.is_true(torrent:remove_tracker "http://127.0.0.1:1/announce")
        assert.is_false(torrent:remove_tracker "http://127.0.0.1:1/announce")
        assert.same({}, torrent.trackers)
    end)
end)
