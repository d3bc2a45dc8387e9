-- mare.create and mare.info: what goes in comes out.

local loopback = require "support.loopback"
local mare = require "mare"

describe("mare.create", function()
    local folder
    before_each(function()
        folder = loopback.folder()
        loopback.write(folder .. "/moon/b 10.txt", "ten")
        loopback.write(folder .. "/moon/b 2.txt", "two")
        loopback.write(folder .. "/moon/a.bin", ("x"):rep(40000))
    end)
    after_each(function() os.execute("rm -rf " .. folder) end)

    it("makes a torrent of a folder, files in natural order", function()
        local info = assert(mare.info(assert(mare.create(folder .. "/moon"))))
        assert.equal("moon", info.name)
        assert.equal(40006, info.size)
        local paths = {}
        for i, file in ipairs(info.files) do
            paths[i] = file.path
        end
        assert.same({ "moon/a.bin", "moon/b 2.txt", "moon/b 10.txt" }, paths)
        assert.same({}, info.trackers)
        assert.is_false(info.private)
        assert.equal("mare/" .. mare.version, info.created_by)
        assert.is_nil(info.created_at)
    end)

    it("makes a torrent of one file", function()
        local info = assert(mare.info(assert(mare.create(folder .. "/moon/a.bin"))))
        assert.equal("a.bin", info.name)
        assert.same({ { path = "a.bin", length = 40000, offset = 0 } }, info.files)
    end)

    it("writes what it is told", function()
        local info = assert(mare.info(assert(mare.create(folder .. "/moon", {
            trackers = { "http://a.example/announce", "udp://b.example:80" },
            webseeds = { "http://c.example/" },
            piece_length = 32768,
            private = true,
            comment = "a comment",
            created_by = "a spec",
            created_at = 1234567890,
            name = "another name",
        }))))
        assert.same({ { "http://a.example/announce" }, { "udp://b.example:80" } }, info.trackers)
        assert.same({ "http://c.example/" }, info.webseeds)
        assert.equal(32768, info.piece_length)
        assert.equal(2, info.pieces)
        assert.is_true(info.private)
        assert.equal("a comment", info.comment)
        assert.equal("a spec", info.created_by)
        assert.equal(1234567890, info.created_at)
        assert.equal("another name", info.name)
    end)

    it("aligns files with padding that nobody sees", function()
        local bytes = assert(mare.create(folder .. "/moon", { align = true, piece_length = 16384 }))
        local info = assert(mare.info(bytes))
        assert.equal(3, #info.files)
        for _, file in ipairs(info.files) do
            assert.equal(0, file.offset % 16384)
        end
        local session <close> = assert(mare.session { port = false, directory = folder })
        local torrent = assert(session:add(bytes, { files = { 2 } }))
        assert.equal(3, #torrent.files)
        assert.equal("moon/b 2.txt", torrent.files[2].path)
        assert.equal(2, torrent.files[2].index)
        assert.is_true(torrent.files[2].wanted)
        assert.is_false(torrent.files[3].wanted)
        assert.equal(torrent.files[3], torrent:file(3))
    end)

    it("gives the same bytes for the same input", function()
        assert.equal(mare.create(folder .. "/moon"), mare.create(folder .. "/moon"))
    end)

    it("changes the info-hash with `source`", function()
        local plain = mare.info(mare.create(folder .. "/moon")).info_hash
        local marked = mare.info(mare.create(folder .. "/moon", { source = "here" })).info_hash
        assert.not_equal(plain, marked)
    end)

    it("tells how far it is", function()
        local last, of
        assert(mare.create(folder .. "/moon", { progress = function(done, total)
            assert.truthy(done >= (last or 0) and done <= total)
            last, of = done, total
        end }))
        assert.equal(40006, last)
        assert.equal(40006, of)
    end)

    it("is cancelled by false", function()
        local bytes, message, code = mare.create(folder .. "/moon",
            { progress = function() return false end })
        assert.is_nil(bytes)
        assert.equal("string", type(message))
        assert.equal("canceled", code)
    end)

    it("raises what a callback raises", function()
        assert.has_error(function()
            mare.create(folder .. "/moon", { progress = function() error "stop it" end })
        end)
        loopback.write(folder .. "/moon/.hidden", "h")
        local problem = {}
        local ok, raised = pcall(mare.create, folder .. "/moon",
            { note = function() error(problem) end })
        assert.is_false(ok)
        assert.equal(problem, raised)
    end)

    it("says what is left out", function()
        loopback.write(folder .. "/moon/.hidden", "h")
        local notes = {}
        assert(mare.create(folder .. "/moon", { note = function(s) notes[#notes + 1] = s end }))
        assert.equal(1, #notes)
        assert.truthy(notes[1]:find("hidden", 1, true))
    end)

    it("fails with a sentence", function()
        for _, path in ipairs { folder .. "/nothing", "/dev/null/x", "" } do
            local bytes, message, code = mare.create(path)
            assert.is_nil(bytes, path)
            assert.equal("string", type(message))
            assert.equal("string", type(code))
        end
        assert.is_nil((mare.create(folder .. "/moon", { piece_length = 1000 })))
    end)

    it("refuses options that make no sense", function()
        for name, value in pairs {
            trackers = "http://x", private = 1, piece_length = -1, progress = {}, name = 5,
            tracker = {},
        } do
            assert.has_error(function() mare.create(folder .. "/moon", { [name] = value }) end)
        end
        assert.has_error(function() mare.create(folder .. "/moon", { trackers = { 1 } }) end)
        assert.has_error(function() mare.create() end)
    end)
end)

describe("mare.info", function()
    for what, bytes in pairs {
        ["no bencode"] = "d3:cow",
        ["no torrent"] = "d3:cow3:mooe",
        ["a list"] = "le",
    } do
        it("fails with a sentence for " .. what, function()
            local info, message, code = mare.info(bytes)
            assert.is_nil(info)
            assert.equal("string", type(message))
            assert.equal("string", type(code))
        end)
    end

    it("reads a path", function()
        local folder = loopback.folder()
        loopback.write(folder .. "/x", "data")
        loopback.write(folder .. "/x.torrent", assert(mare.create(folder .. "/x")))
        assert.equal("x", assert(mare.info(folder .. "/x.torrent")).name)
        os.execute("rm -rf " .. folder)
    end)

    it("does not take a path for bytes because of its name", function()
        assert.equal("notfound", select(3, mare.info "debian.torrent"))
    end)
end)
