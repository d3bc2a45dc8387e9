// status: asks the server what goes on, once a second while somebody looks.

const VISIBLE = 1000, HIDDEN = 5000; // milliseconds between two questions

// "3#.2-": one character a cell, the whole map. See look() in piece_map.js for the characters.
function unpack(map) {
  return map.runs.replace(/(\d+)(\D)/g, (_, length, look) => look.repeat(Number(length)));
}

// Calls tell(status) with each answer, and tell(null) when there is none.
export function follow(tell) {
  let timer = 0;

  async function ask() {
    clearTimeout(timer);
    try {
      const answer = await fetch("status.json", { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      const status = await answer.json();
      for (const torrent of status.torrents)
        if (torrent.map) torrent.map.cells = unpack(torrent.map);
      tell(status);
    } catch {
      tell(null);
    }
    timer = setTimeout(ask, document.hidden ? HIDDEN : VISIBLE);
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  ask();
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

// "1.4 GiB": three digits that matter.
export function size(bytes) {
  let i = 0;
  while (bytes >= 1000 && i < UNITS.length - 1) { bytes /= 1024; i++; }
  const digits = i === 0 || bytes >= 100 ? 0 : bytes >= 10 ? 1 : 2;
  return bytes.toFixed(digits) + " " + UNITS[i];
}

export function rate(bytes) {
  return size(bytes) + "/s";
}

// Rounded down: 100 % is said only of what is complete.
export function percent(share) {
  return (Math.floor(share * 1000) / 10).toFixed(1) + " %";
}

// "4 min", "1 h 05 min": as exact as people want it.
export function time(seconds) {
  if (!(seconds < 360000)) return "over 4 days";
  const minutes = Math.round(seconds / 60), pad = n => String(n).padStart(2, "0");
  if (seconds < 100) return Math.round(seconds) + " s";
  if (minutes < 60) return minutes + " min";
  return Math.floor(minutes / 60) + " h " + pad(minutes % 60) + " min";
}

// "1.2 MiB/s · 3 peers", broken between two facts alone.
export function facts(parts) {
  return parts.map(part => part.replaceAll(" ", "\u00a0")).join(" · ");
}

export function count(n, what) {
  return n + " " + what + (n === 1 ? "" : "s");
}
