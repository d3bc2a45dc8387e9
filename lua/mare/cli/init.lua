-- cli: the command `mare`. main(argv) runs one command and returns its exit status:
--
--     0  done      1  failed      2  usage      130  interrupted, state saved
--
-- A command is a module with usage, summary, words (what stands beside the options), options and
-- run(opts, words). It reports what went wrong by raising { usage = .. }, { failed = .. } or
-- { interrupted = true }; anything else that is raised is a mistake of ours and comes with a
-- traceback.

local args = require "mare.cli.args"
local core = require "mare.core"
local report = require "mare.cli.report"

local names = { "get", "seed", "play", "serve", "mpv", "create", "info", "verify", "replay" }

local function load(name)
    return require("mare.cli." .. name)
end

local function print_overview()
    print "usage: mare COMMAND [OPTION]... ARGUMENT...\n"
    for _, name in ipairs(names) do
        print(("  %-8s %s"):format(name, load(name).summary))
    end
    print "\nmare COMMAND --help shows a command's options; mare --version the version."
end

local function print_help(command)
    print("usage: " .. command.usage .. "\n\n" .. command.summary .. "\n")
    print(args.describe(command.shown or command.options))
end

-- With `many` the last of a command's words may be repeated.
local function check_words(command, words)
    for i, what in ipairs(command.words) do
        if not words[i] then
            args.fail("%s is missing", what)
        end
    end
    if command.many then
        return
    end
    local extra = words[#command.words + 1]
    if extra then
        args.fail("there is one %s, and '%s' is too much", command.words[#command.words], extra)
    end
end

local function run_command(name, argv)
    local known = false
    for _, each in ipairs(names) do
        known = known or each == name
    end
    if not known then
        args.fail("there is no command '%s'", name)
    end
    local command = load(name)
    local opts, words = args.parse(command.options, argv, 2)
    if opts.help then
        print_help(command)
        return 0
    end
    check_words(command, words)
    return command.run(opts, words)
end

-- What this build can and another cannot.
local function print_version()
    print("mare " .. core.version)
    print("port mapping: " .. (core.features.portmap or "built without"))
    print("encryption: " .. (core.features.encryption and "built in" or "built without"))
end

local function run(argv)
    local first = argv[1]
    if first == "--help" or first == "-h" or first == "help" then
        print_overview()
    elseif first == "--version" then
        print_version()
    elseif not first then
        args.fail "what shall be done?"
    else
        return run_command(first, argv)
    end
    return 0
end

local function complain(text)
    io.stderr:write("mare: ", report.printable(text), "\n")
end

local function with_traceback(problem)
    if type(problem) == "table" then
        return problem
    end
    return debug.traceback("this is a mistake in mare: " .. tostring(problem), 2)
end

local function usage_of(argv)
    for _, name in ipairs(names) do
        if argv[1] == name then
            return "mare " .. name .. " --help"
        end
    end
    return "mare --help"
end

local function main(argv)
    local ok, result = xpcall(run, with_traceback, argv)
    core.catch_interrupts(false)
    if ok then
        return result
    elseif type(result) ~= "table" then
        io.stderr:write("mare: ", result, "\n")
    elseif result.usage then
        complain(("%s (see %s)"):format(result.usage, usage_of(argv)))
        return 2
    elseif result.interrupted then
        return 130
    else
        complain(result.failed)
    end
    return 1
end

return main
