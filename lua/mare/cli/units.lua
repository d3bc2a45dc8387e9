-- units: sizes, rates and times as people write and read them.

local units = {}

local factors = {
    [""] = 1, B = 1,
    K = 1024, KI = 1024, KB = 1000, KIB = 1024,
    M = 1024 ^ 2, MI = 1024 ^ 2, MB = 1000 ^ 2, MIB = 1024 ^ 2,
    G = 1024 ^ 3, GI = 1024 ^ 3, GB = 1000 ^ 3, GIB = 1024 ^ 3,
}

-- "500K", "2M", "1.5MiB", "80000": bytes, or nil. K and KiB are 1,024; KB is 1,000.
function units.parse_size(text)
    local number, unit = text:match "^(%d+%.?%d*)%s*(%a*)$"
    local factor = unit and factors[unit:upper()]
    return factor and math.floor(tonumber(number) * factor)
end

local names = { "B", "KiB", "MiB", "GiB", "TiB" }

-- "1.4 GiB": three digits that matter.
function units.size(bytes)
    local i = 1
    while bytes >= 1000 and names[i + 1] do
        bytes, i = bytes / 1024, i + 1
    end
    local format = i == 1 and "%.0f %s" or bytes < 10 and "%.2f %s" or bytes < 100 and "%.1f %s"
        or "%.0f %s"
    return format:format(bytes, names[i])
end

function units.rate(bytes_per_second)
    return units.size(bytes_per_second) .. "/s"
end

-- "41s", "3m07s", "2h05m", "4d03h"
function units.duration(seconds)
    local s = math.floor(seconds + 0.5)
    if s < 60 then
        return ("%ds"):format(s)
    elseif s < 3600 then
        return ("%dm%02ds"):format(s // 60, s % 60)
    elseif s < 86400 then
        return ("%dh%02dm"):format(s // 3600, s % 3600 // 60)
    end
    return ("%dd%02dh"):format(s // 86400, s % 86400 // 3600)
end

-- Rounded down: 100 % is said only of what is complete.
function units.percent(share)
    return ("%.1f%%"):format(math.floor(share * 1000) / 10)
end

-- "1 peer", "2 peers"
function units.count(n, what)
    return ("%d %s%s"):format(n, what, n == 1 and "" or "s")
end

return units
