"""From a torrent to a picture: how long a viewer waits, at the start and at seeks.

    make bench-stream      BENCH_REPS=3 BENCH_SWARMS=.. BENCH_CONTAINERS=.. BENCH_PIECES=.. BENCH_CLIENTS=..

A run is a new process with nothing fetched. Two kinds for each swarm and piece size:

    http      `curl`-like: until the first byte; two seconds of reading; until the first byte at 90 %
    mpv       until the first frame; a second of play; a seek to 70 %; one 10 s back, to what was never
              fetched; and while no peer answers, a seek to the start, which is here: mpv sits in a
              read that nobody answers, and must be let go

Times run from the start of the program (mpv itself runs already: `loadfile` is the start for mare,
whose plugin starts the engine). Within a round the clients run one after the other. Films, swarms:
stream_swarm.py; what is started: stream_clients.py.
"""
import http.client
import os
import shutil
import signal
import sys
import tempfile
import time
import urllib.parse

from harness import Process
from stream_clients import CLIENTS, Job
from stream_player import Player
from stream_report import Report
from stream_swarm import CONTAINERS, PIECES, SECONDS, SWARMS, Swarm, make_films, make_torrent
from tracker import Tracker

REPS = int(os.environ.get("BENCH_REPS", "3"))
DIRECTORY = os.path.join(os.environ.get("BENCH_TMPFS", "/dev/shm"), "mare-bench-stream")
PATIENCE = 30  # seconds: who takes longer has failed
WHOLE = 15  # seconds: who takes longer has nearly everything by then, and what follows tells nothing
STALL = 1.5  # seconds without data before the seek: mpv has taken all there was
MOST_STALLED = 5  # seconds after it until data come again


def chosen(name, everything):
    words = os.environ.get(name)
    return [each for each in everything if not words or any(w in each for w in words.split(","))]


# ---- plain HTTP ------------------------------------------------------------------------------------

def first_byte(url, start, seconds, expected, until):
    """When the first byte came; reads on for so many seconds. None: it never comes, or is wrong."""
    where = urllib.parse.urlsplit(url)
    while time.time() < until:
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=PATIENCE)
        try:
            connection.request("GET", where.path, headers={"Range": "bytes=%d-" % start})
            answer = connection.getresponse()
            byte, came = answer.read(1), time.time()
            while byte == expected and time.time() < came + seconds and answer.read(65536):
                pass
            return came if byte == expected else None
        except (ConnectionError, http.client.HTTPException):
            time.sleep(0.002)  # not listening yet
        except OSError:
            return None
        finally:
            connection.close()
    return None


def byte_at(torrent, place):
    with open(torrent.data, "rb") as data:
        data.seek(place)
        return data.read(1)


class Serving:
    """A client that serves over HTTP; `url` once it has said where."""

    def __init__(self, client, job):
        self.url = None

        def hear(_, text):
            self.url = self.url or client.find_url(job, text)
        self.process = Process(client.serve(job), log=job.out + ".log", on_line=hear)
        self.url = client.find_url(job, "")

    def wait(self):
        until = self.process.started + PATIENCE
        while not self.url and time.time() < until and not self.process.ended():
            time.sleep(0.002)
        return self.url


def run_http(client, job):
    serving, place = Serving(client, job), int(job.torrent.size * 0.9)
    result = {"first byte": None, "far byte": None}
    try:
        if serving.wait():
            began = serving.process.started
            came = first_byte(serving.url, 0, 2, byte_at(job.torrent, 0), began + PATIENCE)
            result["first byte"] = came and came - began
            asked = time.time()
            came = came and first_byte(serving.url, place, 0, byte_at(job.torrent, place),
                                       asked + PATIENCE)
            result["far byte"] = came and came - asked
    finally:
        serving.process.stop(grace=2)
    return result


# ---- a player ----------------------------------------------------------------------------------------

def wait_for_port(url, until):
    where = urllib.parse.urlsplit(url)
    while time.time() < until:
        try:
            http.client.HTTPConnection(where.hostname, where.port, timeout=1).connect()
            return True
        except OSError:
            time.sleep(0.002)
    return False


