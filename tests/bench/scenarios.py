"""One run of each kind: download, seed, check, rest. A run returns its figures as a dictionary, or
raises Failed with what went wrong; a download whose file differs from the payload has failed."""
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

import clients
from clients import Job, program
from harness import GIB, MIB, Events, Process, Warm, available_memory, memory_of
from payload import Torrent
from tracker import Tracker

TIMEOUT = 60


class Failed(Exception):
    pass


class Bench:
    """Directories, ports, torrents and the warm memory of one invocation."""

    def __init__(self, mib, build, tmpfs, disk):
        self.mib, self.port = mib, 21000
        self.tmpfs, self.disk = tmpfs, disk
        self.work = os.path.join(build, "work")
        for directory in (self.work, tmpfs, disk):
            os.makedirs(directory, exist_ok=True)
        self.tracker, self.torrents = Tracker(), {}
        need = int(mib * 1.1) + 700
        self.warm = Warm(program("warm"), need if available_memory() > 3 * need * MIB else 0)

    def torrent(self, piece=MIB, share=1, least=0):
        """Of the payload or a part of it, but of `least` bytes."""
        size = max(self.mib * MIB // share, least)
        key = (piece, size)
        if key not in self.torrents:
            self.torrents[key] = Torrent(self.tmpfs, size, piece, self.tracker.url)
        return self.torrents[key]

    def next_port(self):
        self.port = self.port + 2 if self.port < 29000 else 21000
        return self.port

    def empty(self, directory):
        out = os.path.join(directory, "out")
        shutil.rmtree(out, ignore_errors=True)
        os.makedirs(out)
        return out

    def job(self, torrent, out, peers=()):
        return Job(torrent, out, os.path.join(self.work, "run"), self.next_port(), peers)

    def data_of(self, torrent, directory=None):
        """A directory with the payload under its name, and nothing else."""
        out = self.empty(directory or self.tmpfs)
        if directory:
            shutil.copy(torrent.data, out)
        else:
            os.link(torrent.data, os.path.join(out, torrent.name))
        return out

    def close(self):
        self.warm.release()
        shutil.rmtree(self.tmpfs, ignore_errors=True)
        shutil.rmtree(os.path.join(self.disk, "out"), ignore_errors=True)
        shutil.rmtree(os.path.join(self.work, "small"), ignore_errors=True)


def start(bench, command, job, client=None, on_line=None):
    bench.warm.release()
    return Process(command, env=client.env(job) if client else None, log=job.work + "/stderr",
                   on_line=on_line)


def tail_of(job):
    with open(job.work + "/stderr", errors="replace") as log:
        return log.read()[-300:].strip()


def per_gib(value, size):
    return value * GIB / size


# ---- download ----------------------------------------------------------------------------------

def seeder_command(bench, torrent, client, job, count):
    """The blaster, as this client can find it."""
    command = [program("blaster"), "--file", torrent.data, "--infohash", torrent.info_hash,
               "--piece", str(torrent.piece), "--count", str(count), "--seconds", str(TIMEOUT + 20)]
    port = job.port + 1
    bench.tracker.peers = []
    if client.finds == "incoming":
        return command + ["--connect", "127.0.0.1:%d" % job.port]
    job.peers = ["127.0.0.%d:%d" % (i + 1, port) for i in range(count)]
    bench.tracker.peers = list(job.peers)
    return command + ["--port", str(port)]


class Watch:
    """Waits for a client to be done, noting its memory on the way. CPU time and the moment are
    taken when the line arrives, by the thread that reads it."""

    def __init__(self, client, job):
        self.client, self.job, self.process = client, job, None
        self.done_at = self.cpu = self.said = None

    def note_done(self, at, text=None):
        self.cpu, self.done_at, self.said = self.process.cpu(), at, text
        self.process.note_memory()

    def on_line(self, at, text):
        if self.client.done and self.client.done in text and not self.done_at:
            self.note_done(at, text)

    def wait(self, seconds):
        until = time.time() + seconds
        while not self.done_at and time.time() < until and not self.process.ended():
            self.process.note_memory()
            if not self.client.done and self.job.is_done():
                self.note_done(os.path.getmtime(self.job.done_file))
            time.sleep(0.01)
        self.process.reader.join(1 if self.process.ended() else 0)
        return self.done_at is not None


def mare_figures(said, size):
    """What mare counted itself."""
    event = json.loads(said)
    received = max(event["payload_received"], 1)
    return {
        "copied": event["payload_copied"] / received,
        "wasted": event["payload_wasted"] / received,
        "recv_per_mib": event["recv_calls"] * MIB / received,
        "hash_per_gib": per_gib(event["hash_nsec"] / 1e9, size),
        "disk_per_gib": per_gib(event["disk_nsec"] / 1e9, size),
    }


def download(bench, client, piece=MIB, peers=1, directory=None):
    """The client gets the payload from the blaster; wall and CPU time from the first request to
    its own word that all is verified."""
    torrent = bench.torrent(piece, client.leech_share)
    job = bench.job(torrent, bench.empty(directory or bench.tmpfs))
    watch, first = Watch(client, job), {}
    events = Events(first_request=lambda event: first.update(
        event, client_cpu=watch.process.cpu() if watch.process else 0))
    bench.warm.hold()
    command = seeder_command(bench, torrent, client, job, peers)
    seeder = None if client.finds == "incoming" else Process(command, on_line=events)
    try:
        if seeder and not events.wait("ready", 10, seeder):
            raise Failed("the seeder did not start")
        watch.process = start(bench, client.leech(job), job, client, watch.on_line)
        seeder = seeder or Process(command, on_line=events)
        if not watch.wait(TIMEOUT) or not first:
            raise Failed("%s did not finish: %s" % (client.name, tail_of(job)))
        if client.done and client.name.startswith(("mare", "ideal")):
            watch.process.child.wait(10)
        else:
            time.sleep(0.3)  # it may still write
    finally:
        for process in (watch.process, seeder):
            if process:
                process.stop()
    return figures_of_download(torrent, job, watch, first, events)


def figures_of_download(torrent, job, watch, first, events):
    wrote = os.path.join(job.out, torrent.name)
    if not torrent.same_as(wrote):
        raise Failed("what %s wrote is not the payload" % watch.client.name)
    shutil.rmtree(job.out)
    seconds, stats = watch.done_at - first["time"], events.seen["stats"]
    figures = {
        "speed": torrent.size / seconds / 1e6,
        "cpu": per_gib(watch.cpu - first["client_cpu"], torrent.size),
        "rss": watch.process.peak / MIB,
        "seeder_cpu": per_gib(stats["cpu"] - first["cpu"], torrent.size),
        "twice": stats["twice"] / torrent.size,
    }
    if isinstance(watch.client, clients.Mare):
        figures.update(mare_figures(watch.said, torrent.size))
    return figures


# ---- seed --------------------------------------------------------------------------------------

def leechblast(torrent, port, connections):
    return [program("leechblast"), "--peer", "127.0.0.1:%d" % port, "--infohash", torrent.info_hash,
            "--size", str(torrent.size), "--piece", str(torrent.piece), "--connections",
            str(connections), "--seconds", "15", "--wait", "60"]


def load(process, torrent, port, connections):
    """leechblast takes the payload from a running process: seconds, bytes and what both spent."""
    cpu = {}
    events = Events(first_block=lambda event: cpu.update(first=process.cpu()),
                    done=lambda event: cpu.update(done=process.cpu()))
    leech = Process(leechblast(torrent, port, connections), on_line=events)
    try:
        while not leech.ended() and not process.ended():
            process.note_memory()
            time.sleep(0.02)
        done = events.wait("done", 1)
    finally:
        leech.stop()
    if not done:
        raise Failed("nothing came; leechblast saw %s" % list(events.seen))
    return {"speed": done["bytes"] / done["seconds"] / 1e6,
            "cpu": per_gib(cpu["done"] - cpu["first"], done["bytes"]),
            "leech_cpu": per_gib(done["own_cpu"], done["bytes"])}


def seed(bench, client, connections=1):
    """leechblast takes the payload from the client."""
    torrent = bench.torrent(MIB, client.seed_share)
    job = bench.job(torrent, bench.data_of(torrent))
    bench.tracker.peers = []
    bench.warm.hold()
    process = start(bench, client.seed(job), job, client)
    try:
        figures = load(process, torrent, job.port, connections)
    except Failed as failed:
        raise Failed("%s: %s %s" % (client.name, failed, tail_of(job))) from failed
    finally:
        process.stop()
    figures["rss"] = process.peak / MIB
    return figures


def seed_to_mare(bench, client):
    """A foreign seeder and mare: how much of the payload mare had to copy."""
    torrent, mare = bench.torrent(MIB, client.seed_share), clients.Mare()
    data = bench.data_of(torrent)
    seeding = bench.job(torrent, data)
    bench.tracker.peers = []
    bench.warm.hold()
    seeder = start(bench, client.seed(seeding), seeding, client)
    out = os.path.join(bench.tmpfs, "got")
    shutil.rmtree(out, ignore_errors=True)
    try:
        wait_for_port(seeding.port, seeder, 20)
        time.sleep(1)  # it listens before it has looked at its torrent
        job = Job(torrent, out, os.path.join(bench.work, "run2"), bench.next_port(),
                  ["127.0.0.1:%d" % seeding.port])
        watch = Watch(mare, job)
        watch.process = start(bench, mare.leech(job), job, mare, watch.on_line)
        began = time.time()
        finished = watch.wait(TIMEOUT)
        watch.process.stop()
        if not finished or not torrent.same_as(os.path.join(out, torrent.name)):
            raise Failed("from %s: %s" % (client.name, tail_of(job)))
    finally:
        seeder.stop()
        shutil.rmtree(out, ignore_errors=True)
    return dict(mare_figures(watch.said, torrent.size), cpu=per_gib(watch.cpu, torrent.size),
                speed=torrent.size / (watch.done_at - began) / 1e6, rss=watch.process.peak / MIB)


def wait_for_port(port, process, seconds, pause=0.01):
    """The moment when something listens there."""
    until = time.time() + seconds
    while time.time() < until and not process.ended():
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return time.time()
        except OSError:
            time.sleep(pause)
    raise Failed("nobody listens on %d" % port)


# ---- a long link -------------------------------------------------------------------------------

LINK_SECONDS = 8  # the last half is measured


def python(name, *arguments):
    return [sys.executable, "-B", os.path.join(clients.HERE, name), *map(str, arguments)]


class Link:
    """delay_proxy.py in front of `target`."""

    def __init__(self, bench, target, rate):
        self.port, self.events = bench.next_port(), Events()
        self.process = Process(python("delay_proxy.py", self.port, target, "--rate", rate,
                                      "--seconds", LINK_SECONDS), on_line=self.events)
        if not self.events.wait("ready", 10, self.process):
            self.process.stop()
            raise Failed("the proxy did not start")

    def steady(self, user):
        """MB/s that left the link while `user` was at its other end."""
        said = self.events.wait("steady", LINK_SECONDS + 20, self.process)
        if not said or user.ended():
            raise Failed("the stream ended early")
        return said["bytes"] / said["seconds"] / 1e6


def link_plain(bench, rate):
    """A TCP stream and nothing else: what this link and this machine let through."""
    target, link = bench.next_port(), None
    try:
        link = Link(bench, target, rate)
        stream = Process(python("plain_stream.py", target, link.port, LINK_SECONDS + 10))
        try:
            return {"steady": link.steady(stream)}
        finally:
            stream.stop()
    finally:
        if link:
            link.process.stop()


def link_mare(bench, rate):
    """mare takes a payload that outlasts the run from one blaster, through the link."""
    mare = clients.Mare()
    torrent = bench.torrent(least=int(rate * 1e6 * (LINK_SECONDS + 1)))
    job = bench.job(torrent, bench.empty(bench.tmpfs))
    events, link, process = Events(), None, None
    seeder = Process(seeder_command(bench, torrent, mare, job, 1), on_line=events)
    try:
        if not events.wait("ready", 10, seeder):
            raise Failed("the seeder did not start")
        link = Link(bench, job.port + 1, rate)
        job.peers = ["127.0.0.1:%d" % link.port]
        process = start(bench, mare.leech(job), job, mare)
        figures = {"steady": link.steady(process)}
    except Failed as failed:
        raise Failed("%s %s" % (failed, tail_of(job) if process else "")) from failed
    finally:
        for each in (process, link and link.process, seeder):
            if each:
                each.stop()
        shutil.rmtree(job.out)
    stats = events.seen["stats"]
    return dict(figures, twice=stats["twice"] / max(stats["sent"], 1))


# ---- check -------------------------------------------------------------------------------------

def timed(bench, command, job, size, word):
    """Runs a command to its end: speed by the wall clock, and its CPU time. The clock of a process
    that ended is gone, so it is read when its last line comes."""
    taken = {}

    def on_line(at, text):
        if word in text and not taken:
            taken.update(at=at, cpu=process.cpu())

    process = start(bench, command, job, on_line=on_line)
    while not process.ended():
        process.note_memory()
        time.sleep(0.01)
    status = process.stop()
    if status != 0 or not taken:
        raise Failed("%s: %s" % (command[0], tail_of(job)))
    return {"speed": size / (taken["at"] - process.started) / 1e6,
            "cpu": per_gib(taken["cpu"], size), "rss": process.peak / MIB}


def verify(bench, who):
    """Re-check of the payload in the page cache (tmpfs), start of the program included."""
    torrent = bench.torrent()
    job = bench.job(torrent, bench.data_of(torrent))
    if who == "openssl dgst -sha1":
        command = ["openssl", "dgst", "-sha1", os.path.join(job.out, torrent.name)]
        return timed(bench, command, job, torrent.size, "SHA1")
    command = [clients.TOP + "/build/mare", "verify", torrent.path, "-o", job.out, "--json"]
    return timed(bench, command, job, torrent.size, '"event":"done"')


# ---- at rest -----------------------------------------------------------------------------------

def idle(bench):
    """The command with one torrent and nobody to talk to."""
    torrent = bench.torrent()
    job = bench.job(torrent, bench.empty(bench.tmpfs))
    process = start(bench, clients.Mare().leech(job), job)
    try:
        listening = wait_for_port(job.port, process, 10, pause=0.0005)
        cpu = process.cpu()
        time.sleep(1)
        before = process.cpu()
        time.sleep(2)
        memory = memory_of(process.pid)
        return {"start_ms": (listening - process.started) * 1e3, "start_cpu_ms": cpu * 1e3,
                "rss": memory["VmRSS"] / MIB, "anonymous": memory["RssAnon"] / MIB,
                "idle_cpu_ms": (process.cpu() - before) / 2 * 1e3}
    finally:
        process.stop()


class Rest:
    """A session (session.lua) that seeds the payload and whatever else it is given."""

    def __init__(self, bench, torrents):
        self.bench, self.torrent, self.events = bench, torrents[0], Events()
        self.job = bench.job(self.torrent, self.torrent.directory)
        listing = self.job.work + "/list"
        with open(listing, "w") as out:
            out.writelines(t.path + "\n" for t in torrents)
        command = ["lua5.4", os.path.join(clients.HERE, "session.lua"), str(self.job.port),
                   self.torrent.directory, "4000", listing]
        self.process = start(bench, command, self.job, on_line=self.events)
        if not self.events.wait("seeding", TIMEOUT, self.process):
            self.process.stop()
            raise Failed("session.lua: " + tail_of(self.job))

    def memory(self):
        return memory_of(self.process.pid)["RssAnon"]

    def at_rest(self, seconds=4):
        """Steps a second and CPU milliseconds a second, left alone."""
        time.sleep(1.5)
        before = self.events.last["stats"]
        time.sleep(seconds)
        after = self.events.last["stats"]
        passed = after["arrived"] - before["arrived"]
        return {"steps_per_s": (after["steps"] - before["steps"]) / passed,
                "idle_cpu_ms": (after["cpu"] - before["cpu"]) / passed * 1e3}

    def at_work(self):
        """CPU for a GiB and for a step while one peer takes the payload."""
        time.sleep(1.1)
        before = dict(self.events.last["stats"])
        figures = load(self.process, self.torrent, self.job.port, 1)
        time.sleep(1.1)
        after = self.events.last["stats"]
        steps = max(after["steps"] - before["steps"], 1)
        return {"cpu": figures["cpu"], "speed": figures["speed"],
                "step_us": (after["cpu"] - before["cpu"]) / steps * 1e6}


def rest_alone(bench):
    rest = Rest(bench, [bench.torrent()])
    try:
        return dict(rest.at_rest(), **rest.at_work(), anonymous=rest.memory() / MIB)
    finally:
        rest.process.stop()


def rest_with_peers(bench, count):
    """The same with so many peers that are connected and say nothing."""
    rest = Rest(bench, [bench.torrent()])
    events, crowd = Events(), None
    try:
        time.sleep(0.5)
        before = rest.memory()
        crowd = Process([program("idlers"), "--peer", "127.0.0.1:%d" % rest.job.port, "--infohash",
                         rest.torrent.info_hash, "--pieces", str(rest.torrent.pieces), "--count",
                         str(count)], on_line=events, stdin=subprocess.PIPE)
        if not events.wait("ready", 30, crowd):
            raise Failed("the crowd is not complete: %s" % events.last)
        figures = rest.at_rest()
        figures["per_peer"] = (rest.memory() - before) / count
        figures["anonymous"] = rest.memory() / MIB
        figures["connections"] = rest.events.last["stats"]["connections"]
        return dict(figures, **rest.at_work())
    finally:
        if crowd:
            crowd.child.stdin.close()
            crowd.stop()
        rest.process.stop()


def rest_with_torrents(bench, count):
    """The same with so many other torrents of 256 KiB in 16 pieces, all seeding."""
    key = ("small", count)
    if key not in bench.torrents:
        bench.torrents[key] = [Torrent(bench.tmpfs, 256 * 1024, 16384, None, "small-%d" % i)
                               for i in range(count)]
    alone = Rest(bench, [bench.torrent()])
    time.sleep(0.5)
    before = alone.memory()
    alone.process.stop()
    rest = Rest(bench, [bench.torrent()] + bench.torrents[key])
    try:
        figures = rest.at_rest()
        figures["per_torrent"] = (rest.memory() - before) / count
        figures["anonymous"] = rest.memory() / MIB
        return dict(figures, **rest.at_work())
    finally:
        rest.process.stop()


# ---- microbenchmarks ---------------------------------------------------------------------------

HASH_LINE = re.compile(r"(\S+)\s+(cached|memory)\s+(.+?)\s+(\d+) MB/s \((\d+) to (\d+)\)\s+([\d.]+)")


def hash_lines(text):
    for found in HASH_LINE.finditer(text):
        name, where, who, median, least, most, ratio = found.groups()
        yield {"group": "%s, %s" % (name, where), "name": who, "unit": "GB/s",
               "median": float(median) / 1e3, "least": float(least) / 1e3,
               "most": float(most) / 1e3, "ratio": float(ratio)}


def micro(rounds, directory):
    """All NAME_bench programs: their lines as dictionaries. Files go to `directory`."""
    for path in sorted(glob.glob(clients.PROGRAMS + "/*_bench")):
        ran = subprocess.run([path, str(rounds), directory], capture_output=True, text=True)
        if ran.returncode != 0:
            raise Failed("%s: %s" % (os.path.basename(path), ran.stderr.strip()))
        lines = [json.loads(l) for l in ran.stdout.splitlines() if l.startswith("{")]
        yield from lines or hash_lines(ran.stdout)
