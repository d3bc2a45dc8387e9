"""A tracker on loopback that answers every announce with the peers it was told."""
import http.server
import socket
import threading

from payload import bencode


class Tracker:
    def __init__(self):
        self.peers = []
        tracker = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = tracker.answer("event=stopped" in self.path)
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except ConnectionError:
                    pass  # who asked has ended

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:%d/announce" % self.server.server_address[1]

    def answer(self, stopped):
        peers = b""
        for peer in [] if stopped else self.peers:
            host, port = peer.split(":")
            peers += socket.inet_aton(host) + int(port).to_bytes(2, "big")
        return bencode({"interval": 1800, "min interval": 60, "complete": len(self.peers),
                        "incomplete": 1, "peers": peers})
