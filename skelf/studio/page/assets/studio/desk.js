// What one window shows: the recording, the frame, the marks, what is chosen. Player, timeline and map read it here
// and draw when it says so; whatever changes labels goes to the server through `act`.
import { reactive } from "vue";
import { lasting, beside } from "skelf-studio/chosen.js";

// What buttons show; Vue follows it.
export const view = reactive({
  playing: false, speed: 1, loop: false, follow: true, floor: true, trails: false, names: false, video: true,
});

// Read sixty times a second, so it is plain. `marks` is a stretch [start, end) or null; `chosen` is null or
// {kind: "label" | "suggestion", id, start, end, label}. `turn` counts what the person has chosen and marked.
export const desk = {
  recording: "", frames: 1, fps: 30, frame: 0, marks: null, chosen: null, scene: null, turn: 0,
  segments: [], suggestions: [], changes: [], classes: [], finished: false,
  cost: { player: 0, timeline: 0, drawn: 0 }, // milliseconds of the last drawings, for measurements
};

const SIGHT = 350; // milliseconds that a key may come after what it was meant for
const painters = new Map(), followers = new Set(), answers = new Map();
let dirty = true, send = () => {}, sent = 0, replaced = null;
let known = { heard: 0, suggestions: [] }; // what the server has said last

export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 8];

// A painter draws; it is called before the next picture of the screen when something has changed.
export function paints(name, painter) {
  painters.set(name, painter);
  return () => painters.delete(name);
}

// A follower is told at once of what has changed: "frame", "marks", "chosen", "picked", "labels", "recording", "view".
export function follows(follower) {
  followers.add(follower);
  return () => followers.delete(follower);
}

export function touch(what) {
  dirty = true;
  for (const follower of followers) follower(what);
}

export function connect(emit) { send = emit; }

// An action that the server does; it is told where the person is and what they have seen.
export function act(name, more = {}) {
  const { recording, frame, marks, turn } = desk;
  send({ name, recording, frame: Math.floor(frame), marks, chosen: seen(), under: under(), turn, serial: ++sent, ...more });
}

// What is chosen; for a moment still as it was before the model changed it.
function seen() {
  const late = replaced && replaced.now === desk.chosen && performance.now() - replaced.at < SIGHT;
  return late ? replaced.before : desk.chosen;
}

// The id of the label under the playhead.
function under() {
  const frame = Math.floor(desk.frame), here = desk.segments.filter((s) => s.start <= frame && frame < s.end);
  return (here.find((s) => s.kind === "is") ?? here[0])?.id ?? "";
}

// An action that answers the suggestion which is chosen, if one is: that goes and the next is chosen at once, so that
// the following key is for the next, however long the server takes.
export function answer(name, more = {}) {
  const one = desk.chosen;
  act(name, more);
  if (one?.kind === "suggestion") leave([one]);
}

// Takes suggestions away that were answered; those that come back before the server knows of it are left out.
export function leave(gone) {
  for (const s of gone) answers.set(s.id, sent);
  desk.suggestions = desk.suggestions.filter((s) => !answers.has(s.id));
  const one = desk.chosen;
  if (one?.kind === "suggestion" && answers.has(one.id)) go(beside(desk.suggestions, one, desk.frame, 1));
  touch("labels");
}

export function open(scene, frame = 0) {
  const other = scene.name !== desk.recording;
  Object.assign(desk, { scene, recording: scene.name, frames: scene.frames, fps: scene.fps });
  if (other) {
    Object.assign(desk, { marks: null, chosen: null, segments: [], suggestions: [], changes: [], finished: false });
    desk.turn++;
    answers.clear();
    known = { heard: known.heard, suggestions: [] };
    view.playing = false;
  }
  desk.frame = Math.max(0, Math.min(frame, scene.frames - 1));
  touch("recording");
}

// What is new of the labels, suggestions, change points and classes that the server has; what it does not name is as it
// said before. `heard` is the serial of the last action that it has done for this window.
export function show(news) {
  const before = desk.chosen;
  Object.assign(known, news);
  for (const [id, serial] of answers) if (serial <= known.heard) answers.delete(id);
  const { heard, suggestions, ...rest } = known;
  Object.assign(desk, rest, { suggestions: suggestions.filter((s) => !answers.has(s.id)) });
  if (before) {
    const now = desk.chosen = lasting(before, desk.segments, desk.suggestions);
    if (now?.kept) desk.suggestions = [...desk.suggestions, now];
    if (now && (now.start !== before.start || now.end !== before.end)) replaced = { before: seen(), now, at: performance.now() };
    else if (replaced?.now === before) replaced.now = now;
  }
  touch("labels");
}

