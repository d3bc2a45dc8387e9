-- The command: what it prints, what it exits with, what it leaves behind.

local command = require "support.command"
local loopback = require "support.loopback"
local mare = require "mare"
local process = require "support.process"

describe("mare", function()
    local swarm, folder
    before_each(function()
        swarm = loopback.new()
        folder = swarm.root
    end)
    after_each(function()
        process.cleanup()
        swarm:close()
    end)

    local opens_session = { get = true, seed = true }

    -- It stays on this machine.
    local function start(...)
        local words = { ... }
        if opens_session[...] and #words > 1 then
            table.move({ "--bind", "127.0.0.1" }, 1, 2, #words + 1, words)
        end
        return command.start(swarm, table.unpack(words))
    end

    local function finish(p)
        return command.finish(swarm, p)
    end

    local function run(...)
        return finish(start(...))
    end

    local function until_said(p, pattern)
        command.until_said(swarm, p, pattern)
    end

    local function seeder()
        return "127.0.0.1:" .. swarm:seeder().port
    end

    local function lines(text)
        local list = {}
        for line in text:gmatch "[^\n]+" do
            list[#list + 1] = line
        end
        return list
    end

    describe("without a command", function()
        it("shows what there is", function()
            local status, out = run "--help"
            assert.equal(0, status)
            for _, name in ipairs { "get", "seed", "play", "serve", "create", "info", "verify",
                "replay" } do
                assert.truthy(out:find("  " .. name .. " ", 1, true), name)
                local s, help = run(name, "--help")
                assert.equal(0, s)
                assert.truthy(help:find("usage: mare " .. name, 1, true))
            end
        end)

        it("tells its version", function()
            local status, out = run "--version"
            assert.equal(0, status)
            assert.equal("mare " .. mare.version .. "\n", out:match "^[^\n]*\n")
            assert.truthy(out:find "port mapping: ")
        end)

        it("wants one", function()
            local status, out, err = run()
            assert.equal(2, status)
            assert.equal("", out)
            assert.equal(1, #lines(err))
        end)
    end)

    describe("says what is wrong in one sentence, with status 2,", function()
        for what, words in pairs {
            ["of a command that does not exist"] = { "fetch" },
            ["of an option that does not exist"] = { "get", "--fast", "x" },
            ["of a missing word"] = { "get" },
            ["of a word too many"] = { "info", "a", "b" },
            ["of a missing value"] = { "get", "x", "--port" },
            ["of a bad port"] = { "get", "x", "--port", "70000" },
            ["of a bad peer"] = { "get", "x", "--peer", "localhost" },
            ["of a bad rate"] = { "get", "x", "--up", "fast" },
            ["of a proxy in a file that is not there"] = { "get", "x", "--proxy", "@nowhere" },
            ["of a bad memory"] = { "get", "x", "--memory", "0" },
            ["of bad files"] = { "get", "x", "--files", "3-1" },
            ["of a bad receive"] = { "get", "x", "--receive", "quickly" },
            ["of a value that is none of its business"] = { "get", "x", "--json=yes" },
            ["of a seed without data"] = { "seed", "x" },
            ["of a bad tracker"] = { "create", "x", "-t", "example.org" },
            ["of a bad piece length"] = { "create", "x", "-l", "big" },
        } do
            it(what, function()
                local status, out, err = run(table.unpack(words))
                assert.equal(2, status)
                assert.equal("", out)
                assert.equal(1, #lines(err), err)
                assert.truthy(err:find "^mare: ")
            end)
        end
    end)

    -- Nobody listens there: what is told of it names it, without the password.
    describe("finds its proxy", function()
        local URL = "socks5://me:secret@127.0.0.1:%d"
        after_each(function() command.proxy = nil end)

        for where, set in pairs {
            ["in a file"] = function()
                loopback.write(folder .. "/proxy", (" " .. URL .. " \n# more"):format(2))
                return "@proxy", 2
            end,
            ["in the environment"] = function()
                command.proxy = URL:format(3)
                return nil, 3
            end,
            ["on the command line first"] = function()
                command.proxy = URL:format(3)
                return URL:format(4), 4
            end,
        } do
            it(where, function()
                local value, port = set()
                local p = start("get", "moon.torrent", "--json", "--port", "0", "--no-lsd",
                    "--no-portmap", "--no-dht", "--peer", "127.0.0.1:9",
                    table.unpack(value and { "--proxy", value } or {}))
                until_said(p, ("the proxy socks5://127.0.0.1:%d cannot be reached"):format(port))
                assert.is_nil(p:log():find("secret", 1, true))
            end)
        end

        it("nowhere, when it is told so", function()
            command.proxy = URL:format(3)
            local p = start("get", "moon.torrent", "--json", "--port", "0", "--no-lsd",
                "--no-portmap", "--no-dht", "--peer", seeder(), "--proxy", "",
                "-o", folder .. "/here")
            assert.equal(0, (finish(p)))
        end)
    end)

    describe("info", function()
        it("shows a torrent", function()
            local status, out = run("info", "moon.torrent")
            assert.equal(0, status)
            assert.truthy(out:find("moon/sub/b.bin", 1, true))
            assert.truthy(out:find(mare.info(swarm.bytes).info_hash, 1, true))
        end)

        it("prints one JSON object", function()
            local status, out = run("info", "--json", "moon.torrent")
            assert.equal(0, status)
            assert.equal(1, #lines(out))
            for _, part in ipairs {
                '"name":"moon"', '"info_hash":"' .. mare.info(swarm.bytes).info_hash .. '"',
                '"piece_length":16384', '"pieces":23', '"size":370008', '"private":false',
                '"trackers":[]', '{"length":70000,"path":"moon/sub/b.bin"}',
            } do
                assert.truthy(out:find(part, 1, true), part)
            end
        end)

        it("refuses what is no torrent", function()
            loopback.write(folder .. "/broken.torrent", "d4:infod6:lengthi1e")
            for _, source in ipairs { "broken.torrent", "nothing.torrent", ".", "magnet:?xt=x" } do
                local status, out, err = run("info", source)
                assert.equal(1, status)
                assert.equal("", out)
                assert.equal(1, #lines(err), err)
            end
        end)

        it("does not let a torrent steer the terminal", function()
            local info = "d6:lengthi1e4:name3:\27[2J12:piece lengthi16384e6:pieces20:"
                .. ("x"):rep(20) .. "e"
            info = info:gsub("3:\27%[2J", "4:\27[2J")
            loopback.write(folder .. "/t.torrent", "d4:info" .. info .. "e")
            local _, out, err = run("info", "t.torrent")
            assert.is_nil((out .. err):find "\27")
        end)
    end)

    describe("with a link", function()
        local hash, link
        before_each(function()
            hash = mare.info(swarm.bytes).info_hash
            link = "magnet:?xt=urn:btih:" .. hash .. "&dn=so+called&x.pe=" .. seeder()
        end)

        it("downloads what peers say it means", function()
            local status, out = finish(start("get", link, "-o", "got", "--port", "0"))
            assert.equal(0, status)
            assert.truthy(out:find "moon: 361 KiB in 4 files", out)
            assert.is_true(loopback.is_whole(folder .. "/got"))
        end)

        it("downloads the files that were chosen", function()
            local status = finish(start("get", hash, "-o", "got", "--port", "0", "--files", "3",
                "--peer", seeder()))
            assert.equal(0, status)
            assert.equal("a line\n", loopback.read(folder .. "/got/moon/sub/c.txt"))
            assert.is_nil((loopback.read(folder .. "/got/moon/a.bin")))
        end)

        it("says as JSON when the metadata has come", function()
            local _, out = finish(start("get", link, "-o", "got", "--port", "0", "--json"))
            assert.truthy(out:find('{"event":"start","info_hash":"' .. hash
                .. '","name":"so called"', 1, true), out)
            assert.truthy(out:find('{"event":"metadata","name":"moon","pieces":23', 1, true), out)
        end)

        it("needs nobody when it was there before", function()
            finish(start("get", link, "-o", "got", "--port", "0"))
            local status, out = finish(start("get", hash, "-o", "got", "--port", "0"))
            assert.equal(0, status)
            assert.truthy(out:find "moon: .* complete", out)
        end)

        it("seeds the data that it turns out to mean", function()
            local p = start("seed", link, "--data", "data", "--port", "0")
            until_said(p, "moon: seeding")
            p:kill "sigint"
            assert.equal(130, (finish(p)))
        end)

        it("shows what it says", function()
            local status, out = run("info", link)
            assert.equal(0, status)
            for _, part in ipairs { "so called", hash, seeder() } do
                assert.truthy(out:find(part, 1, true), out)
            end
        end)

        it("verifies nothing", function()
            local status, out, err = run("verify", link)
            assert.equal(1, status)
            assert.equal("", out)
            assert.truthy(err:find "mare get", err)
        end)

        it("fails with a sentence for a web address where nobody is", function()
            for _, verb in ipairs { "get", "info" } do
                local status, out, err = run(verb, "http://127.0.0.1:1/x.torrent")
                assert.equal(1, status)
                assert.equal("", out)
                assert.equal(1, #lines(err), err)
            end
        end)
    end)

    describe("create", function()
        it("makes a torrent, and says its hash", function()
            local status, out = run("create", "data/moon", "-t", "http://a.example/announce",
                "-l", "16K", "-o", "new.torrent")
            assert.equal(0, status)
            local info = assert(mare.info(folder .. "/new.torrent"))
            assert.truthy(out:find(info.info_hash, 1, true))
            assert.same({ { "http://a.example/announce" } }, info.trackers)
            assert.equal(mare.info(swarm.bytes).info_hash, info.info_hash)
        end)

        it("takes the name of the folder", function()
            assert.equal(0, (run("create", "data/moon/sub/")))
            assert.equal("sub", assert(mare.info(folder .. "/sub.torrent")).name)
        end)

        it("overwrites nothing", function()
            local before = loopback.read(folder .. "/moon.torrent")
            local status, _, err = run("create", "data/moon", "-o", "moon.torrent")
            assert.equal(1, status)
            assert.truthy(err:find "exists already")
            assert.equal(before, loopback.read(folder .. "/moon.torrent"))
        end)

        it("fails with a sentence, and leaves nothing behind", function()
            for _, words in ipairs {
                { "create", "nothing" }, { "create", "data", "-o", "no/such/folder.torrent" },
                { "create", "data", "-l", "1000", "-o", "x.torrent" },
            } do
                local status, _, err = run(table.unpack(words))
                assert.equal(1, status)
                assert.equal(1, #lines(err), err)
            end
            assert.is_nil(loopback.read(folder .. "/x.torrent"))
            assert.is_nil(loopback.read(folder .. "/nothing.torrent"))
        end)
    end)

    describe("replay", function()
        it("asks a policy what --record has written down", function()
            assert.equal(0, (run("get", "moon.torrent", "-o", "here", "--peer", seeder(),
                "--record", "moon.jsonl", "--quiet")))
            local status, out = run("replay", "moon.jsonl", "--policy", "sequential")
            assert.equal(0, status)
            assert.matches("piece +%d+ +%d+ +%d+ %(%d+ %%%)", out)
            status, out = run("replay", "moon.jsonl", "--json")
            assert.equal(0, status)
            assert.matches('{"event":"done","lost":0,"rounds":%d+,"same":true}', out)
        end)

        it("says what is wrong with a recording", function()
            local status, _, err = run("replay", "moon.torrent")
            assert.equal(1, status)
            assert.matches("moon.torrent, line 1: the file is no recording", err)
            assert.equal(2, (run "replay"))
        end)
    end)

    describe("verify", function()
        it("is content with whole files", function()
            local status, out = run("verify", "moon.torrent", "-o", "data")
            assert.equal(0, status)
            assert.equal(4, #lines(out))
        end)

        it("finds what is broken, and touches nothing", function()
            loopback.write(folder .. "/data/moon/sub/b.bin", ("y"):rep(70000))
            os.remove(folder .. "/data/moon/z.empty")
            local status, out = run("verify", "moon.torrent", "-o", "data", "--json")
            assert.equal(1, status)
            assert.truthy(out:find('{"event":"file","complete":false', 1, true))
            assert.equal(("y"):rep(70000), loopback.read(folder .. "/data/moon/sub/b.bin"))
            assert.equal(1, (run("verify", "moon.torrent", "-o", "nowhere")))
            assert.is_nil(io.open(folder .. "/nowhere"))
        end)
    end)

    describe("get", function()
        local function get(...)
            local peer = seeder()
            return start("get", "moon.torrent", "-o", "got", "--port", "0", "--peer", peer, ...)
        end

        it("downloads, and ends", function()
            local status, out, err = finish(get())
            assert.equal(0, status, err)
            assert.truthy(out:find "moon: .* complete")
            assert.is_true(loopback.is_whole(folder .. "/got"))
        end)

        it("reports in JSON, the last line being the bill", function()
            local status, out = finish(get "--json")
            assert.equal(0, status)
            local all = lines(out)
            for _, line in ipairs(all) do
                assert.truthy(line:find '^{"event":"%l[%l_]*".*}$', line)
            end
            assert.truthy(all[#all]:find '^{"event":"done"')
            for _, key in ipairs {
                "seconds", "payload_received", "payload_copied", "recv_calls", "cpu_seconds",
            } do
                assert.truthy(all[#all]:find('"' .. key .. '":%d'), key)
            end
            assert.truthy(all[#all]:find('"payload_received":370008', 1, true))
        end)

        it("downloads only what is wanted", function()
            assert.equal(0, (finish(get("--files", "2-3"))))
            assert.equal(loopback.files[2][2], loopback.read(folder .. "/got/moon/sub/b.bin"))
            assert.is_nil(loopback.read(folder .. "/got/moon/a.bin"))
        end)

        it("seeds afterwards, until it is told to end", function()
            local p = get("--seed", "--json")
            until_said(p, '"event":"complete"')
            assert.is_true(p:running())
            p:kill "sigterm"
            local status, out = finish(p)
            assert.equal(130, status)
            assert.truthy(out:find '"event":"interrupted"[^\n]*\n$')
        end)

        it("ends at once when its ratio is reached", function()
            assert.equal(0, (finish(get("--seed", "0", "--json"))))
        end)

        it("saves its state when it is interrupted, and goes on from there", function()
            local p = get("--down", "100K", "--json")
            until_said(p, '"have":[1-9]')
            p:kill "sigint"
            assert.equal(130, (finish(p)))
            local hash = mare.info(swarm.bytes).info_hash
            assert.is_string(loopback.read(folder .. "/.local/state/mare/" .. hash .. ".resume"))
            local status, out = finish(get "--json")
            assert.equal(0, status)
            local received = tonumber(out:match '"event":"done".*"payload_received":(%d+)')
            assert.truthy(received < 370008)
            assert.is_true(loopback.is_whole(folder .. "/got"))
        end)

        it("fails for a file that is not there", function()
            local status, _, err = run("get", "moon.torrent", "--files", "9")
            assert.equal(1, status)
            assert.truthy(err:find "there is no file 9")
        end)

        it("fails when the port is taken", function()
            local port = tostring(swarm:seeder().port)
            local status, _, err = run("get", "moon.torrent", "--port", port)
            assert.equal(1, status)
            assert.truthy(err:find(port, 1, true))
        end)

        it("fails when the folder cannot be", function()
            local status, _, err = run("get", "moon.torrent", "-o", "moon.torrent/x")
            assert.equal(1, status)
            assert.equal(1, #lines(err:gsub("[^\n]*waiting for somebody to connect\n", "")), err)
            assert.truthy(err:find "moon.torrent")
        end)
    end)

    describe("seed", function()
        it("uploads, until it is told to end", function()
            local p = start("seed", "moon.torrent", "--data", "data", "--json", "--port", "0")
            until_said(p, '"event":"seeding"')
            local session = swarm:session()
            local torrent = assert(session:add(swarm.bytes))
            assert(torrent:connect("127.0.0.1:" .. p:output():match '"port":(%d+)'))
            swarm:until_true(function() return torrent.done end)
            p:kill "sigterm"
            local status, out = finish(p)
            assert.equal(130, status)
            assert.truthy(out:find '"payload_sent":370008')
        end)

        it("does not pretend to have what is missing", function()
            os.remove(folder .. "/data/moon/a.bin")
            local status, _, err = run("seed", "moon.torrent", "--data", "data", "--port", "0")
            assert.equal(1, status)
            assert.truthy(err:find "to complete it, use mare get")
        end)
    end)
end)
