// page: the list of torrents and files, and the stage on which one is played. What is drawn comes from
// status.json; elements are made once for each torrent and file, and only their texts change.

import { count, follow, percent, rate, size } from "./status.js";
import { drawGrid, drawStrip } from "./piece_map.js";

const byId = id => document.getElementById(id);
const shown = new Map(); // info-hash: its elements
let playing = null; // { hash, index, media }
let latest = null; // the last status

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function copy(template) {
  return byId(template).content.firstElementChild.cloneNode(true);
}

// ---- playing ------------------------------------------------------------------------------

// Browsers read WebVTT alone; SubRip differs in its head and in the comma of its times.
function toWebVtt(text) {
  return "WEBVTT\n\n" + text.replace(/\r/g, "")
    .replace(/(\d\d:\d\d:\d\d),(\d\d\d)/g, "$1.$2");
}

const LONGEST_SUBTITLE = 4 << 20; // bytes: larger is no text

async function addSubtitle(media, file) {
  const track = document.createElement("track");
  track.kind = "subtitles";
  track.label = file.path.split("/").pop();
  if (/\.srt$/i.test(file.path)) {
    const answer = await fetch(file.url);
    if (!answer.ok) return;
    const text = toWebVtt(await answer.text());
    track.src = URL.createObjectURL(new Blob([text], { type: "text/vtt" }));
  } else {
    track.src = file.url;
  }
  media.append(track);
}

function addSubtitles(media, torrent) {
  for (const file of torrent.files)
    if (/\.(srt|vtt)$/i.test(file.path) && file.length < LONGEST_SUBTITLE)
      addSubtitle(media, file).catch(() => {});
}

const REASONS = {
  2: "the connection was lost", 3: "it is damaged",
  4: "this browser does not play the format; open its address in a player",
};

function makeMedia(torrent, file) {
  const media = document.createElement(file.kind === "image" ? "img" : file.kind);
  if (file.kind === "image") {
    media.alt = file.path;
  } else {
    media.controls = true;
    media.autoplay = true;
    media.preload = "metadata";
    media.addEventListener("error", () =>
      say(byId("health"), "Cannot play it: " + (REASONS[media.error?.code] || "unknown")));
    media.addEventListener("timeupdate", drawStage);
    media.addEventListener("progress", drawStage);
    media.addEventListener("ended", playNext);
  }
  media.src = file.url;
  if (file.kind === "video") addSubtitles(media, torrent);
  return media;
}

// A media element without its source lets go of its connection.
function stop() {
  if (!playing) return;
  if (playing.media.pause) {
    playing.media.pause();
    playing.media.removeAttribute("src");
    playing.media.load();
  }
  playing.media.remove();
  playing = null;
}

function play(torrent, file) {
  stop();
  const media = makeMedia(torrent, file);
  playing = { hash: torrent.info_hash, index: file.index, media };
  byId("screen").replaceChildren(media);
  say(byId("now"), file.path.split("/").pop());
  say(byId("health"), "");
  byId("stage").hidden = false;
  byId("stage").scrollIntoView({ block: "start" });
  drawStage();
  drawTorrents();
}

function close() {
  stop();
  byId("stage").hidden = true;
  drawTorrents();
}

function whatPlays() {
  const torrent = playing && latest?.torrents.find(t => t.info_hash === playing.hash);
  const file = torrent?.files?.find(f => f.index === playing.index);
  return [torrent, file];
}

// In the order of people: "2" comes before "10".
const natural = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function playNext() {
  const [torrent, file] = whatPlays();
  if (!file) return;
  const next = torrent.files
    .filter(f => f.kind === file.kind && natural.compare(f.path, file.path) > 0)
    .sort((a, b) => natural.compare(a.path, b.path))[0];
  if (next) play(torrent, next);
}

function storedAhead(media) {
  const ranges = [];
  for (let i = 0; i < (media.buffered?.length || 0); i++)
    ranges.push([media.buffered.start(i) / media.duration, media.buffered.end(i) / media.duration]);
  return ranges;
}

function describeHealth(torrent, file, media) {
  const parts = [percent(file.progress) + " here", rate(torrent.download_rate),
    count(torrent.peers, "peer")];
  const waits = torrent.readers.some(r => r.file === file.index && r.waiting > 0.5);
  if (waits && media.readyState < 3) parts.unshift("Waiting for data");
  return parts.join(" · ");
}

