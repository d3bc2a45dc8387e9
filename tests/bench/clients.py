"""The programs that are compared. A client says how to run itself; scenarios.py does the rest.

How it learns of a seeder: `dials` (told an address), `tracker` (by the torrent's tracker), or
`incoming` (the seeder dials it: transmission refuses to dial loopback). How we learn that it is
done: a word that a line of its output contains, or a script that it calls (`DONE_FILE`).
"""
import json
import os
import re
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PROGRAMS = os.path.join(TOP, "build", "tests", "bench")
LIBTORRENT_PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's binding
DONE_FILE = None


def program(name):
    return os.path.join(PROGRAMS, name)


class Job:
    """What a client is to do: `torrent`, `out` (where the data lies or goes), `work` (scratch,
    empty), `port` to listen on, `peers` to dial; `done_script` creates `done_file`."""

    def __init__(self, torrent, out, work, port, peers=()):
        self.torrent, self.out, self.work, self.port, self.peers = torrent, out, work, port, peers
        self.done_file, self.done_script = work + "/done", work + "/done.sh"
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        with open(self.done_script, "w") as script:
            script.write("#!/bin/sh\n: > '%s'\n" % self.done_file)
        os.chmod(self.done_script, 0o755)

    def is_done(self):
        return os.path.exists(self.done_file)


class Client:
    finds = "tracker"
    done = DONE_FILE
    leeches = seeds = True
    leech_share = seed_share = 1  # a slow one gets payload / share; figures are per GiB anyway

    def available(self):
        return True

    def version(self):
        return ""

    def env(self, job):
        return {}


def first_line(command, pattern=r"(\S.*)"):
    ran = subprocess.run(command, capture_output=True, text=True, timeout=20)
    found = re.search(pattern, ran.stdout + ran.stderr)
    return found.group(1) if found else "?"


class Mare(Client):
    finds, done = "dials", '"event":"done"'

    def __init__(self, receive="scatter", name=None):
        self.name, self.receive = name or "mare", receive

    def version(self):
        return first_line(["git", "-C", TOP, "describe", "--always", "--dirty"])

    def _options(self, job):
        options = ["--port", str(job.port), "--bind", "127.0.0.1", "--state", job.work + "/state",
                   "--receive", self.receive, "--json"]
        for peer in job.peers:
            options += ["--peer", peer]
        return options + ["--no-dht", "--no-lsd", "--no-pex", "--no-portmap"]

    def leech(self, job):
        return [TOP + "/build/mare", "get", job.torrent.path, "-o", job.out] + self._options(job)

    def seed(self, job):
        return [TOP + "/build/mare", "seed", job.torrent.path, "--data", job.out] + self._options(job)


class Ideal(Client):
    """The floor: receive into place, OpenSSL's SHA-1, write, and nothing else."""
    finds, done, seeds = "dials", '"event":"done"', False

    def __init__(self, threads):
        self.name, self.threads = "ideal, %s" % ("one thread" if threads == 1 else "two threads"), threads

    def leech(self, job):
        t = job.torrent
        return [program("ideal"), "--infohash", t.info_hash, "--size", str(t.size), "--piece",
                str(t.piece), "--hashes", t.hashes, "--out", os.path.join(job.out, t.name),
                "--thread", str(self.threads - 1), "--peers", ",".join(job.peers)]


class Blaster(Client):
    """The floor of seeding."""
    name, leeches = "blaster", False

    def seed(self, job):
        t = job.torrent
        return [program("blaster"), "--file", os.path.join(job.out, t.name), "--infohash",
                t.info_hash, "--piece", str(t.piece), "--port", str(job.port)]


class Libtorrent(Client):
    name, finds, done = "libtorrent", "dials", "DONE"

    def available(self):
        command = [LIBTORRENT_PYTHON, "-c", "import libtorrent"]
        return os.path.exists(LIBTORRENT_PYTHON) and not subprocess.run(
            command, capture_output=True).returncode

    def version(self):
        return first_line([LIBTORRENT_PYTHON, "-c", "import libtorrent as l; print(l.version)"])

    def _command(self, mode, job):
        return [LIBTORRENT_PYTHON, HERE + "/libtorrent_client.py", mode, job.torrent.path, job.out,
                str(job.port)] + list(job.peers)

    def leech(self, job):
        return self._command("leech", job)

    def seed(self, job):
        return self._command("seed", job)


