// stage: where one file is played, with what is known of its pieces below it.

import { count, facts, percent, rate, time } from "./status.js";
import { drawStrip } from "./piece_map.js";
import { inOrder, say } from "./list.js";

const byId = id => document.getElementById(id);
let now = null; // { hash, index, media }
let latest = []; // torrents

export const playing = () => now;

// ---- subtitles ----------------------------------------------------------------------------

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

// ---- playing ------------------------------------------------------------------------------

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
    for (const event of ["timeupdate", "progress", "seeking", "waiting"])
      media.addEventListener(event, draw);
    media.addEventListener("ended", playNext);
  }
  media.src = file.url;
  if (file.kind === "video") addSubtitles(media, torrent);
  return media;
}

// A media element without its source lets go of its connection.
function stop() {
  if (!now) return;
  if (now.media.pause) {
    now.media.pause();
    now.media.removeAttribute("src");
    now.media.load();
  }
  now.media.remove();
  now = null;
}

export function play(hash, index) {
  const torrent = latest.find(t => t.info_hash === hash);
  const file = torrent?.files?.find(f => f.index === index);
  if (!file) return;
  stop();
  now = { hash, index, media: makeMedia(torrent, file) };
  byId("screen").replaceChildren(now.media);
  say(byId("now"), file.path.split("/").pop());
  say(byId("health"), "");
  byId("stage").hidden = false;
  byId("stage").scrollIntoView({ block: "start" });
  byId("stage").dispatchEvent(new Event("changed"));
  draw();
}

function close() {
  stop();
  byId("stage").hidden = true;
  byId("stage").dispatchEvent(new Event("changed"));
}

function whatPlays() {
  const torrent = now && latest.find(t => t.info_hash === now.hash);
  return [torrent, torrent?.files?.find(f => f.index === now.index)];
}

function whatFollows() {
  const [torrent, file] = whatPlays();
  return file && torrent.files.filter(f => f.kind === file.kind && inOrder(f, file) > 0)
    .sort(inOrder)[0];
}

function playNext() {
  const next = whatFollows();
  if (next) play(now.hash, next.index);
}

function seekTo(event) {
  const box = byId("strip").getBoundingClientRect();
  if (now?.media.duration > 0)
    now.media.currentTime = (event.clientX - box.left) / box.width * now.media.duration;
}

async function copyAddress() {
  const [, file] = whatPlays(), button = byId("copy");
  await navigator.clipboard.writeText(new URL(file.url, location.href).href);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy address"; }, 1500);
}

// ---- drawing ------------------------------------------------------------------------------

// What the player itself has in store, as shares of the whole.
function stored(media) {
  const ranges = [];
  for (let i = 0; i < (media.buffered?.length || 0); i++)
    ranges.push([media.buffered.start(i) / media.duration, media.buffered.end(i) / media.duration]);
  return ranges;
}

// ... and in seconds from where it is.
function storedAhead(media) {
  for (let i = 0; i < (media.buffered?.length || 0); i++)
    if (media.buffered.start(i) <= media.currentTime + 0.1 && media.buffered.end(i) > media.currentTime)
      return media.buffered.end(i) - media.currentTime;
  return 0;
}

function describe(torrent, file, media) {
  const parts = [percent(file.progress) + " here", "↓ " + rate(torrent.download_rate),
    count(torrent.peers, "peer")];
  const waits = torrent.readers.some(r => r.file === file.index && r.waiting > 0.5);
  const ahead = storedAhead(media);
  if (waits && media.readyState < 3) parts.unshift("Waiting for data");
  else if (ahead >= 1) parts.unshift(time(ahead) + " ahead");
  return facts(parts);
}

function draw() {
  const [torrent, file] = whatPlays();
  if (!file) return;
  const { media } = now, known = media.duration > 0;
  drawStrip(byId("strip"), torrent, file, known ? media.currentTime / media.duration : null,
    known ? stored(media) : []);
  byId("next").hidden = !whatFollows();
  if (!media.error) say(byId("health"), describe(torrent, file, media));
}

export function drawStage(torrents) {
  latest = torrents;
  draw();
}

byId("close").addEventListener("click", close);
byId("next").addEventListener("click", playNext);
byId("strip").addEventListener("click", seekTo);
byId("copy").hidden = !navigator.clipboard;
byId("copy").addEventListener("click", () => copyAddress().catch(() => {}));
addEventListener("keydown", event => {
  if (event.key === "Escape" && !document.fullscreenElement && now) close();
});
