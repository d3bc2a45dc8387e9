-- record: session:record(path) writes what policies are asked, and what is answered, to a file for
-- mare.replay: a line of JSON for each round (src/lua/record.h says what is in it). Rounds that the
-- built-ins decide are recorded, too.
--
-- The engine's half keeps the lines of a step; they are written here after it, in one go and
-- unbuffered: what was recorded survives a crash. A disk that is full ends the recording with an
-- `error` event, and nothing else.

local record = {}

-- Takes the lines of the last step to the file.
local function write_lines(session, recording)
    local lines = session:_recorded()
    if not lines or lines == "" then
        return true
    end
    return recording.file:write(lines)
end

local function stop(session, state)
    local recording = state.recording
    state.recording = nil
    if not recording then
        return true
    end
    local ok, message = write_lines(session, recording)
    session:_recording(false)
    recording.file:close()
    if not ok then
        return nil, ("the end of the recording was not written: %s"):format(message), "io"
    end
    return true
end

-- After a step.
function record.pump(session)
    local state = session.alive and session:_state()
    local recording = state and state.recording
    if not recording then
        return
    end
    local ok, message = write_lines(session, recording)
    if not ok then
        state.recording = nil
        session:_recording(false)
        recording.file:close()
        session:_complain(("recording to %s has stopped: %s"):format(recording.path, message))
    end
end

local function start(session, state, path)
    local file, message, number = io.open(path, "wb")
    if not file then
        return nil, "cannot record to " .. message, number == 2 and "notfound" or "io"
    end
    file:setvbuf "no"
    local ok, code
    ok, message, code = session:_recording(true)
    if not ok then
        file:close()
        return nil, message, code
    end
    state.recording = { file = file, path = path }
    return true
end

-- session:record(path): true; or nil, message, code. nil: no more.
function record.record(session, path)
    if path ~= nil and type(path) ~= "string" then
        error("record takes a path, not a " .. type(path), 2)
    elseif not session.alive then
        error("session is closed", 2)
    elseif session:_later("record", path) then
        return true
    end
    local state = session:_state()
    local ok, message, code = stop(session, state)
    if path == nil or not ok then
        return ok, message, code
    end
    return start(session, state, path)
end

return record
