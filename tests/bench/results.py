"""Figures: collected round by round, summed up as medians with their ranges, compared round by
round (two programs of one round saw the same machine), held against the bars."""
import json
import statistics

# metric: (title, format)
METRICS = {
    "speed": ("MB/s", "%.0f"),
    "steady": ("steady MB/s", "%.1f"),
    "cpu": ("CPU s/GiB", "%.2f"),
    "rss": ("peak MiB", "%.0f"),
    "copied": ("copied", "%.4f"),
    "recv_per_mib": ("recv/MiB", "%.1f"),
    "twice": ("sent twice", "%.4f"),
    "seeder_cpu": ("seeder s/GiB", "%.2f"),
    "leech_cpu": ("leech s/GiB", "%.2f"),
    "start_ms": ("start ms", "%.0f"),
    "anonymous": ("own MiB", "%.1f"),
    "per_peer": ("bytes/peer", "%.0f"),
    "per_torrent": ("bytes/torrent", "%.0f"),
    "steps_per_s": ("steps/s", "%.1f"),
    "idle_cpu_ms": ("idle ms/s", "%.2f"),
    "step_us": ("us/step", "%.0f"),
}


class Summary:
    """The median of some values, and between which they lie."""

    def __init__(self, values):
        self.values = [v for v in values if v is not None]
        self.median = statistics.median(self.values) if self.values else None
        self.least, self.most = min(self.values, default=None), max(self.values, default=None)

    def show(self, form):
        if self.median is None:
            return "-"
        text = form % self.median
        least, most = form % self.least, form % self.most
        return text if least == most else "%s (%s-%s)" % (text, least, most)


class Results:
    def __init__(self):
        self.rows = {}  # (section, case, who) -> {metric: [value of each round]}
        self.failures = []
        self.micro = []

    def add(self, section, case, who, figures):
        row = self.rows.setdefault((section, case, who), {})
        for metric, value in figures.items():
            row.setdefault(metric, []).append(value)

    def fail(self, section, case, who, reason):
        """A run without figures: every metric of the row gets a hole, so that rounds stay aligned."""
        self.failures.append("%s, %s, %s: %s" % (section, case, who, reason))
        row = self.rows.setdefault((section, case, who), {})
        for metric in METRICS:
            row.setdefault(metric, []).append(None)

    def summary(self, section, case, who, metric):
        return Summary(self.rows.get((section, case, who), {}).get(metric, []))

    def ratio(self, metric, of, to):
        """Of two (section, case, who), round by round."""
        pairs = zip(self.rows.get(of, {}).get(metric, []), self.rows.get(to, {}).get(metric, []))
        return Summary([a / b for a, b in pairs if a is not None and b])

    def cases(self, section):
        return list(dict.fromkeys((case, who) for s, case, who in self.rows if s == section))

    def sections(self):
        return list(dict.fromkeys(s for s, _, _ in self.rows))


# ---- the table ---------------------------------------------------------------------------------

