"""Processes that are measured: what they print and when, their CPU time and memory, the machine.

CPU time of a process is read from its own clock (nanoseconds, threads that ended included). All
programs run under the same rules; nothing here knows which of them is ours.
"""
import json
import os
import platform
import signal
import subprocess
import threading
import time

GIB = 1 << 30
MIB = 1 << 20


def cpu_of(pid):
    """User and system seconds of a process and all its threads; None if it is gone."""
    try:
        return time.clock_gettime((~pid << 3) | 2)  # clock_getcpuclockid(3)
    except OSError:
        return None


def memory_of(pid):
    """The Vm* and Rss* fields of /proc/PID/status in bytes; empty if it is gone."""
    fields = {}
    try:
        with open("/proc/%d/status" % pid) as status:
            for line in status:
                if line.startswith(("VmHWM", "VmRSS", "RssAnon")):
                    key, value = line.split(":")
                    fields[key] = int(value.split()[0]) * 1024
    except OSError:
        pass
    return fields


class Process:
    """A program that runs. Lines of its stdout go to `on_line(time, text)` as they come."""

    def __init__(self, command, env=None, log=None, on_line=None, stdin=subprocess.DEVNULL):
        self.lines, self.on_line, self.peak = [], on_line, 0
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        environment.update(env or {})
        self.log = open(log, "wb") if log else subprocess.DEVNULL
        self.started = time.time()
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, stdin=stdin,
                                      env=environment, start_new_session=True)
        self.pid = self.child.pid
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for raw in self.child.stdout:
            at, text = time.time(), raw.decode("utf8", "replace").rstrip()
            self.lines.append(text)
            if self.on_line:
                self.on_line(at, text)

    def ended(self):
        return self.child.poll() is not None

    def note_memory(self):
        self.peak = max(self.peak, memory_of(self.pid).get("VmHWM", 0))
        return self.peak

    def cpu(self):
        return cpu_of(self.pid) or 0.0

    def stop(self, grace=5):
        """Ends it and what it started (its session); returns the exit status."""
        for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5)):
            if self.ended():
                break
            try:
                os.killpg(self.pid, number)
                self.child.wait(seconds)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
        self.reader.join(2)
        if self.log is not subprocess.DEVNULL:
            self.log.close()
        return self.child.returncode


class Events:
    """on_line for a program that prints JSON: the first event of each name, and hooks for them."""

    def __init__(self, **hooks):
        self.seen, self.last, self.hooks, self.more = {}, {}, hooks, threading.Condition()

    def __call__(self, at, text):
        try:
            event = json.loads(text)
            name = event["event"]
        except (ValueError, KeyError, TypeError):
            return
        if name not in self.seen and name in self.hooks:
            self.hooks[name](event)
        event["arrived"] = at
        with self.more:
            self.seen.setdefault(name, event)
            self.last[name] = event
            self.more.notify_all()

    def wait(self, name, seconds, process=None):
        """The event, or None when the time is over or the process has ended without it."""
        until = time.time() + seconds
        while time.time() < until:
            with self.more:
                if name in self.seen:
                    return self.seen[name]
                self.more.wait(0.02)
            if process and process.ended():
                process.reader.join(1)
                return self.seen.get(name)
        return None


class Warm:
    """Holds memory between two runs (warm.c says why)."""

    def __init__(self, program, mib):
        self.program, self.mib, self.child = program, mib, None

    def hold(self):
        if self.mib and not self.child:
            self.child = subprocess.Popen([self.program, str(self.mib)], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE)
            self.child.stdout.readline()

    def release(self):
        if self.child:
            self.child.stdin.close()
            self.child.wait()
            self.child.stdout.close()
            self.child = None


def available_memory():
    with open("/proc/meminfo") as lines:
        for line in lines:
            if line.startswith("MemAvailable"):
                return int(line.split()[1]) * 1024
    return 0


def machine():
    """What the figures were measured on."""
    model, memory = "?", os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    fields = {}
    with open("/proc/cpuinfo") as lines:
        for line in lines:
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    model = fields.get("model name", fields.get("CPU part", "?"))
    flags = fields.get("flags", fields.get("Features", "")).split()
    return {
        "cpu": model,
        "cpu_family": fields.get("cpu family"),
        "cpu_model": fields.get("model"),
        "sha": [f for f in ("sha_ni", "sha1", "sha2") if f in flags],
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / GIB, 1),
        "kernel": platform.release(),
        "system": first_line("/etc/os-release"),
        "virtual": "hypervisor" in flags,
        "load_before": os.getloadavg()[0],
    }


def first_line(path):
    try:
        with open(path) as lines:
            return lines.readline().partition("=")[2].strip().strip('"')
    except OSError:
        return "?"
