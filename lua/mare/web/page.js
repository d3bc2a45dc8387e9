// page: what status.json says goes to the list and to the stage.

import { count, facts, follow, percent, rate } from "./status.js";
import { drawList, say } from "./list.js";
import { drawStage, play, playing } from "./stage.js";

const byId = id => document.getElementById(id);
let latest = null; // the last status

// "43.2 % · mare": of what is not complete.
function title(torrents) {
  const wanted = torrents.reduce((sum, t) => sum + (t.wanted || 0), 0);
  const left = torrents.reduce((sum, t) => sum + (t.left || 0), 0);
  return left ? percent(1 - left / wanted) + " · mare" : "mare";
}

function draw() {
  if (!latest) return;
  drawStage(latest.torrents);
  drawList(latest.torrents, playing(), play);
}

function show(status) {
  const trouble = byId("trouble");
  trouble.hidden = status !== null;
  if (!status) {
    say(trouble, "mare does not answer. Trying again.");
    return;
  }
  latest = status;
  document.title = title(status.torrents);
  say(byId("totals"), facts(["↓ " + rate(status.download_rate),
    "↑ " + rate(status.upload_rate), count(status.connections, "connection")]));
  draw();
}

addEventListener("resize", draw);
byId("stage").addEventListener("changed", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
follow(show);