export function seek(frame) {
  desk.frame = Math.max(0, Math.min(frame, desk.frames - 1));
  touch("frame");
}

export function choose(chosen) {
  if (chosen?.id !== desk.chosen?.id || chosen?.kind !== desk.chosen?.kind || (chosen && desk.marks)) desk.turn++;
  desk.chosen = chosen;
  if (desk.suggestions.some((s) => s.kept && s.id !== chosen?.id)) {
    desk.suggestions = desk.suggestions.filter((s) => !s.kept || s.id === chosen?.id);
    touch("labels");
  }
  if (chosen) desk.marks = null;
  touch("chosen");
}

// Chooses a label or a suggestion, and goes there.
export function pick(chosen) {
  choose(chosen);
  seek(chosen.start);
  touch("picked");
}

export function mark(marks) { // either something is marked, or something is chosen
  if (marks && desk.chosen) choose(null);
  desk.turn++;
  desk.marks = marks && { start: Math.max(0, Math.min(marks.start, marks.end)), end: Math.min(desk.frames, Math.max(marks.start, marks.end)) };
  touch("marks");
}

// The stretch that a loop repeats: the marks, what is chosen, or all of it.
export function stretch() {
  return desk.marks ?? desk.chosen ?? { start: 0, end: desk.frames };
}

export function set(name, value = !view[name]) {
  view[name] = value;
  touch("view");
}

export function faster(by) {
  const at = SPEEDS.indexOf(view.speed);
  set("speed", SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at + by))]);
}

export function play(on = !view.playing) {
  const { start, end } = view.loop ? stretch() : { start: 0, end: desk.frames };
  if (on && (desk.frame >= end - 1 || desk.frame < start)) seek(start);
  set("playing", on);
}

// The suggestion before or after the chosen one, or the playhead.
export function neighbour(by) {
  const one = desk.chosen?.kind === "suggestion" ? desk.chosen : null;
  if (desk.suggestions.length) go(beside(desk.suggestions, one, desk.frame, by));
}

function go(suggestion) {
  choose(suggestion && { ...suggestion, kind: "suggestion" });
  if (suggestion) seek(suggestion.start);
}

export function clockOf(frame, fps = desk.fps) {
  const seconds = frame / fps, h = Math.floor(seconds / 3600), m = Math.floor(seconds / 60) % 60;
  const s = (seconds % 60).toFixed(2).padStart(5, "0");
  return h ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
}

export function rangeOf({ start, end }) { return `${clockOf(start).slice(0, -1)} to ${clockOf(end).slice(0, -1)}`; }

export function percent(share) { return `${Math.round(100 * share)} %`; }

const BACKGROUND = "background"; // the class of what is not wanted

// The number of a class's colour; -1 is grey: no class, or that of the background.
export function colourNumber(label) {
  return label === BACKGROUND ? -1 : desk.classes.indexOf(label) % 12;
}

function advance(passed) {
  const { start, end } = view.loop ? stretch() : { start: 0, end: desk.frames };
  let frame = desk.frame + passed * desk.fps * view.speed;
  if (frame >= end) {
    if (view.loop) frame = start + ((frame - start) % Math.max(1, end - start));
    else {
      frame = end - 1;
      set("playing", false);
    }
  }
  desk.frame = Math.min(frame, desk.frames - 1);
  touch("frame");
}

let last = performance.now();
function tick(now) {
  const passed = Math.min((now - last) / 1000, 0.1);
  last = now;
  if (view.playing) advance(passed);
  if (dirty) {
    dirty = false;
    for (const [name, painter] of painters) {
      const began = performance.now();
      painter();
      desk.cost[name] = performance.now() - began;
    }
    desk.cost.drawn++;
  }
  requestAnimationFrame(tick);
}
requestAnimationFrame(tick);
globalThis.skelfStudio = { desk, view, seek, choose, mark, play, set, act, show }; // for tests, and for the curious
