#!/usr/bin/env python3
"""What mare costs: against the floor (`make bench`), against other clients (`make bench-peers`).

Programs that are compared run one after the other within a round, and there are several rounds: a
machine that is busy for a while is so for all of them. README.md lists the options.
"""
import json
import os
import sys
import time

import chart
import results as report
from clients import FLOORS, OTHERS, TOP, Blaster, Mare
from harness import MIB, machine
import scenarios
from scenarios import Bench, Failed

BUILD = os.path.join(TOP, "build", "bench")


def option(name, default):
    return os.environ.get("BENCH_" + name) or default


def options_of(what):
    tmpfs = option("TMPFS", "/dev/shm" if os.path.isdir("/dev/shm") else BUILD)
    return {
        "what": what, "mib": int(option("MIB", 1024)), "reps": int(option("REPS", 5)),
        "only": option("ONLY", "").split(",") if option("ONLY", "") else [],
        "clients": option("CLIENTS", "").split(",") if option("CLIENTS", "") else [],
        "idlers": int(option("IDLERS", 2000)), "torrents": int(option("TORRENTS", 1000)),
        "tmpfs": os.path.join(tmpfs, "mare-bench-%d" % os.getpid()),
        "disk": os.path.join(option("DISK", BUILD), "disk"),
    }


# ---- what is run: lists of (section, case, who, function of bench) -----------------------------

DOWNLOADS = [  # case, piece, peers, on disk
    (report.ONE_PEER, MIB, 1, False),
    ("1 peer, 1 MiB pieces, disk", MIB, 1, True),
    ("8 peers, 1 MiB pieces, tmpfs", MIB, 8, False),
    ("50 peers, 1 MiB pieces, tmpfs", MIB, 50, False),
    ("1 peer, 256 KiB pieces, tmpfs", MIB // 4, 1, False),
    ("1 peer, 4 MiB pieces, tmpfs", 4 * MIB, 1, False),
    ("1 peer, 16 MiB pieces, tmpfs", 16 * MIB, 1, False),
    ("50 peers, 16 MiB pieces, tmpfs", 16 * MIB, 50, False),
]


def downloads(clients, cases):
    for case, piece, peers, on_disk in cases:
        for client in clients:
            yield ("download", case, client.name,
                   lambda b, c=client, p=piece, n=peers, d=on_disk:
                   scenarios.download(b, c, p, n, b.disk if d else b.tmpfs))


def seedings(clients):
    for count in (1, 8):
        for client in clients:
            yield ("seeding", "%d connection%s" % (count, "s" if count > 1 else ""), client.name,
                   lambda b, c=client, n=count: scenarios.seed(b, c, n))


def links():
    for rate in (5, 20, 60):
        for who, measure in (("plain TCP", scenarios.link_plain), ("mare", scenarios.link_mare)):
            yield ("link", "%d MB/s, 50 ms each way" % rate, who,
                   lambda b, m=measure, r=rate: m(b, r))


def checks():
    for who in ("openssl dgst -sha1", "mare verify"):
        yield "re-check", "page cache", who, lambda b, w=who: scenarios.verify(b, w)


def rests(options):
    peers, torrents = options["idlers"], options["torrents"]
    yield "at rest", "nobody to talk to", "mare get", scenarios.idle
    yield "at rest", "1 torrent", "mare session", scenarios.rest_alone
    yield ("at rest", "and %d idle peers" % peers, "mare session",
           lambda b: scenarios.rest_with_peers(b, peers))
    yield ("at rest", "and %d seeding torrents" % torrents, "mare session",
           lambda b: scenarios.rest_with_torrents(b, torrents))


def foreign_seeders(others):
    for client in others:
        if client.seeds:
            yield ("mare downloads from", client.name, "mare",
                   lambda b, c=client: scenarios.seed_to_mare(b, c))


def bench_plan(options):
    ours = [Mare("scatter", "mare scatter"), Mare("chunked", "mare chunked")]
    return {
        "download": list(downloads(ours + FLOORS, DOWNLOADS)),
        "seed": list(seedings([Mare(), Blaster()])),
        "link": list(links()),
        "verify": list(checks()),
        "memory": list(rests(options)),
    }


def peers_plan(options):
    others = [c for c in OTHERS if c.available()
              and (not options["clients"] or c.name in options["clients"])]
    cases = [c for c in DOWNLOADS if c[1] == MIB]
    return {
        "download": list(downloads([Mare()] + FLOORS[:1] + others, cases)),
        "seed": list(seedings([Mare()] + others)),
        "copied": list(foreign_seeders(others)),
    }


# ---- running it --------------------------------------------------------------------------------

def say(*words):
    print(time.strftime("%H:%M:%S"), *words, file=sys.stderr, flush=True)


def show(figures):
    known = [m for m in report.METRICS if m in figures]
    return ", ".join("%s %s" % (report.METRICS[m][1] % figures[m], report.METRICS[m][0]) for m in known)


def run_round(bench, part, runs, results):
    for section, case, who, measure in runs:
        try:
            figures = measure(bench)
            results.add(section, case, who, figures)
            say("%s, %s, %s: %s" % (section, case, who, show(figures)))
        except Failed as failed:
            results.fail(section, case, who, str(failed))
            say("%s, %s, %s FAILED: %s" % (section, case, who, failed))


def run_all(bench, plan, options, results):
    wanted = [part for part in plan if not options["only"] or part in options["only"]]
    if options["what"] == "bench" and (not options["only"] or "micro" in options["only"]):
        say("microbenchmarks")
        results.micro = list(scenarios.micro(max(options["reps"], 3), bench.disk))
    for part in wanted:
        reps = min(options["reps"], 3) if part == "memory" else options["reps"]
        for number in range(reps):
            say("%s, round %d of %d" % (part, number + 1, reps))
            run_round(bench, part, plan[part], results)


def write(results, bars, about, options):
    name = "results" if options["what"] == "bench" else "results-peers"
    path = os.path.join(BUILD, name)
    with open(path + ".json", "w") as out:
        json.dump(report.as_dictionary(results, bars, about, options), out, indent=1)
    chart.write(path + ".svg", results, about)
    print("\nwritten: %s.json and .svg" % os.path.relpath(path, TOP))


def main():
    options = options_of(sys.argv[1] if len(sys.argv) > 1 else "bench")
    os.makedirs(BUILD, exist_ok=True)
    about, results = machine(), report.Results()
    peers = options["what"] == "bench-peers"
    plan = (peers_plan if peers else bench_plan)(options)
    clients = [Mare()] + [c for c in OTHERS if peers and c.available()]
    about["versions"] = {c.name: c.version() for c in clients}
    bench = Bench(options["mib"], BUILD, options["tmpfs"], options["disk"])
    try:
        run_all(bench, plan, options, results)
    except KeyboardInterrupt:
        say("interrupted: what is there so far")
    finally:
        bench.close()
    bars = list((report.peer_bars if peers else report.bench_bars)(results))
    report.print_all(results, bars, about)
    write(results, bars, about, options)


if __name__ == "__main__":
    main()
