"""What streams: mare, and the two that people play torrents with, from npm.

    url(job)      how the program is started that serves the film over HTTP
    find_url(text)    where, as a line of its output tells; None: not yet

mare is mpv's plugin as well: then the player is given the torrent itself (`plays`), and starts what
it needs.
"""
import json
import os
import re
import shutil
import subprocess

from clients import HERE, TOP

NODE = os.environ.get("BENCH_NODE", os.path.join(TOP, "build", "bench", "node"))
ALONE = ["--bind", "127.0.0.1", "--port", "0", "--no-dht", "--no-lsd", "--no-portmap"]


class Job:
    """`torrent` (with a tracker), `out` for what is fetched, a port to listen on, one for HTTP."""

    def __init__(self, torrent, out, port):
        self.torrent, self.out, self.port, self.http_port = torrent, out, port, port + 1


class Mare:
    name, plays = "mare", True

    def available(self):
        return True

    def prepare_home(self, home):
        conf = os.path.join(home, ".config", "mpv", "script-opts")
        os.makedirs(conf)
        env = dict(os.environ, HOME=home, XDG_CONFIG_HOME=home + "/.config")
        subprocess.run([TOP + "/build/mare", "mpv", "install"], env=env, check=True,
                       stdout=subprocess.DEVNULL)
        with open(conf + "/mare.conf", "w") as out:
            out.write("arguments=%s\n" % " ".join(ALONE))

    def serve(self, job):
        return [TOP + "/build/mare", "serve", job.torrent.tracked, "-o", job.out, "--state",
                job.out + "/.state", "--json"] + ALONE

    def find_url(self, job, text):
        try:
            return json.loads(text).get("url") if '"event":"file"' in text else None
        except ValueError:
            return None


class Node:
    plays = False

    def available(self):
        return shutil.which("node") and os.path.isdir(self.folder())

    def folder(self):
        return os.path.join(NODE, self.name, "node_modules", self.name)

    def prepare_home(self, home):
        pass


class Webtorrent(Node):
    name = "webtorrent"

    def serve(self, job):
        return ["node", HERE + "/stream_webtorrent.mjs", self.folder(), job.torrent.tracked, job.out,
                str(job.port), str(job.http_port)]

    def find_url(self, job, text):
        found = re.match(r"URL (\S+)", text)
        return found and found.group(1)


class Peerflix(Node):
    name = "peerflix"

    def serve(self, job):
        return ["node", self.folder() + "/app.js", job.torrent.tracked, "--no-dht", "-q",
                "-n", "-d", "-p", str(job.http_port), "-x", str(job.port), "-f", job.out, "-h",
                "127.0.0.1"]

    def find_url(self, job, text):
        return "http://127.0.0.1:%d/" % job.http_port  # it says nothing; its port opens when it is ready


CLIENTS = [Mare(), Webtorrent(), Peerflix()]