def start(client, job, player):
    """(what is to be stopped at the end, seconds to the first frame)"""
    if client.plays:
        return None, player.load(job.torrent.tracked, PATIENCE)
    serving = Serving(client, job)
    began = serving.process.started
    if not serving.wait() or not wait_for_port(serving.url, began + PATIENCE):
        return serving, None
    before = time.time() - began
    shown = player.load(serving.url, PATIENCE)
    return serving, shown and before + shown


def stalled_seek(player, swarm):
    swarm.stall()
    time.sleep(STALL)
    began = time.time()
    released = player.seek(0.5, MOST_STALLED)
    swarm.go_on()
    return released if released is not None else player.until("playback-restart", began, PATIENCE) \
        and time.time() - began


def watch(player, swarm, result):
    """Play a second, seek far, play, ten seconds back, play, seek while nothing comes."""
    plays = []

    def play(seconds):
        began = time.time()
        time.sleep(seconds)
        plays.append((began, time.time()))
    play(1)
    result["far seek"] = player.seek(0.7 * SECONDS, PATIENCE)
    if (result["far seek"] or PATIENCE) > WHOLE:
        return
    play(1)
    result["back 10 s"] = player.seek(0.7 * SECONDS - 10, PATIENCE)
    play(1)
    result["stalled seek"] = stalled_seek(player, swarm)
    starved = [player.starved(*each) for each in plays]
    result["rebuffers"] = sum(count for count, _ in starved)
    result["rebuffering"] = sum(seconds for _, seconds in starved)


def run_mpv(client, job, swarm, work):
    home = work + "/home"
    os.makedirs(home)
    client.prepare_home(home)
    player, serving = Player(work, home), None
    result = {"first frame": None}
    try:
        serving, result["first frame"] = start(client, job, player)
        if result["first frame"]:
            watch(player, swarm, result)
    finally:
        player.close()
        if serving:
            serving.process.stop(grace=2)
    return result


# ---- rounds ------------------------------------------------------------------------------------------

class Bench:
    def __init__(self):
        self.tracker, self.port = Tracker(), 21000
        self.clients = [c for c in CLIENTS if c.name in chosen("BENCH_CLIENTS", [x.name for x in CLIENTS])]
        for each in [c for c in self.clients if not c.available()]:
            print("%s is not installed: left out" % each.name)
            self.clients.remove(each)
        self.report = Report([c.name for c in self.clients])
        os.makedirs(DIRECTORY, exist_ok=True)
        make_films(DIRECTORY)

    def one(self, client, swarm_name, piece_name, container, kind):
        work = tempfile.mkdtemp(prefix="run-", dir=DIRECTORY)
        self.port = self.port + 10 if self.port < 28000 else 21000
        torrent = make_torrent(DIRECTORY, container, PIECES[piece_name], self.tracker)
        job = Job(torrent, work + "/out", self.port)
        os.makedirs(job.out)
        swarm = Swarm(swarm_name, torrent, self.port + 2, self.tracker)
        try:
            if kind == "http":
                result = run_http(client, job)
            else:
                result = run_mpv(client, job, swarm, work)
        finally:
            swarm.close()
            if os.environ.get("BENCH_KEEP"):
                print(work)
            else:
                shutil.rmtree(work, ignore_errors=True)
        self.report.add(client.name, swarm_name, piece_name, container if kind == "mpv" else "http",
                        result)

    def round(self, number):
        kinds = chosen("BENCH_CONTAINERS", ["http"] + list(CONTAINERS))
        for swarm in chosen("BENCH_SWARMS", SWARMS):
            for piece in chosen("BENCH_PIECES", PIECES):
                for kind in kinds:
                    shift = number % len(self.clients)
                    for client in self.clients[shift:] + self.clients[:shift]:
                        container = "faststart" if kind == "http" else kind
                        self.one(client, swarm, piece, container, "http" if kind == "http" else "mpv")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends with us
    bench = Bench()
    rounds, fastest = 0, False
    try:
        for rounds in range(1, REPS + 1):
            bench.round(rounds)
    finally:  # Ctrl-C: what there is
        fastest = bench.report.finish(rounds)
    sys.exit(0 if fastest else 1)


main()