def print_columns(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        print("  " + "  ".join(cells).rstrip())


def print_section(results, section):
    cases = results.cases(section)
    known = {m for case, who in cases for m, values in results.rows[section, case, who].items()
             if any(v is not None for v in values)}
    metrics = [m for m in METRICS if m in known]
    rows = [["", ""] + [METRICS[m][0] for m in metrics]]
    before = None
    for case, who in cases:
        cells = [results.summary(section, case, who, m).show(METRICS[m][1]) for m in metrics]
        rows.append([case if case != before else "", who] + cells)
        before = case
    print("\n%s" % section)
    print_columns(rows)


def print_micro(results):
    if not results.micro:
        return
    rows, before = [["", "", "", "against the first"]], None
    for line in results.micro:
        spread = "%.4g (%.4g-%.4g) %s" % (line["median"], line["least"], line["most"], line["unit"])
        rows.append([line["group"] if line["group"] != before else "", line["name"], spread,
                     "%.2f" % line["ratio"]])
        before = line["group"]
    print("\nmicrobenchmarks, one core")
    print_columns(rows)


def print_bars(bars):
    rows = [["", "", "bar", "measured"]]
    for bar in bars:
        mark = "  ?" if bar.reached is None else " ok" if bar.reached else "NOT"
        rows.append([mark, bar.what, bar.wanted, bar.summary.show(bar.form)])
    print("\nbars (a ratio is taken round by round)")
    print_columns(rows)


def print_all(results, bars, machine):
    print("\n%s" % json.dumps(machine))
    print_micro(results)
    for section in results.sections():
        print_section(results, section)
    print_bars(bars)
    for failure in results.failures:
        print("FAILED  " + failure)


# ---- the bars ----------------------------------------------------------------------------------

class Bar:
    def __init__(self, what, summary, sign, limit, form="%.2f"):
        self.what, self.summary, self.form = what, summary, form
        self.wanted = "%s %g" % (sign, limit)
        value = summary.median
        self.reached = None if value is None else value <= limit if sign == "<=" else value >= limit


ONE_PEER = "1 peer, 1 MiB pieces, tmpfs"
MEMORY_BUDGET = 64  # MiB: the default of --memory
CPU, SPEED = "cpu", "speed"


def download_bars(results):
    ours, section = "mare scatter", "download"
    one = (section, ONE_PEER, ours)

    def against(metric, who, case=ONE_PEER):
        return results.ratio(metric, (section, case, ours), (section, case, who))

    yield Bar("CPU, one peer, to ideal with one thread", against(CPU, "ideal, one thread"), "<=", 0.90)
    yield Bar("speed, one peer, to ideal with two threads", against(SPEED, "ideal, two threads"),
              ">=", 0.95)
    yield Bar("receive calls per MiB, one peer", results.summary(*one, "recv_per_mib"), "<=", 12)
    yield Bar("peak MiB, one peer", results.summary(*one, "rss"), "<=", 40, "%.0f")
    for case, who in results.cases(section):
        if who != ours or case == ONE_PEER:
            continue
        row = (section, case, who)
        if "disk" not in case:
            yield Bar("CPU to one peer's: " + case, results.ratio(CPU, row, one), "<=", 1.25)
        yield Bar("sent twice, end game included: " + case, results.summary(*row, "twice"), "<=",
                  0.01, "%.4f")
        yield Bar("peak MiB: " + case, results.summary(*row, "rss"), "<=", MEMORY_BUDGET + 16, "%.0f")


def bench_bars(results):
    yield from download_bars(results)
    for case, who in results.cases("seeding"):
        if who == "mare":
            yield Bar("seeding, CPU to blaster, " + case,
                      results.ratio(CPU, ("seeding", case, who), ("seeding", case, "blaster")),
                      "<=", 1.25)
    for case, who in results.cases("link"):
        if who == "mare":
            yield Bar("speed to plain TCP, link of " + case,
                      results.ratio("steady", ("link", case, who), ("link", case, "plain TCP")),
                      ">=", 0.90)
    yield from verify_bars(results)
    idle = ("at rest", "nobody to talk to", "mare get")
    yield Bar("idle, resident MiB", results.summary(*idle, "rss"), "<=", 10, "%.1f")
    yield Bar("idle, ms from start to listening", results.summary(*idle, "start_ms"), "<=", 20, "%.0f")
    for line in results.micro:
        lanes = {"2 lanes": 1.7, "3 lanes": 2.0}.get(line["name"])
        if lanes:
            yield Bar("%s, %s to OpenSSL" % (line["group"], line["name"]), Summary([line["ratio"]]),
                      ">=", lanes)


def verify_bars(results):
    from harness import machine
    cores = machine()["cores"]
    speed = results.ratio(SPEED, ("re-check", "page cache", "mare verify"),
                          ("re-check", "page cache", "openssl dgst -sha1"))
    yield Bar("re-check to %d x openssl dgst" % cores, Summary([v / cores for v in speed.values]),
              ">=", 1.8)


def peer_bars(results):
    case, ours = ONE_PEER, ("download", ONE_PEER, "mare")
    for who, cpu, speed in (("libtorrent", 0.45, 1.4), ("aria2", 0.50, 2)):
        theirs = ("download", case, who)
        yield Bar("CPU, one peer, to " + who, results.ratio(CPU, ours, theirs), "<=", cpu)
        yield Bar("speed, one peer, to " + who, results.ratio(SPEED, ours, theirs), ">=", speed)
    for case, who in results.cases("seeding"):
        if who == "rtorrent":
            yield Bar("seeding, CPU to rtorrent, " + case,
                      results.ratio(CPU, ("seeding", case, "mare"), ("seeding", case, who)), "<=", 0.45)
    for case, who in results.cases("mare downloads from"):
        yield Bar("payload copied, from " + case,
                  results.summary("mare downloads from", case, who, "copied"), "<=", 0.01, "%.4f")


# ---- to a file ---------------------------------------------------------------------------------

def as_dictionary(results, bars, machine, options):
    def row(section, case, who):
        metrics = {}
        for metric, values in results.rows[section, case, who].items():
            s = Summary(values)
            if s.values:
                metrics[metric] = {"median": s.median, "least": s.least, "most": s.most,
                                   "values": values}
        return {"section": section, "case": case, "who": who, "metrics": metrics}

    return {
        "machine": machine, "options": options, "micro": results.micro,
        "rows": [row(*key) for key in results.rows],
        "bars": [{"what": b.what, "bar": b.wanted, "median": b.summary.median,
                  "least": b.summary.least, "most": b.summary.most, "reached": b.reached}
                 for b in bars],
        "failures": results.failures,
    }
