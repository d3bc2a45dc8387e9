-- layers: `make lint` runs this over src/. Folders are layers: a file includes its own folder
-- and those before it in the list, nothing above. And what talks to the outside (a library, a
-- socket, a file) is included only where the design puts it; a header that is not named
-- below is nobody's until somebody says here whose it is.

local layers = { "base", "codec", "proto", "swarm", "io", "engine", "lua" }

-- The headers of the C standard and of the compiler belong to everybody.
local standard = [[
    assert ctype errno float inttypes limits locale math setjmp signal stdalign stdarg stdatomic
    stdbool stddef stdint stdio stdlib stdnoreturn string strings time
    cpuid immintrin x86intrin arm_neon arm_acle sys/auxv asm/hwcap
]]

-- Pattern of a header, patterns of the files that may include it.
local owners = {
    { "^l[ua][au][xlu]?%w*%.h$", "^src/lua/" }, -- lua.h, lauxlib.h, lualib.h
    { "^curl/", "^src/io/fetch" },
    { "^openssl/", "^src/base/hash", "^src/proto/mse" },
    { "^uv%.h$", "^src/io/" },
    { "^arpa/inet%.h$", "^src/base/addr%.c$", "^src/io/" },
    { "^sanitizer/", "^src/base/buffer_pool%.c$" }, -- idle buffers are poisoned
    { "^unistd%.h$", "^src/base/buffer_pool%.c$", "^src/io/" }, -- the size of a page
    { "^sys/uio%.h$", "^src/" }, -- struct iovec is a shape; readv itself is a stream's
    { "^sys/random%.h$", "^src/base/rng%.c$" },
    { "^sys/ioctl%.h$", "^src/lua/terminal%.c$", "^src/io/" }, -- how wide the command may draw
    { "^microhttpd%.h$", "^src/io/http[%w_]*%.[ch]$" },
    { "^miniupnpc/", "^src/io/" },
    { "^natpmp%.h$", "^src/io/" },
    { "^sys/", "^src/io/" },
    { "^net[%w]*/", "^src/io/" },
    { "^linux/", "^src/io/" },
    { "^[%w]+%.h$", "^src/io/" }, -- fcntl.h, dirent.h, netdb.h, poll.h, ...
}

local rank = {}
for i, layer in ipairs(layers) do
    rank[layer] = i
end

local everybody = {}
for name in standard:gmatch "%S+" do
    everybody[name .. ".h"] = true
end

local complaints = 0
local function complain(file, line, format, ...)
    complaints = complaints + 1
    io.stderr:write(("%s:%d: " .. format .. "\n"):format(file, line, ...))
end

local function exists(path)
    local f = io.open(path)
    return f and f:close()
end

-- #include "layer/name.h"
local function check_ours(file, line, header)
    local own = file:match "^src/(%w+)/"
    local other = header:match "^(%w+)/"
    if not rank[other] then
        complain(file, line, '"%s" is not written as "layer/name.h"', header)
    elseif not exists("src/" .. header) then
        complain(file, line, '"%s" does not exist', header)
    elseif rank[other] > rank[own] then
        complain(file, line, "%s may not know of %s (%s)", own, other, header)
    end
end

-- #include <name.h>
local function check_theirs(file, line, header)
    if everybody[header] then
        return
    end
    for _, owner in ipairs(owners) do
        if header:find(owner[1]) then
            for i = 2, #owner do
                if file:find(owner[i]) then
                    return
                end
            end
            return complain(file, line, "<%s> is not for this file (see layers.lua)", header)
        end
    end
    complain(file, line, "<%s> has no owner yet (see layers.lua)", header)
end

local function check_file(file)
    if not rank[file:match "^src/(%w+)/" or ""] then
        return complain(file, 1, "src/ holds only the layers %s", table.concat(layers, ", "))
    end
    local n = 0
    for text in io.lines(file) do
        n = n + 1
        local ours = text:match '^%s*#%s*include%s*"(.-)"'
        local theirs = text:match "^%s*#%s*include%s*<(.-)>"
        if ours then
            check_ours(file, n, ours)
        elseif theirs then
            check_theirs(file, n, theirs)
        end
    end
end

for file in io.popen("find src -name '*.[ch]' | sort"):lines() do
    check_file(file)
end
os.exit(complaints == 0)
