#!/usr/bin/env python3
"""The floor of the long link: one TCP stream of zeros, without a protocol.

    plain_stream.py LISTEN DIAL [SECONDS]

Sends to whoever connects to LISTEN, and receives and forgets what comes from DIAL, where
delay_proxy.py stands; both on 127.0.0.1. Ends with the stream, or when its time is over.
"""
import socket
import sys
import threading
import time

CHUNK = 1 << 18


def send(listener):
    receiver, _ = listener.accept()
    zeros = bytes(CHUNK)
    try:
        while True:
            receiver.sendall(zeros)
    except OSError:
        pass


def receive(port, seconds):
    until = time.monotonic() + seconds
    into = bytearray(CHUNK)
    with socket.create_connection(("127.0.0.1", port), 5) as sender:
        sender.settimeout(5)
        while time.monotonic() < until and sender.recv_into(into):
            pass


def main():
    listen, dial = int(sys.argv[1]), int(sys.argv[2])
    listener = socket.create_server(("127.0.0.1", listen))
    threading.Thread(target=send, args=(listener,), daemon=True).start()
    try:
        receive(dial, float(sys.argv[3]) if len(sys.argv) > 3 else 20)
    except OSError:
        pass  # the link was cut


if __name__ == "__main__":
    main()
