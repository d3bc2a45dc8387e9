-- clips: films of a few seconds as people have them, made with ffmpeg: a picture that changes with
-- every frame, a tone, subtitles.
--
--     clips.make(folder)    end.mp4 (its index at the end), fast.mp4 (at the beginning), film.mkv
--                           (with subtitles in it), film.srt

local loopback = require "support.loopback"
local process = require "support.process"

local clips = { seconds = 24, frames = 240 }

local SUBTITLES = "1\n00:00:01,000 --> 00:00:05,000\nfirst\n\n"
    .. "2\n00:00:06,000 --> 00:00:20,000\nsecond\n"

local function ffmpeg(...)
    process.run { "ffmpeg", "-v", "error", "-y", ... }
end

-- A tenth of a second has a frame, each half second a key frame: seeks land where they aim.
function clips.make(folder)
    local base, length = folder .. "/end.mp4", tostring(clips.seconds)
    loopback.write(folder .. "/film.srt", SUBTITLES)
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=480x270:rate=10:duration=" .. length,
        "-f", "lavfi", "-i", "sine=frequency=440:duration=" .. length,
        "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "900k", "-minrate", "900k", "-g", "5",
        "-pix_fmt", "yuv420p", "-c:a", "aac", base)
    ffmpeg("-i", base, "-c", "copy", "-movflags", "+faststart", folder .. "/fast.mp4")
    ffmpeg("-i", base, "-i", folder .. "/film.srt", "-c", "copy", "-c:s", "srt",
        folder .. "/film.mkv")
end

-- As files of a torrent: { { name, bytes }, ... }; and the bytes by name.
function clips.files()
    local folder, files, by_name = loopback.folder(), {}, {}
    clips.make(folder)
    for i, name in ipairs { "end.mp4", "fast.mp4", "film.mkv", "film.srt" } do
        by_name[name] = loopback.read(folder .. "/" .. name)
        files[i] = { name, by_name[name] }
    end
    os.execute("rm -rf '" .. folder .. "'")
    return files, by_name
end

-- The sound of a film, as a file without a picture.
function clips.sound(film)
    local folder = loopback.folder()
    loopback.write(folder .. "/film.mp4", film)
    ffmpeg("-i", folder .. "/film.mp4", "-vn", "-c", "copy", folder .. "/sound.m4a")
    local sound = loopback.read(folder .. "/sound.m4a")
    os.execute("rm -rf '" .. folder .. "'")
    return sound
end

return clips
