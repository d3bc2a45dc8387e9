"""What was measured, as a table and as JSON: median and 95th percentile of each figure, and who was
first. With fewer than twenty rounds the 95th percentile is the slowest run."""
import json
import math
import os
import statistics

from clients import TOP
from harness import machine

PATH = os.path.join(TOP, "build", "bench", "results-stream.json")
TIMES = ["first byte", "far byte", "first frame", "far seek", "back 10 s", "stalled seek"]


def percentile(values, share):
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def shown(value):
    return "never" if math.isinf(value) else "%.0f" % (1000 * value)


class Report:
    def __init__(self, clients):
        self.clients, self.runs, self.machine = clients, [], machine()

    def add(self, client, swarm, piece, container, result):
        self.runs.append(dict(result, client=client, swarm=swarm, piece=piece, container=container))
        print("%-12s %-16s %-8s %-13s %s" % (client, swarm, piece, container, "  ".join(
            "%s %s" % (name, "never" if value is None else
                       "%d" % value if name == "rebuffers" else "%.0f ms" % (1000 * value))
            for name, value in result.items())), flush=True)

    def _values(self, cell, client, figure):
        return [math.inf if run[figure] is None else run[figure] for run in self.runs
                if (run["swarm"], run["piece"], run["container"]) == cell and run["client"] == client
                and figure in run]

    def _row(self, cell, figure):
        """{client: (median, p95)} of those that have the figure."""
        row = {}
        for client in self.clients:
            values = self._values(cell, client, figure)
            if values:
                row[client] = statistics.median(values), percentile(values, 0.95)
        return row

    def _print_row(self, cell, figure, row):
        line = "%-16s %-8s %-13s %-13s" % (*cell, figure)
        for client in self.clients:
            line += "%18s" % (" / ".join(map(shown, row[client])) if client in row else "")
        others = [p95 for client, (_, p95) in row.items() if client != "mare"]
        slower = "mare" in row and others and row["mare"][1] > min(others)
        print(line + ("   <- slower" if slower else ""))
        return bool(slower)

    def _print_rebuffers(self):
        print("\nrebuffers while playing: count, seconds, of all runs together")
        for client in self.clients:
            runs = [run for run in self.runs if run["client"] == client and "rebuffers" in run]
            print("%-12s %d runs, %d, %.1f s" % (client, len(runs), sum(r["rebuffers"] for r in runs),
                                                sum(r["rebuffering"] for r in runs)))

    def finish(self, rounds):
        """Prints and writes all; True if mare is the fastest at p95 in every cell."""
        cells = list(dict.fromkeys((r["swarm"], r["piece"], r["container"]) for r in self.runs))
        print("\nmilliseconds, median / p95 of %d rounds" % rounds)
        print("%-16s %-8s %-13s %-13s%s" % ("swarm", "pieces", "film", "", "".join(
            "%18s" % client for client in self.clients)))
        rows = slower = 0
        for cell in cells:
            for figure in TIMES:
                row = self._row(cell, figure)
                if row:
                    rows += 1
                    slower += self._print_row(cell, figure, row)
        self._print_rebuffers()
        print("\nmare is slower at p95 in %d of %d rows" % (slower, rows))
        os.makedirs(os.path.dirname(PATH), exist_ok=True)
        with open(PATH, "w") as out:
            json.dump({"machine": self.machine, "rounds": rounds, "runs": self.runs}, out, indent=1)
        return slower == 0
