"""An SVG of the figures: one panel per section and metric, a bar for each median, a line over its
end for the range. No library: it is rectangles and words."""
from html import escape

from results import METRICS

WIDTH, LABEL, RIGHT, ROW, HEAD = 960, 380, 150, 20, 46
PANELS = [  # section, metric, is less better
    ("download", "cpu", True), ("download", "speed", False), ("download", "rss", True),
    ("seeding", "cpu", True), ("link", "steady", False), ("mare downloads from", "copied", True),
    ("re-check", "speed", False), ("at rest", "step_us", True), ("at rest", "anonymous", True),
]
OURS, REST = "#2b6cb0", "#a0aec0"


def text(x, y, words, size=12, anchor="start", color="#1a202c", weight="normal"):
    return ('<text x="%g" y="%g" font-size="%d" text-anchor="%s" fill="%s" font-weight="%s">%s</text>'
            % (x, y, size, anchor, color, weight, escape(words)))


def rectangle(x, y, width, height, color):
    return '<rect x="%g" y="%g" width="%.1f" height="%g" fill="%s"/>' % (x, y, width, height, color)


def bar(y, label, summary, most, form, color):
    scale = (WIDTH - LABEL - RIGHT) / most if most > 0 else 0
    middle, end = y + ROW / 2 - 1, LABEL + summary.median * scale
    yield text(LABEL - 8, y + 13, label, anchor="end")
    yield rectangle(LABEL, y + 2, summary.median * scale, ROW - 6, color)
    yield rectangle(LABEL + summary.least * scale, middle - 1,
                    max((summary.most - summary.least) * scale, 1), 2, "#1a202c")
    yield text(max(end, LABEL + summary.most * scale) + 6, y + 13, summary.show(form), size=11)


def panel(results, section, metric, less, top):
    """The parts of one panel and where the next one begins."""
    title, form = METRICS[metric]
    rows = [(case, who, results.summary(section, case, who, metric))
            for case, who in results.cases(section)]
    rows = [row for row in rows if row[2].median is not None]
    if not rows:
        return [], top
    most = max(s.most for _, _, s in rows)
    head = "%s: %s (%s is better)" % (section, title, "less" if less else "more")
    parts, y, before = [text(16, top + 30, head, 15, weight="bold")], top + HEAD, None
    for case, who, summary in rows:
        y += 6 if case != before and before else 0
        label = "%s: %s" % (case, who) if case != before else who
        parts += bar(y, label, summary, most, form, OURS if who.startswith("mare") else REST)
        y, before = y + ROW, case
    return parts, y


def write(path, results, machine):
    parts, y = [], 0
    for section, metric, less in PANELS:
        more, y = panel(results, section, metric, less, y)
        parts += more
    where = "%s, %s cores, Linux %s: medians, lines from least to most" % (
        machine["cpu"], machine["cores"], machine["kernel"])
    parts.append(text(16, y + 34, where, 11, color="#4a5568"))
    with open(path, "w") as out:
        out.write('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
                  'font-family="sans-serif">\n%s\n%s\n</svg>\n'
                  % (WIDTH, y + 50, rectangle(0, 0, WIDTH, y + 50, "#ffffff"), "\n".join(parts)))
