// list: the torrents and their files. Elements are made once for each; then only texts and bars change.
// Names come from strangers: they become text, never markup.

import { count, facts, percent, rate, size, time } from "./status.js";
import { drawGrid } from "./piece_map.js";

const shown = new Map(); // info-hash: { element, files: index -> element }
const OPEN = 3; // more torrents than that begin with their files folded away

export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function copy(template) {
  return document.getElementById(template).content.firstElementChild.cloneNode(true);
}

// In the order of people: "2" comes before "10".
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
export const inOrder = (a, b) => collator.compare(a.path, b.path);

// ---- files --------------------------------------------------------------------------------

// "Season 1", "Episode 2.mkv": without the folder that is the torrent's own.
function split(torrent, file) {
  const parts = file.path.split("/");
  if (parts.length > 1 && parts[0] === torrent.name) parts.shift();
  return [parts.slice(0, -1).join(" / "), parts.at(-1)];
}

const VERBS = { video: "Play", audio: "Play", image: "Show" };

function makeFile(torrent, file, name, play) {
  const element = copy("file-template"), button = element.querySelector(".play");
  const link = element.querySelector(".path");
  if (VERBS[file.kind]) {
    button.classList.add(file.kind);
    button.title = VERBS[file.kind];
    button.setAttribute("aria-label", VERBS[file.kind] + " " + file.path);
    button.addEventListener("click", () => play(torrent.info_hash, file.index));
  } else {
    button.remove();
  }
  link.textContent = name;
  link.href = file.url;
  say(element.querySelector(".size"), size(file.length));
  return element;
}

function makeFiles(own, torrent, play) {
  const list = own.element.querySelector(".files");
  let last = "";
  for (const file of [...torrent.files].sort(inOrder)) {
    const [folder, name] = split(torrent, file);
    if (folder !== last) {
      const heading = copy("folder-template");
      heading.textContent = last = folder;
      list.append(heading);
    }
    own.files.set(file.index, makeFile(torrent, file, name, play));
    list.append(own.files.get(file.index));
  }
}

function drawFiles(own, torrent, playing, play) {
  if (!own.files.size) makeFiles(own, torrent, play);
  for (const file of torrent.files) {
    const element = own.files.get(file.index);
    if (!element) continue;
    const plays = playing?.hash === torrent.info_hash && playing.index === file.index;
    say(element.querySelector(".share"), percent(file.progress));
    element.style.setProperty("--share", file.progress);
    element.classList.toggle("playing", plays);
    element.classList.toggle("skipped", file.priority === 0);
  }
  const more = torrent.file_count - torrent.files.length;
  const rest = own.element.querySelector(".more");
  rest.hidden = more <= 0;
  say(rest, "and " + count(more, "more file"));
  say(own.element.querySelector("summary"), count(torrent.file_count, "file"));
}

// ---- torrents -----------------------------------------------------------------------------

const STATES = {
  metadata: "fetching metadata", checking: "checking", downloading: "downloading",
  finished: "complete", seeding: "seeding", removing: "being removed",
};

function describe(torrent) {
  const parts = [], peers = count(torrent.peers, "peer");
  if (torrent.size !== undefined)
    parts.push(percent(torrent.progress) + " of " + size(torrent.wanted));
  parts.push("↓ " + rate(torrent.download_rate), "↑ " + rate(torrent.upload_rate));
  parts.push(torrent.seeds ? peers + " (" + count(torrent.seeds, "seed") + ")" : peers);
  if (torrent.left && torrent.download_rate > 0)
    parts.push(time(torrent.left / torrent.download_rate) + " left");
  return facts(parts);
}

function progressOf(torrent) {
  if (torrent.state === "checking") return torrent.check_progress || 0;
  return torrent.progress ?? torrent.metadata_progress ?? 0;
}

function makeTorrent(many) {
  const element = copy("torrent-template");
  element.querySelector("details").open = !many;
  document.getElementById("torrents").append(element);
  return { element, files: new Map() };
}

function drawTorrent(own, torrent, playing, play) {
  const find = selector => own.element.querySelector(selector);
  say(find(".name"), torrent.name || torrent.info_hash);
  say(find(".state"), torrent.paused ? "paused" : STATES[torrent.state] || torrent.state);
  own.element.dataset.state = torrent.paused ? "paused" : torrent.state;
  say(find(".facts"), describe(torrent));
  say(find(".wrong"), torrent.error || "");
  find(".wrong").hidden = !torrent.error;
  find("progress").value = progressOf(torrent);
  find("progress").setAttribute("aria-label", "Progress of " + (torrent.name || "the torrent"));
  for (const part of [".playlist", ".map", "details"]) find(part).hidden = !torrent.map;
  if (!torrent.map) return;
  find(".playlist").href = torrent.playlist;
  drawGrid(find(".map"), torrent);
  drawFiles(own, torrent, playing, play);
}

// `playing` is { hash, index } or null; play(hash, index) is called when somebody asks for it.
export function drawList(torrents, playing, play) {
  const gone = new Set(shown.keys());
  for (const torrent of torrents) {
    const hash = torrent.info_hash;
    gone.delete(hash);
    if (!shown.has(hash)) shown.set(hash, makeTorrent(torrents.length > OPEN));
    drawTorrent(shown.get(hash), torrent, playing, play);
  }
  for (const hash of gone) {
    shown.get(hash).element.remove();
    shown.delete(hash);
  }
  document.getElementById("empty").hidden = torrents.length > 0;
}
