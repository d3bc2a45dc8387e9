// piece_map: pieces as coloured cells on a canvas. A grid shows a whole torrent, a strip one file with
// its playhead. Colours are those of the style sheet, so that both follow the colour scheme.

const NAMES = {
  "#": "have", "+": "part", "-": "active", "~": "hashing", ".": "missing",
};
const TALLEST = 160, SMALLEST = 4, LARGEST = 14, GAP = 1; // of a grid, in CSS pixels

function colours() {
  const style = getComputedStyle(document.documentElement);
  const all = { reader: style.getPropertyValue("--reader") };
  for (const name of Object.values(NAMES)) all[name] = style.getPropertyValue("--" + name);
  return all;
}

// The canvas's context in CSS pixels, sharp on every screen, cleared.
function begin(canvas, height) {
  const width = canvas.clientWidth, scale = devicePixelRatio || 1;
  canvas.style.height = height + "px";
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  return [context, width];
}

// Several cells as one.
function mix(cells, from, end) {
  const part = cells.slice(from, Math.max(end, from + 1));
  for (const look of "-~") if (part.includes(look)) return look;
  if (!/[^#]/.test(part)) return "#";
  return /[#+]/.test(part) ? "+" : ".";
}

// The largest squares that fit; when even the smallest do not, several pieces share one.
function layout(cells, width) {
  for (let side = LARGEST; side >= SMALLEST; side--) {
    const columns = Math.max(1, Math.floor(width / (side + GAP)));
    const rows = Math.ceil(cells / columns);
    if (rows * (side + GAP) <= TALLEST) return { side, columns, shown: cells };
  }
  const columns = Math.max(1, Math.floor(width / (SMALLEST + GAP)));
  return { side: SMALLEST, columns, shown: columns * Math.floor(TALLEST / (SMALLEST + GAP)) };
}

// In words, for those who do not see it.
function describe(torrent) {
  let here = 0, coming = 0;
  for (const look of torrent.map.cells) {
    if (look === "#") here++;
    else if (look === "-" || look === "~") coming++;
  }
  const all = torrent.map.cells.length;
  return `Piece map: ${here} of ${all} here, ${coming} on their way.`;
}

export function drawGrid(canvas, torrent) {
  const cells = torrent.map.cells, colour = colours();
  const { side, columns, shown } = layout(cells.length, canvas.clientWidth);
  const step = side + GAP, rows = Math.ceil(shown / columns);
  const [context] = begin(canvas, rows * step);
  for (let i = 0; i < shown; i++) {
    const look = mix(cells, Math.floor(i * cells.length / shown),
      Math.floor((i + 1) * cells.length / shown));
    context.fillStyle = colour[NAMES[look]];
    context.fillRect(i % columns * step, Math.floor(i / columns) * step, side, side);
  }
  context.strokeStyle = colour.reader;
  context.lineWidth = 2;
  for (const reader of torrent.readers) {
    const cell = Math.floor(reader.first_piece / torrent.map.pieces * shown);
    context.strokeRect(cell % columns * step, Math.floor(cell / columns) * step, side, side);
  }
  canvas.setAttribute("aria-label", describe(torrent));
}

// One file from left to right. `playhead` is a share of it, or null; `ahead` are shares [from, to] that
// the player itself has in store.
export function drawStrip(canvas, torrent, file, playhead, ahead) {
  const [context, width] = begin(canvas, 22), colour = colours();
  const per = torrent.map.pieces_per_cell, cells = torrent.map.cells;
  const first = file.first_piece / per, length = Math.max(file.piece_count, 1) / per;
  for (let x = 0; x < width; x++) {
    const look = mix(cells, Math.floor(first + x / width * length),
      Math.floor(first + (x + 1) / width * length));
    context.fillStyle = colour[NAMES[look]];
    context.fillRect(x, 0, 1, 16);
  }
  context.fillStyle = colour.reader;
  for (const [from, to] of ahead) context.fillRect(from * width, 18, (to - from) * width, 3);
  if (playhead !== null) context.fillRect(Math.min(playhead * width, width - 3), 0, 3, 22);
  canvas.setAttribute("aria-label", "Pieces of " + file.path + ". " + describe(torrent));
}
