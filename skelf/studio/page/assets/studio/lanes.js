// The lanes of the timeline: where each thing stands, and its drawing. From the top: time, labels, change points, what
// the model says (the surer the fuller), and the whole recording in small.
import { clockOf, colourNumber } from "skelf-studio/desk.js";

const RULER = 24, LABEL = 24, GUESS = 20, CHANGES = 12, WHOLE = 18, GAP = 5, MOST = 5; // CSS pixels; rows at most

// Segments in rows, so that none covers another; row numbers are written into the map.
function rows(segments) {
  const ends = [], row = new Map();
  for (const s of [...segments].sort((a, b) => a.start - b.start || b.end - a.end)) {
    let r = ends.findIndex((end) => end <= s.start);
    if (r < 0) r = ends.length < MOST ? ends.push(0) - 1 : 0;
    ends[r] = Math.max(ends[r], s.end);
    row.set(s.id, r);
  }
  return { row, count: Math.max(1, ends.length) };
}

// Tops and heights of the lanes, and the rows of labels and suggestions.
export function layout(desk) {
  const labels = rows(desk.segments), guesses = rows(desk.suggestions);
  let y = RULER + GAP;
  const lane = (height) => {
    const here = { y, height };
    y += height + GAP;
    return here;
  };
  const places = {
    ruler: { y: 0, height: RULER }, labels: { ...lane(labels.count * LABEL), ...labels, high: LABEL },
    changes: lane(CHANGES), guesses: { ...lane(guesses.count * GUESS), ...guesses, high: GUESS }, whole: lane(WHOLE),
  };
  return { ...places, height: y };
}

// Where a segment stands; the hands look with the same eyes.
export function box(lane, segment, span, width) {
  const scale = width / (span.to - span.from), x = (segment.start - span.from) * scale;
  const y = lane.y + lane.row.get(segment.id) * lane.high;
  return { x, y: y + 1, width: Math.max(2, (segment.end - segment.start) * scale), height: lane.high - 2 };
}

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

function drawRuler(pen, places, desk, span, width, colours) {
  const scale = width / (span.to - span.from), fps = desk.fps;
  const step = STEPS.find((s) => s * fps * scale >= 76) ?? 14400, every = step * fps;
  pen.fillStyle = colours.soft;
  pen.strokeStyle = colours.rule;
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "middle";
  pen.lineWidth = 1;
  pen.beginPath();
  if (scale >= 5) { // single frames
    for (let f = Math.ceil(span.from); f <= span.to; f++) tick(pen, (f - span.from) * scale, RULER - 4, RULER);
  }
  for (let k = Math.ceil(span.from / every); k * every <= span.to; k++) {
    const x = (k * every - span.from) * scale;
    tick(pen, x, RULER - 9, RULER);
    const text = step < 1 ? clockOf(k * every, fps) : clockOf(k * every, fps).slice(0, -3);
    if (x + 4 + 6.5 * text.length < width) pen.fillText(text, x + 4, 9);
  }
  tick(pen, 0, RULER - 0.5, RULER - 0.5, width);
  pen.stroke();
}

function tick(pen, x, from, to, x2 = x) {
  pen.moveTo(Math.round(x) + 0.5, from);
  pen.lineTo(Math.round(x2) + 0.5, to);
}

const inks = new Map();
// Black or white, whichever is read more easily on a colour "#rrggbb".
function inkOn(colour) {
  if (!inks.has(colour)) {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16) / 255);
    const line = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    inks.set(colour, 0.2126 * line(r) + 0.7152 * line(g) + 0.0722 * line(b) > 0.3 ? "#10151a" : "#ffffff");
  }
  return inks.get(colour);
}

export function colourOf(label, colours) {
  const number = colourNumber(label);
  return number < 0 ? colours.soft : colours.classes[number];
}

function write(pen, text, x, y, wide, colour) {
  if (wide < 30) return;
  pen.save();
  pen.beginPath();
  pen.rect(x, y - 12, wide - 4, 24);
  pen.clip();
  pen.fillStyle = colour;
  pen.fillText(text, x + 6, y + 0.5);
  pen.restore();
}

function drawLabel(pen, desk, lane, segment, span, width, colours, chosen) {
  const b = box(lane, segment, span, width);
  if (b.x > width || b.x + b.width < 0) return;
  const colour = colourOf(segment.label, colours), x = Math.max(b.x, -10), wide = Math.min(b.x + b.width, width + 10) - x;
  pen.beginPath();
  pen.roundRect(x, b.y, wide, b.height, Math.min(4, wide / 2));
  if (segment.kind === "not") { // what it is not: an outline only
    pen.strokeStyle = colour;
    pen.lineWidth = 1;
    pen.setLineDash([3, 3]);
    pen.stroke();
    pen.setLineDash([]);
    write(pen, `not ${segment.label}`, Math.max(b.x, 0), b.y + b.height / 2, wide + Math.min(b.x, 0), colours.soft);
  } else {
    pen.fillStyle = colour;
    pen.fill();
    write(pen, segment.label, Math.max(b.x, 0), b.y + b.height / 2, wide, inkOn(colour));
  }
  if (chosen) ring(pen, x, b, wide, colours);
}

