"""From a link that is nothing but a hash to the metadata, through a DHT of 100 nodes on loopback.

    BENCH_REPS=10 BENCH_NODES=100 python3 magnet.py

Each run is a new process that knows one node and nothing else: it finds its place, finds the
seeder (libtorrent), and fetches 80 KiB of metadata. Within a round the clients run one after the
other, in turns of who is first, each with a link of its own. A run begins when the program starts;
that of libtorrent when Python has loaded it.
"""
import hashlib
import os
import random
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time

from harness import Process
from payload import bencode

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
HERE = os.path.join(TOP, "tests", "bench")
REPS = int(os.environ.get("BENCH_REPS", "10"))
NODES = int(os.environ.get("BENCH_NODES", "100"))
PIECES = 4096
PATIENCE = 120  # seconds: who takes longer has failed


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


class Waiter:
    """A process, and the moments at which it said things."""

    def __init__(self, command, log):
        self.said, self.changed = {}, threading.Condition()
        self.process = Process(command, log=log, on_line=self._on_line)

    def _on_line(self, at, text):
        with self.changed:
            self.said.setdefault(text, at)
            self.changed.notify_all()

    def wait(self, part):
        """When it first said something with `part` in it; None if it does not come."""
        def find():
            return next((at for text, at in self.said.items() if part in text), None)
        with self.changed:
            self.changed.wait_for(find, PATIENCE)
            return find()

    def kill(self):
        self.process.child.kill()
        self.process.child.wait()


def make_torrent(directory, number):
    info = {"name": "link-%d" % number, "length": PIECES << 18, "piece length": 1 << 18,
            "pieces": os.urandom(20 * PIECES)}
    path = os.path.join(directory, "%d.torrent" % number)
    with open(path, "wb") as out:
        out.write(bencode({"info": info}))
    return path, "magnet:?xt=urn:btih:" + hashlib.sha1(bencode(info)).hexdigest()


# ---- clients: the command for a link, what tells that it has begun (None: its start), and ended --

def mare(link, node, work):
    return [TOP + "/build/mare", "get", link, "-o", work, "--state", work + "/state", "--json",
            "--bind", "127.0.0.1", "--port", "0", "--dht-router", node], None, '"event":"metadata"'


def libtorrent(link, node, work):
    return ["/usr/bin/python3", HERE + "/libtorrent_magnet.py", "get", free_port(), node,
            link], "START", "METADATA"


def aria2(link, node, work):
    port = free_port()
    return ["aria2c", "--no-conf", "--enable-dht=true", "--enable-dht6=false", "--disable-ipv6=true",
            "--dht-listen-port=" + port, "--listen-port=" + port, "--dht-entry-point=" + node,
            "--dht-file-path=" + work + "/dht.dat", "--enable-peer-exchange=false",
            "--bt-enable-lpd=false", "--bt-metadata-only=true", "--bt-save-metadata=true",
            "--console-log-level=notice", "--summary-interval=0", "--enable-color=false",
            "--dir=" + work, link], None, "[METADATA]"


def installed():
    clients = {"mare": mare, "libtorrent": libtorrent, "aria2": aria2}
    if os.system("/usr/bin/python3 -c 'import libtorrent' 2>/dev/null"):
        sys.exit("bench-magnet: python3-libtorrent is missing (it is the seeder)")
    if not shutil.which("aria2c"):
        print("aria2 is not installed: left out")
        del clients["aria2"]
    return clients


# ---- the run ---------------------------------------------------------------------------------------

def start_network(work):
    network = Waiter(["lua5.4", TOP + "/tests/support/dht_network.lua", "127.0.0.1", str(NODES)],
                     work + "/network.log")
    if not network.wait("ready"):
        sys.exit("the network did not come up")
    return network, [line.split()[1] for line in network.process.lines if line.startswith("node ")]


def stored(network):
    return max((int(line.split()[2]) for line in network.process.lines
                if line.startswith("stored")), default=0)


def start_seeder(work, network, node, torrents):
    seeder = Waiter(["/usr/bin/python3", HERE + "/libtorrent_magnet.py", "seed", free_port(), node]
                    + torrents, work + "/seeder.log")
    if not seeder.wait("READY"):
        sys.exit("the seeder did not come up")
    until, last = time.time() + PATIENCE, -1
    while stored(network) < 4 * len(torrents) or stored(network) > last:
        if time.time() > until:
            sys.exit("the seeder did not announce itself")
        last = stored(network)
        time.sleep(2)
    time.sleep(5)  # nodes answer so much a second; the burst of announces has used it up
    return seeder


def measure(client, link, node, work):
    os.makedirs(work)
    command, begin, end = client(link, node, work)
    run = Waiter(command, work + "/log")
    begun = run.wait(begin) if begin else run.process.started
    ended = run.wait(end)
    run.kill()
    return ended and ended - begun


def report(times):
    print("\nfrom the link to the metadata, DHT of %d nodes, %d rounds" % (NODES, REPS))
    print("%-12s %10s  %s" % ("", "median ms", "least-most"))
    for name, values in times.items():
        print("%-12s %10.0f  %.0f-%.0f" % (name, 1000 * statistics.median(values),
                                          1000 * min(values), 1000 * max(values)))
    fastest = min(statistics.median(v) for name, v in times.items() if name != "mare")
    ratio = statistics.median(times["mare"]) / fastest
    print("mare takes %.2f of what the faster of the others takes" % ratio)
    return ratio <= 1


def main():
    clients = installed()
    work = tempfile.mkdtemp(prefix="mare-bench-")
    links = [make_torrent(work, i) for i in range(REPS * len(clients))]
    times = {name: [] for name in clients}
    running = []
    try:
        network, nodes = start_network(work)
        running.append(network)
        running.append(start_seeder(work, network, nodes[0], [path for path, _ in links]))
        for i in range(REPS):
            order = list(clients)[i % len(clients):] + list(clients)[:i % len(clients)]
            for name in order:
                _, link = links.pop()
                seconds = measure(clients[name], link, random.choice(nodes),
                                  "%s/%s-%d" % (work, name, i))
                print("round %d  %-12s %s" % (i + 1, name, seconds and "%.0f ms" % (1000 * seconds)
                                              or "no metadata"), flush=True)
                times[name].append(seconds or PATIENCE)
        sys.exit(0 if report(times) else 1)
    finally:
        for process in running:
            process.kill()
        shutil.rmtree(work, ignore_errors=True)


main()
