"""What is transferred: random bytes, .torrent files of several piece sizes, and the comparison of
what a client wrote with what it should have written."""
import hashlib
import os
import subprocess


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    return b"d" + b"".join(bencode(k) + bencode(v) for k, v in sorted(value.items())) + b"e"


class Torrent:
    """One file of random bytes and its .torrent: without a tracker at `path`, with one at
    `tracked` (clients that cannot be told a peer's address); the info hash is the same."""

    def __init__(self, directory, size, piece, tracker=None, name=None):
        self.size, self.piece = size, piece
        self.pieces = -(-size // piece)
        self.name = name or "payload-%d.bin" % size
        self.directory = os.path.join(directory, "payload")
        self.data = os.path.join(self.directory, self.name)
        base = os.path.join(directory, "%s.%d" % (self.name, piece))
        self.path, self.tracked, self.hashes = base + ".torrent", base + ".tracked.torrent", base + ".hashes"
        self._make_data()
        self._make_torrents(tracker)

    def _make_data(self):
        os.makedirs(self.directory, exist_ok=True)
        if os.path.exists(self.data):
            return
        with open(self.data, "wb") as out:
            for at in range(0, self.size, 1 << 24):
                out.write(os.urandom(min(1 << 24, self.size - at)))

    def _make_torrents(self, tracker):
        with open(self.data, "rb") as data, open(self.hashes, "wb") as out:
            while piece := data.read(self.piece):
                out.write(hashlib.sha1(piece).digest())
        with open(self.hashes, "rb") as hashes:
            info = {"name": self.name, "length": self.size, "piece length": self.piece,
                    "pieces": hashes.read(), "private": 1}
        self.info_hash = hashlib.sha1(bencode(info)).hexdigest()
        with open(self.path, "wb") as out:
            out.write(bencode({"info": info}))
        with open(self.tracked, "wb") as out:
            out.write(bencode({"announce": tracker or "", "info": info}))

    def same_as(self, path):
        """Has `path` the payload's bytes, every one of them?"""
        return subprocess.run(["cmp", "-s", self.data, path]).returncode == 0
