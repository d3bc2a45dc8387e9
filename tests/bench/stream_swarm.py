"""Swarms with a shape, on loopback, and the films that they have.

A film is two minutes at 8 Mbit/s with a key frame every two seconds, in the three containers people
have. Every swarm brings 5 MB/s together, five times what the film needs.
"""
import os
import signal
import subprocess

from clients import program
from harness import Events, Process
from payload import Torrent

SECONDS = 120
CONTAINERS = {"faststart": "fast.mp4", "index at end": "end.mp4", "mkv": "film.mkv"}
PIECES = {"256 KiB": 256 << 10, "4 MiB": 4 << 20}

# Of each swarm, programs of peers: how many, what each of them brings, their delay, how many take
# requests and never answer.
SWARMS = {
    "one fast seed": [dict(count=1, rate=5000000, latency=20)],
    "20 slow peers": [dict(count=20, rate=250000, latency=40)],
    "mixed, one mute": [dict(count=1, rate=3800000, latency=20),
                        dict(count=11, rate=120000, latency=40, mute=1)],
}


def ffmpeg(*words):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *words], check=True)


def make_films(directory):
    """The three files, once; they are the same film."""
    folder = os.path.join(directory, "payload")
    os.makedirs(folder, exist_ok=True)
    first, *others = [os.path.join(folder, name) for name in CONTAINERS.values()]
    if all(os.path.exists(path) for path in [first] + others):
        return
    size = "testsrc2=size=640x360:rate=25:duration=%d,noise=alls=60:allf=t" % SECONDS
    ffmpeg("-f", "lavfi", "-i", size, "-f", "lavfi", "-i", "sine=frequency=440:duration=%d" % SECONDS,
           "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "8M", "-maxrate", "8M", "-bufsize", "8M",
           "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+faststart", first)
    for path in others:
        ffmpeg("-i", first, "-c", "copy", path)


def make_torrent(directory, container, piece, tracker):
    name = CONTAINERS[container]
    path = os.path.join(directory, "payload", name)
    return Torrent(directory, os.path.getsize(path), piece, tracker.url, name)


class Swarm:
    """The peers of one run. The tracker tells of them."""

    def __init__(self, name, torrent, port, tracker):
        self.programs, tracker.peers = [], []
        for i, group in enumerate(SWARMS[name]):
            events = Events()
            self.programs.append(Process([
                program("blaster"), "--file", torrent.data, "--infohash", torrent.info_hash,
                "--piece", str(torrent.piece), "--port", str(port + i), "--count",
                str(group["count"]), "--each", str(group["rate"]), "--latency-ms",
                str(group["latency"]), "--mute", str(group.get("mute", 0))], on_line=events))
            tracker.peers += ["127.0.0.%d:%d" % (n + 1, port + i) for n in range(group["count"])]
            if not events.wait("ready", 10, self.programs[-1]):
                raise SystemExit("a peer does not start")

    def stall(self):
        """Connections stay, and nothing comes."""
        for each in self.programs:
            os.kill(each.pid, signal.SIGSTOP)

    def go_on(self):
        for each in self.programs:
            os.kill(each.pid, signal.SIGCONT)

    def close(self):
        self.go_on()
        for each in self.programs:
            each.stop()
