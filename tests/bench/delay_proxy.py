#!/usr/bin/env python3
"""A long link in front of a TCP server: what a far, fast peer is like.

    delay_proxy.py LISTEN TARGET [--delay MS] [--rate MB_PER_SECOND] [--seconds S] [--wait S]

    client  <-- wait for the due time <-- queue <-- rate <-- server     both ports on 127.0.0.1
            ----------------- the delay alone ----------------->

A chunk gets its due time when it is read: the end of its turn on a link of that rate, plus the
delay. Due times are absolute, so that a late wake-up costs no throughput. The link stores what it
carries and a router's queue of half a delay; beyond that it stops reading, and TCP stops the
sender. It is one link: all connections share it.

Events: ready; then, --seconds after the first connection, steady: bytes that left for the client in
the last half of that time, and how long that was. Then the link holds for some seconds more, for
its user to look who is still there, and ends by itself; without a connection, too.
"""
import argparse
import json
import queue
import socket
import threading
import time

CHUNK = 65536
MOST_CHUNKS = 4096  # in flight when the client does not read
LINGER = 5


class Way:
    """One direction of the link: how fast, how long, and how many bytes came out."""

    def __init__(self, delay, rate=None):
        self.delay, self.rate = delay, rate
        self.free_at, self.delivered, self.lock = 0.0, 0, threading.Lock()

    def due(self, length):
        """When these bytes have left the sender's end, and when they are at the other."""
        with self.lock:
            self.free_at = max(self.free_at, time.monotonic())
            self.free_at += length / self.rate if self.rate else 0
            return self.free_at, self.free_at + self.delay

    def note_delivered(self, length):
        with self.lock:
            self.delivered += length


def sleep_until(moment):
    time.sleep(max(0, moment - time.monotonic()))


def take_in(way, source, chunks):
    data = True
    while data:
        try:
            data = source.recv(CHUNK)
        except OSError:
            data = b""
        left, due = way.due(len(data))
        chunks.put((due, data))
        sleep_until(left - way.delay / 2)


def hand_out(way, chunks, sink):
    try:
        while True:
            due, data = chunks.get()
            sleep_until(due)
            if not data:
                return sink.shutdown(socket.SHUT_WR)
            sink.sendall(data)
            way.note_delivered(len(data))
    except OSError:
        return None  # the sink is gone; the other direction tells the source


def start(work, *arguments):
    threading.Thread(target=work, args=arguments, daemon=True).start()


def carry(way, source, sink):
    chunks = queue.Queue(MOST_CHUNKS)
    source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    start(take_in, way, source, chunks)
    start(hand_out, way, chunks, sink)


def serve(listener, target, there, back, connected):
    while True:
        client, _ = listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", target), 5)
        except OSError:
            client.close()
            continue
        server.settimeout(None)
        carry(there, client, server)
        carry(back, server, client)
        connected.set()


def say(**event):
    print(json.dumps(event), flush=True)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("listen", type=int)
    parser.add_argument("target", type=int)
    parser.add_argument("--delay", type=float, default=50, help="ms, each way")
    parser.add_argument("--rate", type=float, help="MB/s towards the client")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--wait", type=float, default=20, help="for the first connection")
    return parser.parse_args()


def main():
    told, connected = arguments(), threading.Event()
    there = Way(told.delay / 1e3)
    back = Way(told.delay / 1e3, told.rate * 1e6 if told.rate else None)
    listener = socket.create_server(("127.0.0.1", told.listen))
    start(serve, listener, told.target, there, back, connected)
    say(event="ready")
    if not connected.wait(told.wait):
        raise SystemExit("nobody connected")
    time.sleep(told.seconds / 2)
    began, before = time.monotonic(), back.delivered
    time.sleep(told.seconds / 2)
    say(event="steady", bytes=back.delivered - before, seconds=time.monotonic() - began)
    time.sleep(LINGER)


if __name__ == "__main__":
    main()
