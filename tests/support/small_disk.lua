-- small_disk: a file system that fills up, for whom may mount one.

local process = require "support.process"
local tmpdir = require "support.tmpdir"
local uv = require "luv"

local small_disk = {}

-- Only root may mount, and not in every container.
function small_disk.may_mount()
    if uv.getuid() ~= 0 then
        return false
    end
    local dir = tmpdir()
    local status = process.try { "mount", "-t", "tmpfs", "-o", "size=64k", "mare-test", dir }
    if status == 0 then
        process.run { "umount", dir }
    end
    return status == 0
end

-- One of `size` bytes at DIR until the next cleanup, of which `left` are free: the rest is in
-- DIR/ballast. false: one may not.
function small_disk.mount(dir, size, left)
    assert(os.execute("mkdir -p '" .. dir .. "'"))
    local status = process.try {
        "mount", "-t", "tmpfs", "-o", "size=" .. size, "mare-test", dir,
    }
    if status ~= 0 then
        return false
    end
    process.defer(function() process.run { "umount", "--lazy", dir } end)
    local ballast <close> = assert(io.open(dir .. "/ballast", "wb"))
    return assert(ballast:write(("x"):rep(size - left))) ~= nil
end

return small_disk
