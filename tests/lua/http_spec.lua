-- The streaming server as its clients meet it: what is asked, what is answered, and what hostile or
-- lazy ones get. Real players are in tests/interop/player_spec.lua.

local http_client = require "support.http_client"
local loopback = require "support.loopback"
local mare = require "mare"

local FILM = loopback.noise(3000000, 7)
local TOKEN = "secret-token"

local files = {
    { "extra/notes.html", "<script>alert(1)</script>" },
    { "extra/notes.txt", "Grüße\n" },
    { "film 2.mkv", FILM },
    { "film 10.mp4", loopback.noise(200000, 8) },
    { "film.srt", "1\n00:00:01,000 --> 00:00:02,000\nmoon\n" },
    { "Sample/film sample.mkv", loopback.noise(1000, 9) },
    { "z.empty", "" },
}
-- As people count them: in the order of the torrent.
local NOTES_HTML, NOTES_TXT = "extra/notes.html", "extra/notes.txt"
local FILM_FILE, EMPTY = "film 2.mkv", "z.empty"

local swarm, session, torrent

local function until_true(condition)
    swarm:until_true(function()
        http_client.turn()
        return condition()
    end)
end

local function file_named(name)
    return loopback.file_named(torrent, name)
end

local function path_of(name)
    return file_named(name).url:match "^http://[^/]+(/.*)$"
end

local function open()
    return http_client.open(session.http.port)
end

local function wait_for(client)
    local answer
    until_true(function()
        answer = client:answer()
        return answer ~= nil
    end)
    return answer
end

local function ask(method, path, headers)
    local client = open()
    client:ask(method, path, headers)
    return wait_for(client)
end

local function get(path, headers)
    return ask("GET", path, headers)
end

local function status_json()
    return get("/" .. TOKEN .. "/status.json").body
end

local function serve(settings)
    swarm = loopback.new { files = files }
    settings.http = { token = TOKEN }
    session = swarm:session(settings)
end

-- A session that has everything already.
local function serve_complete()
    swarm = loopback.new { files = files }
    session = swarm:session { directory = swarm.root .. "/data", http = { token = TOKEN } }
    torrent = assert(session:add(swarm.bytes, { seed = true }))
    swarm:until_true(function() return torrent.state == "seeding" end)
end

local function close()
    http_client.close_all()
    swarm:close()
end

