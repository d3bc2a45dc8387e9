-- nearest: peers that are close, by address and by time. Good for a campus, for a network whose
-- outer links are paid by the byte, and for quick answers.
--
--     subnets   CIDR texts of what is near; default: private, link-local and unique local ones
--     half      round-trip seconds that score one half (0.1)
--     only      true: never dial, admit or serve anybody else

local saturate = require("mare.policy").saturate

local PRIVATE = {
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8",
    "fc00::/7", "fe80::/10", "::1/128",
}

-- An address as a list of 16-bit groups: two for IPv4, eight for IPv6. nil: it is none.
local function groups_of(ip)
    local a, b, c, d = ip:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$"
    if a then
        return { tonumber(a) << 8 | tonumber(b), tonumber(c) << 8 | tonumber(d) }
    end
    local head, tail = ip:match "^(.-)::(.*)$"
    local groups, behind = {}, {}
    for g in (head or ip):gmatch "%x+" do groups[#groups + 1] = tonumber(g, 16) end
    for g in (tail or ""):gmatch "%x+" do behind[#behind + 1] = tonumber(g, 16) end
    for _ = 1, head and 8 - #groups - #behind or 0 do groups[#groups + 1] = 0 end
    table.move(behind, 1, #behind, #groups + 1, groups)
    return #groups == 8 and groups or nil
end

local function parse(subnet)
    local ip, bits = subnet:match "^([%x.:]+)/(%d+)$"
    local groups = ip and groups_of(ip)
    if not groups or tonumber(bits) > #groups * 16 then
        error(("nearest: %q is no subnet; write it like 192.168.0.0/16 or fc00::/7")
            :format(subnet), 3)
    end
    return { groups = groups, bits = tonumber(bits) }
end

local function contains(subnet, groups)
    if #groups ~= #subnet.groups then
        return false
    end
    local left = subnet.bits
    for i = 1, #groups do
        local shift = 16 - math.min(math.max(left, 0), 16)
        if groups[i] >> shift ~= subnet.groups[i] >> shift then
            return false
        end
        left = left - 16
    end
    return true
end

return function(options)
    options = options or {}
    local half, only, subnets = options.half or 0.1, options.only, {}
    for i, subnet in ipairs(options.subnets or PRIVATE) do
        subnets[i] = parse(subnet)
    end

    local function is_near(ip)
        local groups = groups_of(ip:match "^%[?([%x.:]+)%]?$" or ip)
        for _, subnet in ipairs(groups and subnets or {}) do
            if contains(subnet, groups) then
                return true
            end
        end
        return false
    end

    local function by_address(it)
        return is_near(it.ip) and 1 or (not only and 0)
    end

    -- Half by address, half by the time that an answer takes.
    local function nearness(peer)
        local address = by_address(peer)
        return address and 0.5 * address + 0.5 * (1 - saturate(peer.rtt or 1, half))
    end

    return {
        admit = only and by_address or nil,
        connect = by_address,
        unchoke = nearness,
        source = nearness,
        drop = function(peer) return 1 - (nearness(peer) or 0) end,
    }
end
