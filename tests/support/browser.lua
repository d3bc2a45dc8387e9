-- browser: a headless Chromium, told what to do through two pipes (its DevTools protocol: JSON
-- messages, each ended by a NUL, on the descriptors 3 and 4). Nothing else is needed for it.
--
--     local page = browser.open(url, turn)          `turn` keeps the rest of the world going
--     page:evaluate "document.title"                what JavaScript says, as a string
--     page:screenshot "page.png"
--
-- browser.missing() says in a sentence why there is none.

local json = require "mare.cli.json"
local uv = require "luv"

local browser = {}
browser.__index = browser

local PATIENCE = 60 -- seconds; it is slow to start on a busy machine

local function find()
    for _, name in ipairs { "chromium", "chromium-browser", "google-chrome" } do
        for folder in (os.getenv "PATH"):gmatch "[^:]+" do
            if uv.fs_access(folder .. "/" .. name, "X") then
                return folder .. "/" .. name
            end
        end
    end
end

function browser.missing()
    return not find() and "there is no Chromium (Debian: apt-get install chromium)" or nil
end

-- The part of an answer behind `"name":`, a plain string.
local function field(text, name)
    return text:match('"' .. name .. '":"(.-[^\\])"')
end

function browser:take_message(message)
    local id = tonumber(message:match '^{"id":(%d+)')
    if id then
        self.answers[id] = message
    else
        self.events[#self.events + 1] = message
    end
end

function browser:take(bytes)
    local from = 1
    for border in bytes:gmatch "()%z" do
        self.parts[#self.parts + 1] = bytes:sub(from, border - 1)
        self:take_message(table.concat(self.parts))
        self.parts, from = {}, border + 1
    end
    self.parts[#self.parts + 1] = bytes:sub(from)
end

-- Waits for the answer, as text.
function browser:call(method, parameters)
    self.last = self.last + 1
    local id = self.last
    self.input:write(json.encode {
        id = id, method = method, params = parameters or {}, sessionId = self.session,
    } .. "\0")
    local ends = uv.hrtime() + PATIENCE * 1e9
    while not self.answers[id] do
        assert(uv.hrtime() < ends, method .. ": no answer")
        assert(not self.ended, "the browser ended")
        self.turn()
        uv.run "nowait"
    end
    local answer = self.answers[id]
    assert(not answer:find '^{"id":%d+,"error"', answer)
    return answer
end

function browser.open(url, turn)
    local self = setmetatable({ turn = turn, parts = {}, answers = {}, events = {}, last = 0 },
        browser)
    self.folder = assert(uv.fs_mkdtemp "/tmp/mare-browser-XXXXXX")
    self.input, self.output = uv.new_pipe(), uv.new_pipe()
    local problem
    self.handle, problem = uv.spawn("setpriv", {
        args = {
            "--pdeathsig", "KILL", "--", find(), "--headless", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run",
            "--disable-component-update", "--autoplay-policy=no-user-gesture-required",
            "--mute-audio", "--no-proxy-server", "--user-data-dir=" .. self.folder,
            "--remote-debugging-pipe",
            "--window-size=1100,1000", "about:blank",
        },
        stdio = { nil, nil, nil, self.input, self.output },
    }, function() self.ended = true end)
    assert(self.handle, problem)
    self.output:read_start(function(_, bytes)
        if bytes then
            self:take(bytes)
        end
    end)
    local target = field(self:call("Target.createTarget", { url = "about:blank" }), "targetId")
    self.session = field(self:call("Target.attachToTarget", { targetId = target, flatten = true }),
        "sessionId")
    self:call "Runtime.enable"
    self:call "Log.enable"
    self:call "Network.enable"
    self:call("Page.navigate", { url = url })
    return self
end

-- The value of an expression (a promise is waited for), as a string.
function browser:evaluate(expression)
    local answer = self:call("Runtime.evaluate", {
        expression = "Promise.resolve(" .. expression .. ").then(String)",
        awaitPromise = true, returnByValue = true,
    })
    assert(not answer:find '"exceptionDetails"', answer)
    return answer:match '"value":"(.-)"}}' or ""
end

-- Asks until the answer is the expected one.
function browser:until_true(expression)
    local ends = uv.hrtime() + PATIENCE * 1e9
    while self:evaluate("!!(" .. expression .. ")") ~= "true" do
        assert(uv.hrtime() < ends, "waited in vain for " .. expression)
    end
end

-- Errors that the page has raised or logged.
function browser:problems()
    local list = {}
    for _, event in ipairs(self.events) do
        if event:find '"method":"Runtime.exceptionThrown"' or event:find '"level":"error"' then
            list[#list + 1] = event
        end
    end
    return list
end

-- Everything that has been asked for since the page was opened: addresses.
function browser:requests()
    local list = {}
    for _, event in ipairs(self.events) do
        if event:find '^{"method":"Network.requestWillBeSent"' then
            list[#list + 1] = event:match '"request":{"url":"(.-)"'
        end
    end
    return list
end

function browser:press(key)
    for _, what in ipairs { "keyDown", "keyUp" } do
        self:call("Input.dispatchKeyEvent", { type = what, key = key, code = key })
    end
end

function browser:screenshot(path)
    local data = field(self:call("Page.captureScreenshot", { format = "png" }), "data")
    local pipe <close> = io.popen("base64 -d >'" .. path .. "'", "w")
    pipe:write(data)
end

-- Light or dark.
function browser:scheme(name)
    self:call("Emulation.setEmulatedMedia", {
        features = setmetatable({ { name = "prefers-color-scheme", value = name } }, json.list),
    })
end

function browser:close()
    self.handle:kill "sigkill"
    while not self.ended do
        uv.run "once"
    end
    for _, handle in ipairs { self.handle, self.input, self.output } do
        handle:close()
    end
    uv.run "nowait"
    -- Its children may still be writing for a moment.
    os.execute(("rm -rf '%s' 2>/dev/null || { sleep 0.2; rm -rf '%s'; }")
        :format(self.folder, self.folder))
end

return browser