function drawGuess(pen, desk, lane, guess, span, width, colours, chosen) {
  const b = box(lane, guess, span, width);
  if (b.x > width || b.x + b.width < 0) return;
  const colour = colourOf(guess.label, colours), x = Math.max(b.x, -10), wide = Math.min(b.x + b.width, width + 10) - x;
  pen.beginPath();
  pen.roundRect(x, b.y, wide, b.height, Math.min(4, wide / 2));
  pen.globalAlpha = 0.08 + 0.72 * guess.probability ** 1.5;
  pen.fillStyle = colour;
  pen.fill();
  pen.globalAlpha = 1;
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.stroke();
  const ink = guess.probability > 0.85 ? inkOn(colour) : colours.ink;
  write(pen, `${guess.label} ${Math.round(100 * guess.probability)} %`, Math.max(b.x, 0), b.y + b.height / 2, wide, ink);
  if (chosen) ring(pen, x, b, wide, colours);
}

function ring(pen, x, b, wide, colours) {
  pen.strokeStyle = colours.card;
  pen.lineWidth = 4;
  pen.beginPath();
  pen.roundRect(x, b.y, wide, b.height, 4);
  pen.stroke();
  pen.strokeStyle = colours.ink;
  pen.lineWidth = 2;
  pen.stroke();
}

function drawChanges(pen, places, desk, span, width, colours) {
  const scale = width / (span.to - span.from), { y, height } = places.changes;
  pen.strokeStyle = colours.soft;
  pen.lineWidth = 1;
  pen.beginPath();
  let last = -9;
  for (const frame of desk.changes) {
    const x = (frame - span.from) * scale;
    if (x < 0 || x > width || x - last < 2) continue;
    last = x;
    tick(pen, x, y + 2, y + height - 2);
  }
  pen.stroke();
}

function drawWhole(pen, places, desk, span, width, colours) {
  const { y, height } = places.whole, scale = width / desk.frames;
  pen.fillStyle = colours.line;
  pen.beginPath();
  pen.roundRect(0, y, width, height, 3);
  pen.fill();
  for (const [list, top, high, alpha] of [[desk.segments, 2, 8, 1], [desk.suggestions, 11, 5, 0.55]]) {
    pen.globalAlpha = alpha;
    for (const s of list) {
      if (s.kind === "not") continue;
      pen.fillStyle = colourOf(s.label, colours);
      pen.fillRect(s.start * scale, y + top, Math.max(1, (s.end - s.start) * scale), high);
    }
  }
  pen.globalAlpha = 1;
  pen.fillStyle = colours.accent;
  pen.fillRect(desk.frame * scale - 0.75, y, 1.5, height);
  const x = span.from * scale, wide = Math.max(6, (span.to - span.from) * scale);
  if (wide < width - 1) {
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.roundRect(Math.max(0.75, x), y + 0.75, Math.min(wide, width - 1.5), height - 1.5, 3);
    pen.stroke();
  }
}

function drawMarks(pen, places, desk, marks, span, width, colours) {
  if (!marks) return;
  const scale = width / (span.to - span.from), x = (marks.start - span.from) * scale, wide = (marks.end - marks.start) * scale;
  pen.fillStyle = colours.accent;
  pen.globalAlpha = 0.18;
  pen.fillRect(x, 0, wide, places.whole.y - GAP);
  pen.globalAlpha = 1;
  pen.fillRect(x - 1, 0, 2, places.whole.y - GAP);
  pen.fillRect(x + wide - 1, 0, 2, places.whole.y - GAP);
}

function drawHead(pen, places, desk, span, width, colours) {
  const scale = width / (span.to - span.from), left = (Math.floor(desk.frame) - span.from) * scale;
  if (scale >= 5) { // the frame that is shown has a width
    pen.fillStyle = colours.accent;
    pen.globalAlpha = 0.15;
    pen.fillRect(left, RULER, scale, places.whole.y - GAP - RULER);
    pen.globalAlpha = 1;
  }
  const x = (desk.frame - span.from) * scale;
  pen.fillStyle = colours.accent;
  pen.fillRect(x - 0.75, RULER - 8, 1.5, places.whole.y - GAP - RULER + 8);
  pen.beginPath();
  pen.moveTo(x - 6, RULER - 13);
  pen.lineTo(x + 6, RULER - 13);
  pen.lineTo(x, RULER - 4);
  pen.fill();
}

// All of it. `held` is a segment as a drag would leave it.
export function draw(pen, places, desk, span, width, colours, held) {
  const chosen = desk.chosen, is = (kind, s) => chosen && chosen.kind === kind && chosen.id === s.id;
  pen.fillStyle = colours.line;
  pen.globalAlpha = 0.45;
  for (const lane of [places.labels, places.guesses]) {
    pen.beginPath();
    pen.roundRect(0, lane.y, width, lane.height, 4);
    pen.fill();
  }
  pen.globalAlpha = 1;
  drawRuler(pen, places, desk, span, width, colours);
  pen.font = "12px system-ui, sans-serif";
  for (const s of desk.segments) if (s.id !== held?.of?.id && s.kind === "not") drawLabel(pen, desk, places.labels, s, span, width, colours, is("label", s));
  for (const s of desk.segments) if (s.id !== held?.of?.id && s.kind !== "not") drawLabel(pen, desk, places.labels, s, span, width, colours, is("label", s));
  pen.font = "11px system-ui, sans-serif";
  for (const s of desk.suggestions) drawGuess(pen, desk, places.guesses, s, span, width, colours, is("suggestion", s));
  pen.font = "12px system-ui, sans-serif";
  if (held?.of) drawLabel(pen, desk, places.labels, { ...held.of, start: held.start, end: held.end }, span, width, colours, true);
  drawChanges(pen, places, desk, span, width, colours);
  drawMarks(pen, places, desk, held && !held.of ? held : desk.marks, span, width, colours);
  drawWhole(pen, places, desk, span, width, colours);
  drawHead(pen, places, desk, span, width, colours);
}
