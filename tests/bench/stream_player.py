"""mpv without a window or a sound, told and heard over its IPC socket, with the moment at which each
event came.

Its back cache is off (as if what it keeps were full), so that every seek asks the client. Nothing
else is set that a viewer has not, and it is the same for every client.
"""
import json
import os
import socket
import threading
import time

from harness import Process

WORDS = ["mpv", "--idle", "--vo=null", "--ao=null", "--no-terminal", "--ytdl=no",
         "--demuxer-seekable-cache=no", "--demuxer-max-back-bytes=0"]


class Player:
    def __init__(self, work, home):
        self.events, self.changed, self.last = [], threading.Condition(), 0
        path = os.path.join(work, "mpv.sock")
        env = {"HOME": home, "XDG_RUNTIME_DIR": work, "XDG_CONFIG_HOME": home + "/.config",
               "XDG_CACHE_HOME": home + "/.cache", "XDG_STATE_HOME": home + "/.state"}
        log = os.path.join(work, "mpv.log")
        self.process = Process(WORDS + ["--input-ipc-server=" + path, "--log-file=" + log], env)
        self.socket = self._connect(path)
        self.lines = self.socket.makefile("r", encoding="utf8", errors="replace")
        threading.Thread(target=self._listen, daemon=True).start()
        self.command("observe_property", 1, "paused-for-cache")

    def _connect(self, path):
        until = time.time() + 10
        while True:
            try:
                channel = socket.socket(socket.AF_UNIX)
                channel.connect(path)
                return channel
            except OSError:
                channel.close()
                if time.time() > until or self.process.ended():
                    raise SystemExit("mpv does not start")
                time.sleep(0.01)

    def _listen(self):
        try:
            for line in self.lines:
                event = json.loads(line)
                event["at"] = time.time()
                with self.changed:
                    self.events.append(event)
                    self.changed.notify_all()
        except (OSError, ValueError):
            pass

    def _wait(self, matches, seconds):
        seen = 0
        until = time.time() + seconds
        with self.changed:
            while True:
                for event in self.events[seen:]:
                    if matches(event):
                        return event
                seen = len(self.events)
                if not self.changed.wait(until - time.time()) and time.time() >= until:
                    return None

    def command(self, *words):
        self.last += 1
        number = self.last
        text = json.dumps({"command": list(words), "request_id": number}) + "\n"
        self.socket.sendall(text.encode())
        answer = self._wait(lambda e: e.get("request_id") == number and "error" in e, 20)
        return answer and answer.get("data")

    def until(self, name, since, seconds):
        """When the first event of that name after `since` came; None if it does not come."""
        event = self._wait(lambda e: e.get("event") == name and e["at"] > since, seconds)
        return event and event["at"]

    def load(self, url, seconds):
        """Seconds to the first frame; None if there is none."""
        began = time.time()
        self.command("loadfile", url)
        shown = self.until("playback-restart", began, seconds)
        return shown and shown - began

    def seek(self, place, seconds):
        """To a place (seconds of the film), by the next key frame: seconds until it plays on."""
        began = time.time()
        self.command("seek", place, "absolute+keyframes")
        left = self.until("seek", began, seconds)
        shown = left and self.until("playback-restart", left, seconds)
        return shown and shown - began

    def starved(self, since, end):
        """How often it stood still for want of data between two moments, and for how long."""
        count, total, began = 0, 0.0, None
        for event in list(self.events):
            if event.get("name") != "paused-for-cache" or not since < event["at"] < end:
                continue
            if event.get("data"):
                count, began = count + 1, event["at"]
            elif began:
                total, began = total + event["at"] - began, None
        return count, total + (end - began if began else 0)

    def close(self):
        self.process.stop(grace=2)
        self.socket.close()