function drawStage() {
  const [torrent, file] = whatPlays();
  if (!file) return;
  const { media } = playing, known = media.duration > 0;
  drawStrip(byId("strip"), torrent, file, known ? media.currentTime / media.duration : null,
    known ? storedAhead(media) : []);
  if (!media.error) say(byId("health"), describeHealth(torrent, file, media));
}

// ---- the list -----------------------------------------------------------------------------

const VERBS = { video: "Play", audio: "Play", image: "Show" };

function makeFile(hash, file) {
  const element = copy("file-template"), button = element.querySelector(".play");
  const link = element.querySelector(".path");
  if (VERBS[file.kind]) {
    button.textContent = VERBS[file.kind];
    button.setAttribute("aria-label", VERBS[file.kind] + " " + file.path);
    button.addEventListener("click", () => {
      const torrent = latest.torrents.find(t => t.info_hash === hash);
      if (torrent) play(torrent, torrent.files.find(f => f.index === file.index));
    });
  } else {
    button.style.visibility = "hidden";
  }
  link.textContent = file.path;
  link.href = file.url;
  element.querySelector(".size").textContent = size(file.length);
  return element;
}

function makeTorrent(torrent) {
  const element = copy("torrent-template");
  byId("torrents").append(element);
  return { element, files: new Map() };
}

const STATES = {
  metadata: "fetching metadata", checking: "checking", downloading: "downloading",
  finished: "complete", seeding: "seeding", removing: "being removed",
};

function describeTorrent(torrent) {
  const state = torrent.paused ? "paused" : STATES[torrent.state] || torrent.state;
  const parts = [state];
  if (torrent.size !== undefined)
    parts.push(percent(torrent.progress) + " of " + size(torrent.wanted));
  parts.push(rate(torrent.download_rate) + " down", rate(torrent.upload_rate) + " up",
    count(torrent.peers, "peer"));
  return parts.join(" · ");
}

function drawFiles(own, torrent) {
  const list = own.element.querySelector(".files");
  for (const file of torrent.files) {
    if (!own.files.has(file.index)) {
      own.files.set(file.index, makeFile(torrent.info_hash, file));
      list.append(own.files.get(file.index));
    }
    const element = own.files.get(file.index);
    const plays = playing?.hash === torrent.info_hash && playing.index === file.index;
    say(element.querySelector(".share"), percent(file.progress));
    element.classList.toggle("playing", plays);
    element.classList.toggle("skipped", file.priority === 0);
  }
}

function drawTorrent(own, torrent) {
  const find = selector => own.element.querySelector(selector);
  say(find(".name"), torrent.name || torrent.info_hash);
  say(find(".facts"), describeTorrent(torrent));
  say(find(".wrong"), torrent.error || "");
  find(".wrong").hidden = !torrent.error;
  find("progress").value = torrent.progress || 0;
  find("progress").setAttribute("aria-label", "Progress of " + (torrent.name || "the torrent"));
  find(".playlist").hidden = !torrent.playlist;
  if (!torrent.map) return;
  find(".playlist").href = torrent.playlist;
  drawGrid(find(".map"), torrent);
  drawFiles(own, torrent);
  const more = torrent.file_count - torrent.files.length;
  find(".more").hidden = more <= 0;
  say(find(".more"), "and " + count(more, "more file"));
}

function drawTorrents() {
  if (!latest) return;
  const gone = new Set(shown.keys());
  for (const torrent of latest.torrents) {
    gone.delete(torrent.info_hash);
    if (!shown.has(torrent.info_hash)) shown.set(torrent.info_hash, makeTorrent(torrent));
    drawTorrent(shown.get(torrent.info_hash), torrent);
  }
  for (const hash of gone) {
    shown.get(hash).element.remove();
    shown.delete(hash);
  }
  byId("empty").hidden = latest.torrents.length > 0;
}

function show(status) {
  const trouble = byId("trouble");
  trouble.hidden = status !== null;
  if (!status) {
    say(trouble, "mare does not answer. Trying again.");
    return;
  }
  latest = status;
  say(byId("totals"), [rate(status.download_rate) + " down", rate(status.upload_rate) + " up",
    count(status.connections, "connection")].join(" · "));
  drawTorrents();
  drawStage();
}

byId("close").addEventListener("click", close);
const redraw = () => { drawTorrents(); drawStage(); };
addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
follow(show);