class Aria2(Client):
    name = "aria2"

    def available(self):
        return shutil.which("aria2c")

    def version(self):
        return first_line(["aria2c", "--version"], r"version (\S+)")

    def _command(self, job, *more):
        return ["aria2c", "--no-conf=true", "--enable-dht=false", "--enable-dht6=false",
                "--bt-enable-lpd=false", "--enable-peer-exchange=false", "--disable-ipv6=true",
                "--bt-max-peers=0", "--listen-port=%d" % job.port, "--file-allocation=none",
                "--disk-cache=64M", "--summary-interval=0", "--show-console-readout=false",
                "--console-log-level=error", "--follow-torrent=true",
                "--max-overall-upload-limit=0", "--bt-request-peer-speed-limit=1000M",
                "--on-bt-download-complete=" + job.done_script, "-d", job.out, *more,
                job.torrent.tracked]

    def leech(self, job):
        return self._command(job, "--seed-time=1")

    def seed(self, job):
        return self._command(job, "--bt-seed-unverified=true", "--seed-ratio=0.0")


class Transmission(Client):
    name, finds = "transmission", "incoming"
    leech_share, seed_share = 4, 16  # it asks and unchokes in timed pulses

    def available(self):
        return shutil.which("transmission-daemon")

    def version(self):
        return first_line(["transmission-daemon", "--version"], r"daemon (\S+)")

    def _settings(self, job):
        off = ["blocklist-enabled", "dht-enabled", "lpd-enabled", "pex-enabled", "utp-enabled",
               "port-forwarding-enabled", "peer-port-random-on-start", "incomplete-dir-enabled",
               "rename-partial-files", "rpc-enabled", "ratio-limit-enabled", "speed-limit-up-enabled",
               "speed-limit-down-enabled", "queue-stalled-enabled", "scrape-paused-torrents-enabled"]
        return dict(dict.fromkeys(off, False), **{
            "bind-address-ipv4": "127.0.0.1", "bind-address-ipv6": "::1", "encryption": 0,
            "peer-port": job.port, "peer-limit-global": 500, "peer-limit-per-torrent": 200,
            "upload-slots-per-torrent": 100, "download-dir": job.out, "preallocation": 0,
            "cache-size-mb": 64, "script-torrent-done-enabled": True, "message-level": 1,
            "script-torrent-done-filename": job.done_script, "start-added-torrents": True,
            "prefetch-enabled": True})

    def leech(self, job):
        os.makedirs(job.work + "/config/torrents")
        shutil.copy(job.torrent.tracked, job.work + "/config/torrents/a.torrent")
        with open(job.work + "/config/settings.json", "w") as out:
            json.dump(self._settings(job), out)
        return ["transmission-daemon", "-f", "-g", job.work + "/config", "--log-error"]

    seed = leech


class Rtorrent(Client):
    name = "rtorrent"

    def available(self):
        return shutil.which("rtorrent")

    def version(self):
        return first_line(["rtorrent", "-h"], r"version ([\d.]+\d)")

    def _settings(self, job):
        return [
            "system.daemon.set = true", "directory.default.set = " + job.out,
            "session.path.set = %s/session" % job.work,
            "network.bind_address.set = 127.0.0.1",
            "network.port_range.set = %d-%d" % (job.port, job.port), "network.port_random.set = no",
            "dht.mode.set = disable", "protocol.pex.set = no", "protocol.encryption.set = none",
            "trackers.use_udp.set = no", "throttle.global_down.max_rate.set_kb = 0",
            "throttle.global_up.max_rate.set_kb = 0", "throttle.max_peers.normal.set = 200",
            "throttle.max_peers.seed.set = 200", "throttle.max_uploads.set = 100",
            "throttle.max_uploads.global.set = 100", "throttle.max_downloads.global.set = 300",
            "pieces.hash.on_completion.set = no", "pieces.memory.max.set = 2048M",
            'method.set_key = event.download.finished,bench,"execute.nothrow=%s"' % job.done_script,
            'schedule2 = bench_load,0,0,"load.start=%s"' % job.torrent.tracked, ""]

    def leech(self, job):
        os.makedirs(job.work + "/session")
        with open(job.work + "/rc", "w") as out:
            out.write("\n".join(self._settings(job)))
        return ["rtorrent", "-n", "-o", "import=%s/rc" % job.work]

    seed = leech

    def env(self, job):
        return {"TERM": "dumb", "HOME": job.work}


FLOORS = [Ideal(1), Ideal(2)]
OTHERS = [Libtorrent(), Aria2(), Transmission(), Rtorrent()]