describe("an address of the server", function()
    setup(serve_complete)
    teardown(close)

    it("is known to the server, the torrent and its files", function()
        local root = ("http://127.0.0.1:%d/%s/"):format(session.http.port, TOKEN)
        assert.equal(root, session.http.url)
        assert.equal(TOKEN, session.http.token)
        assert.equal("127.0.0.1", session.http.host)
        assert.equal(root .. torrent.info_hash .. ".m3u", torrent.playlist_url)
        local film = file_named(FILM_FILE)
        local expected = ("%s%s/%d/film%%202.mkv"):format(root, torrent.info_hash, film.index)
        assert.equal(expected, film.url)
        assert.equal(film.url, torrent.url)
        assert.equal(film, torrent.main_file)
        assert.equal("video", film.kind)
        assert.equal("subtitle", file_named("film.srt").kind)
        assert.is_nil(file_named(EMPTY).kind)
    end)

    it("does not depend on the name at its end", function()
        local film = path_of(FILM_FILE)
        local folder = film:match "^(.*)/"
        for _, path in ipairs { folder, folder .. "/", film .. "/x/..%2f..%2fy" } do
            assert.equal(200, ask("HEAD", path).status)
        end
    end)

    local elsewhere = {
        "/", "/favicon.ico", "/status.json", "/secret-toke/status.json",
        "/secret-token2/status.json", "/secret-token2", "/secret-token2status.json",
        "/SECRET-TOKEN/status.json", "/secret-token/nothing", "/secret-token//status.json",
        "/secret-token/../secret-token/", "/secret-token/%2e%2e/x",
        "/secret-token/" .. ("0"):rep(40) .. "/1/x", "/secret-token/" .. ("0"):rep(40) .. ".m3u",
    }
    for _, path in ipairs(elsewhere) do
        it("is not " .. path, function()
            assert.equal(404, get(path).status)
        end)
    end

    local indexes = {
        "0", "8", "-1", "01", "1x", "+1", "", "4294967297", "99999999999999999999",
    }
    for _, index in ipairs(indexes) do
        it("has no file number '" .. index .. "'", function()
            assert.equal(404, get(("/%s/%s/%s/x"):format(TOKEN, torrent.info_hash, index)).status)
        end)
    end

    it("leads to the page, its parts, and with a slash more", function()
        local page = get("/" .. TOKEN .. "/")
        assert.equal(200, page.status)
        assert.equal("text/html; charset=utf-8", page.headers["content-type"])
        assert.truthy(page.headers["content-security-policy"]:find("default-src 'none'", 1, true))
        for part in page.body:gmatch '[sh]r[ce]f?="([%w._-]+)"' do
            assert.equal(200, get("/" .. TOKEN .. "/" .. part).status, part)
        end
        local bare = get("/" .. TOKEN)
        assert.equal(308, bare.status)
        assert.equal("/" .. TOKEN .. "/", bare.headers.location)
    end)

    it("gives a playlist of media in natural order, without samples", function()
        local list = get("/" .. TOKEN .. "/" .. torrent.info_hash .. ".m3u")
        assert.equal("audio/x-mpegurl; charset=utf-8", list.headers["content-type"])
        assert.equal(table.concat({
            "#EXTM3U", "#PLAYLIST:moon",
            "#EXTINF:-1,film 2.mkv", file_named("film 2.mkv").url,
            "#EXTINF:-1,film 10.mp4", file_named("film 10.mp4").url, "",
        }, "\n"), list.body)
    end)

    it("gives a playlist in natural order, whatever that of the torrent is", function()
        local list = {}
        for _, name in ipairs { "b 10.mkv", "b 9.mkv", "A 1.mkv", "b 1.txt" } do
            list[#list + 1] = ("d6:lengthi1e4:pathl%d:%see"):format(#name, name)
        end
        local other = assert(session:add(("d4:infod5:filesl%se4:name1:n12:piece lengthi16384e%se")
            :format(table.concat(list), "6:pieces20:" .. ("x"):rep(20) .. "e"), { paused = true }))
        local answer = get("/" .. TOKEN .. "/" .. other.info_hash .. ".m3u")
        local order = answer.body:gsub("http:[^\n]*/(%d)/[^\n]*", "%1")
        assert.equal("#EXTM3U\n#PLAYLIST:n\n#EXTINF:-1,A 1.mkv\n3\n#EXTINF:-1,b 9.mkv\n2\n"
            .. "#EXTINF:-1,b 10.mkv\n1\n", order)
        other:remove()
    end)

    it("of a torrent whose metadata is not known yet is worth another try", function()
        local hash = ("ab"):rep(20)
        local link = assert(session:add("magnet:?xt=urn:btih:" .. hash, { paused = true }))
        assert.equal(503, get(("/%s/%s.m3u"):format(TOKEN, hash)).status)
        assert.equal(503, get(("/%s/%s/1/x"):format(TOKEN, hash)).status)
        link:remove()
    end)

    it("gives a playlist with the name that the client used", function()
        local path = "/" .. TOKEN .. "/" .. torrent.info_hash .. ".m3u"
        local list = get(path, { Host = "localhost:99" })
        assert.truthy(list.body:find("http://localhost:99/" .. TOKEN, 1, true))
    end)

    it("tells what goes on", function()
        local answer = get("/" .. TOKEN .. "/status.json")
        assert.equal("application/json", answer.headers["content-type"])
        for _, part in ipairs {
            '"info_hash":"' .. torrent.info_hash .. '"', '"state":"seeding"', '"name":"moon"',
            '"runs":"' .. torrent.pieces .. '#"', '"path":"moon/film 2.mkv"', '"kind":"video"',
            '"type":"video/x-matroska"', '"length":3000000', '"progress":1.000', '"readers":[]',
            '"url":"' .. torrent.info_hash .. "/" .. file_named(FILM_FILE).index .. "/film%202",
        } do
            assert.truthy(answer.body:find(part, 1, true), part)
        end
    end)

    it("tells nothing that the reference does not name", function()
        local shapes = require("support.reference"):match "%-%-%-@class mare%.Status\n.*"
        for name in status_json():gmatch '[{,]"([%w_]+)":' do
            assert.truthy(shapes:find("@field " .. name .. "%??%s"), name)
        end
    end)

    it("tells of one torrent, and without files, if asked to", function()
        local path = "/" .. TOKEN .. "/status.json"
        assert.is_nil(get(path .. "?files=0").body:find '"files"')
        assert.truthy(get(path .. "?hash=" .. torrent.info_hash).body:find '"moon"')
        assert.truthy(get(path .. "?hash=" .. ("0"):rep(40)).body:find('"torrents":[]', 1, true))
        assert.equal(400, get(path .. "?hash=1").status)
        assert.equal(400, get(path .. "?hash").status)
    end)
end)

describe("a name", function()
    local names = { -- and how the torrent's own address spells it
        { "Grüße 100%.mkv", "Gr%C3%BC%C3%9Fe%20100%25.mkv" },
        { "a?b#c&d=e+f.mkv", "a%3Fb%23c%26d%3De%2Bf.mkv" },
        { "<img src=x onerror=alert(1)>.mkv", "%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E.mkv" },
        { [[q"uo'te&amp;.mkv]], "q%22uo%27te%26amp%3B.mkv" },
        { "映画 1.mkv", "%E6%98%A0%E7%94%BB%201.mkv" },
        { " %41%2f..%2f.mkv", "%20%2541%252f..%252f.mkv" },
    }

    setup(function()
        local all = {}
        for i, name in ipairs(names) do
            all[i] = { name[1], loopback.noise(1000, i) }
        end
        swarm = loopback.new { files = all }
        session = swarm:session { directory = swarm.root .. "/data", http = { token = TOKEN } }
        torrent = assert(session:add(swarm.bytes, { seed = true }))
        swarm:until_true(function() return torrent.state == "seeding" end)
    end)
    teardown(close)

    for i, name in ipairs(names) do
        it("such as " .. name[1] .. " is written so that everybody reads it", function()
            local path = path_of(name[1])
            assert.equal(name[2], path:match "[^/]*$")
            assert.is_true(get(path).body == loopback.noise(1000, i))
            local list = get("/" .. TOKEN .. "/" .. torrent.info_hash .. ".m3u").body
            assert.truthy(list:find("," .. name[1] .. "\nhttp://", 1, true))
            assert.truthy(list:find("/" .. name[2] .. "\n", 1, true))
            local quoted = ('"path":"moon/%s"'):format(name[1]:gsub('"', '\\"'))
            assert.truthy(status_json():find(quoted, 1, true))
        end)
    end
end)

describe("a file", function()
    setup(serve_complete)
    teardown(close)

    it("comes whole, says what it is, and is fit for nothing but being played", function()
        local answer = get(path_of(FILM_FILE))
        assert.equal(200, answer.status)
        assert.is_true(answer.body == FILM)
        assert.equal("bytes", answer.headers["accept-ranges"])
        assert.equal("video/x-matroska", answer.headers["content-type"])
        assert.equal("nosniff", answer.headers["x-content-type-options"])
        assert.equal("no-referrer", answer.headers["referrer-policy"])
        assert.equal("no-store", answer.headers["cache-control"])
        assert.truthy(answer.headers["content-security-policy"]:find "^sandbox")
        assert.is_nil(answer.headers["access-control-allow-origin"])
        assert.truthy(answer.headers["last-modified"]
            :find "^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT$")
    end)

    it("of a kind that browsers run is plain bytes", function()
        assert.equal("application/octet-stream", get(path_of(NOTES_HTML)).headers["content-type"])
        assert.equal("text/plain; charset=utf-8", get(path_of(NOTES_TXT)).headers["content-type"])
    end)

    it("that is empty comes as nothing", function()
        local answer = get(path_of(EMPTY))
        assert.equal(200, answer.status)
        assert.equal("0", answer.headers["content-length"])
        assert.equal(416, get(path_of(EMPTY), { Range = "bytes=0-" }).status)
    end)

    it("is asked for by HEAD without its bytes, and without a range", function()
        for _, range in ipairs { false, "bytes=0-9" } do
            local client = open()
            client:ask("HEAD", path_of(FILM_FILE), { Range = range })
            local answer = wait_for(client)
            assert.equal(200, answer.status)
            assert.equal("3000000", answer.headers["content-length"])
            client:get(path_of(NOTES_TXT)) -- nothing is in between
            assert.equal("Grüße\n", wait_for(client).body)
        end
    end)

    local last = #FILM - 1
    local ranges = { -- what is asked; first and last byte of the answer; nil: 416; "all": 200
        { "bytes=0-0", 0, 0 },
        { "bytes=100-199", 100, 199 },
        { "bytes=0-", 0, last },
        { "bytes=2999990-", 2999990, last },
        { "bytes=2999990-99999999", 2999990, last },
        { "bytes=5-99999999999999999999999999", 5, last },
        { "bytes=-500", last - 499, last },
        { "bytes=-99999999", 0, last },
        { "bytes=-1", last, last },
        { "Bytes=7-9", 7, 9 },
        { "bytes= 7-9 ", 7, 9 },
        { "bytes=3000000-" }, { "bytes=3000000-3000001" }, { "bytes=-0" },
        { "bytes=99999999999999999999999999-" },
        { "bytes=0-1,5-6", "all" }, { "bytes=5-2", "all" }, { "bytes=a-b", "all" },
        { "bytes=", "all" },
        { "bytes=-", "all" }, { "bytes", "all" }, { "lines=0-1", "all" }, { "bytes=1", "all" },
        { "bytes=--1", "all" }, { "bytes=0-1-2", "all" }, { "bytes=0x1-2", "all" },
    }
    for _, row in ipairs(ranges) do
        local asked, first, final = row[1], row[2], row[3]
        it("answers " .. asked, function()
            local answer = get(path_of(FILM_FILE), { Range = asked })
            if first == "all" then
                assert.equal(200, answer.status)
                assert.is_true(answer.body == FILM)
            elseif first then
                assert.equal(206, answer.status)
                assert.equal(("bytes %d-%d/3000000"):format(first, final),
                    answer.headers["content-range"])
                assert.equal(tostring(final - first + 1), answer.headers["content-length"])
                assert.is_true(answer.body == FILM:sub(first + 1, final + 1))
            else
                assert.equal(416, answer.status)
                assert.equal("bytes */3000000", answer.headers["content-range"])
            end
        end)
    end

    it("comes in part only while it is the same (If-Range)", function()
        local headers = ask("HEAD", path_of(FILM_FILE)).headers
        for _, row in ipairs {
            { headers.etag, 206 }, { headers["last-modified"], 206 }, { '"other"', 200 },
            { "W/" .. headers.etag, 200 }, { "Thu, 01 Jan 1970 00:00:00 GMT", 200 }, { "", 200 },
        } do
            local answer = get(path_of(FILM_FILE), { Range = "bytes=0-9", ["If-Range"] = row[1] })
            assert.equal(row[2], answer.status, row[1])
        end
    end)

    it("does not come to who has it, or wants another", function()
        local headers = ask("HEAD", path_of(FILM_FILE)).headers
        for _, row in ipairs {
            { "If-None-Match", headers.etag, 304 }, { "If-None-Match", "*", 304 },
            { "If-None-Match", '"a", W/' .. headers.etag, 304 },
            { "If-None-Match", '"a", "b"', 200 },
            { "If-None-Match", "nonsense", 200 }, { "If-None-Match", '"', 200 },
            { "If-Match", headers.etag, 200 }, { "If-Match", '"a", ' .. headers.etag, 200 },
            { "If-Match", "*", 200 }, { "If-Match", '"a"', 412 }, { "If-Match", "", 412 },
            { "If-Modified-Since", headers["last-modified"], 304 },
            { "If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", 200 },
        } do
            local answer = ask("HEAD", path_of(FILM_FILE), { [row[1]] = row[2] })
            assert.equal(row[3], answer.status, row[2])
            assert.equal(headers.etag, answer.headers.etag)
        end
    end)

    it("comes several times through one connection, asked for at once", function()
        local client = open()
        for i = 0, 4 do
            local range = ("bytes=%d-%d"):format(i * 1000, i * 1000 + 99999)
            client:get(path_of(FILM_FILE), { Range = range })
        end
        for i = 0, 4 do
            local answer = wait_for(client)
            assert.equal(206, answer.status)
            assert.is_true(answer.body == FILM:sub(i * 1000 + 1, i * 1000 + 100000))
        end
    end)

    it("comes to fifty at once", function()
        local clients = {}
        for i = 1, 50 do
            clients[i] = open()
            clients[i]:get(path_of(FILM_FILE), { Range = ("bytes=%d-"):format(i * 50000) })
        end
        for i = 50, 1, -1 do
            assert.is_true(wait_for(clients[i]).body == FILM:sub(i * 50000 + 1), i)
        end
    end)

    it("is sent without a reader when it is complete", function()
        local client = open()
        client:pause()
        client:get(path_of(FILM_FILE))
        until_true(function() return session.http.connections > 0 end)
        assert.truthy(status_json():find('"readers":[]', 1, true))
        client:go_on()
        assert.is_true(wait_for(client).body == FILM)
    end)
end)

describe("a client", function()
    setup(serve_complete)
    teardown(close)

    it("that names a foreign host gets nothing (DNS rebinding)", function()
        for _, host in ipairs {
            "evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example",
            "localhostx", "127.0.0.1@evil.example", "", "0x7f000001", "[::1", "localhost:80x",
        } do
            local answer = get("/" .. TOKEN .. "/status.json", { Host = host })
            assert.truthy(answer.status == 403 or answer.status == 400, host)
            assert.is_nil(answer.body:find "torrents", host)
        end
    end)

    it("may call this machine by address or localhost", function()
        for _, host in ipairs {
            "127.0.0.1", "localhost", "LocalHost:1", "192.168.1.2:80", "[::1]:80",
        } do
            assert.equal(200, get("/" .. TOKEN .. "/status.json", { Host = host }).status, host)
        end
    end)

    it("that names no host gets nothing", function()
        assert.equal(400, get("/" .. TOKEN .. "/status.json", { Host = false }).status)
        local client = open()
        client:send("GET /" .. TOKEN .. "/status.json HTTP/1.0\r\n\r\n")
        assert.equal(403, wait_for(client).status)
    end)

    it("that names two hosts gets nothing", function()
        local client = open()
        client:send("GET /" .. TOKEN .. "/ HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\n\r\n")
        assert.equal(400, wait_for(client).status)
    end)

    for _, method in ipairs {
        "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "BREW", "get",
    } do
        it("that says " .. method .. " is told what it may say", function()
            local answer = ask(method, "/" .. TOKEN .. "/", { Origin = "http://evil.example" })
            assert.equal(405, answer.status)
            assert.equal("GET, HEAD", answer.headers.allow)
            assert.is_nil(answer.headers["access-control-allow-origin"])
        end)
    end

    -- Another site's page in the same browser, even one that has come to know the token.
    it("that is another site's script gets nothing that it may read", function()
        for _, path in ipairs {
            "/" .. TOKEN .. "/status.json", path_of(FILM_FILE), "/" .. TOKEN .. "/", "/nothing",
        } do
            local answer = ask("HEAD", path, {
                Origin = "http://evil.example", ["Sec-Fetch-Site"] = "cross-site",
            })
            assert.is_nil(answer.headers["access-control-allow-origin"])
            assert.equal("same-origin", answer.headers["cross-origin-resource-policy"])
        end
    end)

    local endings = { -- version, what it says of the connection, and does it go on?
        { "1.1", "", true }, { "1.1", "Connection: close\r\n", false },
        { "1.1", "Connection: keep-alive\r\n", true },
        { "1.0", "", false }, { "1.0", "Connection: Keep-Alive\r\n", true },
    }
    for _, row in ipairs(endings) do
        local version, says, goes_on = row[1], row[2], row[3]
        it(("of HTTP/%s %s %s"):format(version, says:gsub("\r\n", ""),
            goes_on and "may ask again" or "is left"), function()
            local client = open()
            local words = ("GET %s HTTP/%s\r\nHost: localhost\r\nRange: bytes=5-9\r\n%s\r\n")
                :format(path_of(FILM_FILE), version, says)
            client:send(words)
            assert.equal(FILM:sub(6, 10), wait_for(client).body)
            if goes_on then
                client:send(words)
                assert.equal(206, wait_for(client).status)
            else
                until_true(function() return client.ended end)
            end
        end)
    end

    it("that finds all connections taken waits until one is free", function()
        local taken = {}
        http_client.close_all()
        until_true(function() return session.http.connections == 0 end)
        for i = 1, 128 do
            taken[i] = open()
        end
        until_true(function() return session.http.connections >= 128 end)
        local late = open()
        late:get("/" .. TOKEN .. "/")
        swarm:steps(20)
        http_client.turn()
        assert.is_nil(late:answer())
        assert.equal(128, session.http.connections)
        taken[1]:close()
        assert.equal(200, wait_for(late).status)
        http_client.close_all()
    end)

    it("that sends a body is refused before the body is read", function()
        assert.equal(413, get("/" .. TOKEN .. "/", { ["Content-Length"] = "99999999999" }).status)
        assert.equal(413, get("/" .. TOKEN .. "/", { ["Transfer-Encoding"] = "chunked" }).status)
    end)

    it("with too long a header, too many, or too long an address is refused", function()
        local long = ("x"):rep(100000)
        assert.equal(200, get("/" .. TOKEN .. "/", { Cookie = long:sub(1, 12000) }).status)
        assert.equal(431, get("/" .. TOKEN .. "/", { Cookie = long:sub(1, 17000) }).status)
        assert.equal(431, get("/" .. TOKEN .. "/", { Cookie = long }).status)
        local many = {}
        for i = 1, 2000 do
            many["X-" .. i] = "y"
        end
        assert.equal(431, get("/" .. TOKEN .. "/", many).status)
        assert.truthy(get("/" .. long).status >= 400)
    end)

    it("that talks nonsense costs its connection and nothing else", function()
        for _, words in ipairs {
            "\r\n\r\n\0\0\0", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", ("A"):rep(20000),
            "\22\3\1\2\0\1\0",
            "GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET /%zz%f HTTP/1.1\r\nHost: localhost\r\nRange: \r\n\r\n",
        } do
            local client = open()
            until_true(function() return client.connected end)
            client:send(words)
            client.tcp:shutdown()
            until_true(function() return client.ended end)
        end
        assert.equal(200, get("/" .. TOKEN .. "/status.json").status)
    end)

    it("that says nothing keeps nobody waiting", function()
        for _ = 1, 20 do
            open()
        end
        assert.equal(200, get("/" .. TOKEN .. "/status.json").status)
    end)
end)

describe("while a torrent is still downloading", function()
    before_each(function()
        serve { down_rate = 4000000 }
        torrent = swarm:add(session)
        until_true(function() return torrent.state == "downloading" end)
    end)
    after_each(close)

    -- From the middle, so that the bytes are not there just because it began.
    it("a range is waited for and comes right", function()
        local answer = get(path_of(FILM_FILE), { Range = "bytes=2000000-2399999" })
        assert.equal(206, answer.status)
        assert.is_true(answer.body == FILM:sub(2000001, 2400000))
        assert.is_false(torrent.done)
    end)

    it("the whole file is played from its beginning", function()
        assert.is_true(get(path_of(FILM_FILE)).body == FILM)
    end)

    it("fifty readers at once each get their own", function()
        local clients = {}
        for i = 0, 49 do
            clients[i] = open()
            local range = ("bytes=%d-%d"):format(i * 59000, i * 59000 + 99999)
            clients[i]:get(path_of(FILM_FILE), { Range = range })
        end
        for i = 0, 49 do
            local answer = wait_for(clients[i])
            assert.equal(206, answer.status)
            assert.is_true(answer.body == FILM:sub(i * 59000 + 1, i * 59000 + 100000), i)
        end
    end)

    it("a player that stands still holds no memory, and goes on where it was", function()
        local client = open()
        client:get(path_of(FILM_FILE))
        until_true(function() return client.length > 10000 end)
        client:pause()
        until_true(function() return torrent.done end)
        assert.truthy(session.memory_used < 2000000)
        client:go_on()
        assert.is_true(wait_for(client).body == FILM)
    end)
end)

describe("of a torrent that is not on disk, or not all of it,", function()
    before_each(function() serve {} end)
    after_each(close)

    for name, options in pairs {
        ["in memory"] = { storage = "memory" },
        ["in a part of the memory"] = { storage = "memory", max_memory = 20 * 16384 },
        ["in a part of the disk"] = { max_disk = 20 * 16384 },
    } do
        it(name .. ", a film is played and played again", function()
            torrent = swarm:add(session, options)
            for _ = 1, 2 do
                assert.is_true(get(path_of(FILM_FILE), { Range = "bytes=0-" }).body == FILM)
            end
            local part = get(path_of(FILM_FILE), { Range = "bytes=1000000-1499999" })
            assert.is_true(part.body == FILM:sub(1000001, 1500000))
        end)
    end
end)

describe("while nothing comes", function()
    before_each(function()
        serve {}
        torrent = assert(session:add(swarm.bytes, { paused = true }))
    end)
    after_each(close)

    local function wait_in_vain()
        local client = open()
        client:get(path_of(FILM_FILE), { Range = "bytes=2900000-" })
        until_true(function() return status_json():find '"position":2900000' end)
        return client
    end

    it("a player that leaves is noticed, and its reader goes", function()
        wait_in_vain():close()
        until_true(function() return status_json():find('"readers":[]', 1, true) end)
    end)

    it("a question for the head alone makes nothing urgent", function()
        assert.equal("3000000", ask("HEAD", path_of(FILM_FILE)).headers["content-length"])
        wait_in_vain()
        assert.truthy(status_json():find('"number":1,', 1, true)) -- the first reader
    end)

    it("a player that leaves takes along what it has asked for beside", function()
        local client = wait_in_vain()
        client:get(path_of(FILM_FILE), { Range = "bytes=100000-" })
        swarm:steps(20)
        assert.is_nil(status_json():find('"position":100000,', 1, true)) -- one after the other
        client:close()
        until_true(function() return status_json():find('"readers":[]', 1, true) end)
    end)

    -- Its old connection may live on for a while: players close it late.
    it("a player that jumps has priority where it is, and another keeps its own", function()
        local function come(program, position)
            open():get(path_of(FILM_FILE), {
                Range = ("bytes=%d-"):format(position), ["User-Agent"] = program,
            })
            until_true(function()
                return status_json():find(('"position":%d,'):format(position), 1, true)
            end)
        end
        local function is_superseded(position)
            return status_json():match(('"position":%d,[^}]*"superseded":(%%a+)'):format(position))
        end
        come("VLC 3", 100000)
        come("mpv 3", 200000)
        assert.equal("false", is_superseded(100000))
        come("VLC 3", 300000)
        assert.equal("true", is_superseded(100000))
        assert.equal("false", is_superseded(200000))
        assert.equal("false", is_superseded(300000))
    end)

    it("connections that wait can be dropped, others go on", function()
        local waiting, other = wait_in_vain(), open()
        other:get("/" .. TOKEN .. "/status.json")
        assert.equal(1, session.http:drop(torrent))
        assert.equal(0, session.http:drop())
        assert.equal(200, wait_for(other).status)
        until_true(function() return waiting.ended end)
        assert.truthy(status_json():find('"readers":[]', 1, true))
    end)

    it("those of one file can be dropped, and only if they have waited long enough", function()
        local waiting = wait_in_vain()
        for _, file in ipairs(torrent.files) do
            local is = file.path == "moon/" .. FILM_FILE
            assert.equal(0, session.http:drop(file, 60))
            assert.equal(is and 1 or 0, session.http:drop(file))
        end
        until_true(function() return waiting.ended end)
    end)

    it("the torrent may be removed", function()
        local client = wait_in_vain()
        torrent:remove()
        until_true(function() return client.ended end)
        assert.truthy(status_json():find('"torrents":[]', 1, true))
    end)

    it("the session may be closed, and the server alone", function()
        local client = wait_in_vain()
        session.http:close()
        until_true(function() return client.ended end)
        assert(session:serve { token = TOKEN })
        client = wait_in_vain()
        session:close(0)
        until_true(function() return client.ended end)
    end)
end)

describe("serving", function()
    before_each(function()
        swarm = loopback.new()
        session = swarm:session()
    end)
    after_each(close)

    it("is off unless it is asked for", function()
        local of = assert(session:add(swarm.bytes, { paused = true }))
        assert.is_nil(session.http)
        assert.is_nil(of.url)
        assert.is_nil(of.playlist_url)
        assert.is_nil(of.files[1].url)
    end)

    it("begins later, with a token that nobody guesses, and ends", function()
        local server = assert(session:serve())
        assert.equal("http", mare.type(server))
        assert.equal(server, session.http)
        assert.truthy(server.token:find "^%x+$" and #server.token == 32)
        assert.equal(200, get(server.url:match "^http://[^/]+(/.*)$").status)
        local port = server.port
        assert.is_true(server:close())
        assert.is_true(server:close())
        assert.is_false(server.alive)
        assert.is_nil(session.http)
        assert.has_error(function() return server.url end, "http is closed")
        local client = http_client.open(port)
        until_true(function() return client.problem end)
        local again = assert(session:serve { token = "x" })
        assert.not_equal(server, again)
        assert.is_false(server.alive)
    end)

    it("is done once at a time", function()
        assert(session:serve())
        local server, message, code = session:serve()
        assert.is_nil(server)
        assert.equal("the session serves already", message)
        assert.equal("exists", code)
    end)

    it("says what is wrong with its options", function()
        assert.has_error(function() session:serve { token = 5 } end)
        assert.has_error(function() session:serve { host = "localhost" } end)
        assert.has_error(function() session:serve { port = false } end)
        assert.has_error(function() session:serve { prt = 1 } end)
        assert.has_error(function() mare.session { port = false, http = 1 } end)
        for _, token in ipairs { "", "a/b", "a b", "ü", ("x"):rep(65) } do
            local server, message, code = session:serve { token = token }
            assert.is_nil(server)
            assert.truthy(message:find "^a token is")
            assert.equal("invalid", code)
        end
    end)

    it("at a port that is taken fails, for a new session as well", function()
        local server = assert(session:serve())
        local other, message = mare.session { port = false, http = { port = server.port } }
        assert.is_nil(other)
        assert.truthy(message:find "^cannot listen on 127.0.0.1:%d+: ")
    end)

    it("works on IPv6", function()
        local server, _, code = session:serve { host = "::1", token = "six" }
        if code == "network" or code == "io" then
            return -- a machine without it
        end
        assert.equal(("http://[::1]:%d/six/"):format(server.port), server.url)
        local client = http_client.open(server.port, "::1")
        client:get("/six/", { Host = "[::1]:1" })
        assert.equal(200, wait_for(client).status)
    end)
end)
