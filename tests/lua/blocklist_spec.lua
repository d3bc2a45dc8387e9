-- mare.blocklist: lists of addresses for scripts.

local mare = require "mare"
local loopback = require "support.loopback"

describe("a blocklist", function()
    local LIST = table.concat({
        "# a list that was pasted together",
        "Some university:192.0.2.0-192.0.2.9",
        "198.051.100.004 - 198.051.100.009 , 000 , somebody",
        "203.0.113.0/24",
        "2001:db8::/32",
    }, "\n")

    for ip, listed in pairs {
        ["192.0.2.0"] = true, ["192.0.2.9"] = true, ["192.0.2.10"] = false,
        ["198.51.100.4:6881"] = true, ["198.51.100.3"] = false,
        ["203.0.113.255"] = true, ["203.0.114.0"] = false,
        ["[2001:db8::1]:6881"] = true, ["2001:db9::1"] = false,
    } do
        it(("says that %s is %slisted"):format(ip, listed and "" or "not "), function()
            local list = assert(mare.blocklist())
            assert.equal(4, list:add(LIST))
            assert.equal(listed, list:has(ip))
        end)
    end

    it("reads files, several into one", function()
        local directory = loopback.folder()
        loopback.write(directory .. "/a.p2p", "one:192.0.2.1-192.0.2.1\n")
        loopback.write(directory .. "/b.cidr", "203.0.113.0/24\n")
        local list = assert(mare.blocklist(directory .. "/a.p2p", directory .. "/b.cidr"))
        assert.equal(2, #list)
        assert.equal("blocklist: 2 ranges", tostring(list))
    end)

    it("complains about the lines that make no sense, and keeps the rest", function()
        local list = mare.blocklist()
        assert.equal(1, list:add "what is this?\n203.0.113.0/24\n")
        assert.equal(1, list.complaints[1].line)
        assert.is_string(list.complaints[1].what)
    end)

    it("says which file is missing", function()
        local list, message, code = mare.blocklist "/nowhere/list.p2p"
        assert.is_nil(list)
        assert.matches("/nowhere/list.p2p", message, 1, true)
        assert.equal("notfound", code)
    end)

    it("raises when asked about something that is no address", function()
        assert.has_error(function() mare.blocklist():has "somewhere" end)
    end)
end)
