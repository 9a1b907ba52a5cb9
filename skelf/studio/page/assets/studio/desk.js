// What one window shows: the recording, the frame, the marks, what is chosen. Player, timeline and map read it here
// and draw when it says so; whatever changes labels goes to the server through `act`.
import { reactive } from "vue";

// What buttons show; Vue follows it.
export const view = reactive({
  playing: false, speed: 1, loop: false, follow: true, floor: true, trails: false, names: false, video: true,
});

// Read sixty times a second, so it is plain. `marks` is a stretch [start, end) or null; `chosen` is null or
// {kind: "label" | "suggestion", id, start, end, label}.
export const desk = {
  recording: "", frames: 1, fps: 30, frame: 0, marks: null, chosen: null, scene: null,
  segments: [], suggestions: [], changes: [], classes: [], colours: {},
  cost: { player: 0, timeline: 0, drawn: 0 }, // milliseconds of the last drawings, for measurements
};

const painters = new Map(), followers = new Set();
let dirty = true, send = () => {};

export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 8];

// A painter draws; it is called before the next picture of the screen when something has changed.
export function paints(name, painter) {
  painters.set(name, painter);
  return () => painters.delete(name);
}

// A follower is told at once of what has changed: "frame", "marks", "chosen", "labels", "recording", "view".
export function follows(follower) {
  followers.add(follower);
  return () => followers.delete(follower);
}

export function touch(what) {
  dirty = true;
  for (const follower of followers) follower(what);
}

export function connect(emit) { send = emit; }

// An action that the server does; it is told where the person is.
export function act(name, more = {}) {
  const { recording, frame, marks, chosen } = desk;
  send({ name, recording, frame: Math.floor(frame), marks, chosen, ...more });
}

export function open(scene, frame = 0) {
  const other = scene.name !== desk.recording;
  Object.assign(desk, { scene, recording: scene.name, frames: scene.frames, fps: scene.fps });
  if (other) Object.assign(desk, { marks: null, chosen: null, segments: [], suggestions: [], changes: [] });
  if (other) view.playing = false;
  desk.frame = Math.max(0, Math.min(frame, scene.frames - 1));
  touch("recording");
}

// Labels, suggestions, change points and classes as the server has them now.
export function show(news) {
  Object.assign(desk, news);
  if (desk.chosen) choose(lasting(desk.chosen));
  touch("labels");
}

// What was chosen, as it is now; null where it is gone.
function lasting(chosen) {
  const among = chosen.kind === "label" ? desk.segments : desk.suggestions;
  const same = among.find((s) => s.id === chosen.id)
    ?? (chosen.kind === "label" ? null : among.find((s) => s.label === chosen.label && s.start < chosen.end && s.end > chosen.start));
  return same ? { ...same, kind: chosen.kind } : null;
}

export function seek(frame) {
  desk.frame = Math.max(0, Math.min(frame, desk.frames - 1));
  touch("frame");
}

export function choose(chosen) {
  desk.chosen = chosen;
  if (chosen) desk.marks = null;
  touch("chosen");
}

export function mark(marks) { // either something is marked, or something is chosen
  if (marks && desk.chosen) choose(null);
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

// Suggestions by time, or by how sure the model is of them, one after the other.
export function neighbour(by) {
  const list = [...desk.suggestions].sort((a, b) => a.start - b.start);
  if (!list.length) return;
  const at = desk.chosen?.kind === "suggestion" ? list.findIndex((s) => s.id === desk.chosen.id) : -1;
  const from = at >= 0 ? at + by : by > 0 ? list.findIndex((s) => s.end > desk.frame) : list.findLastIndex((s) => s.start < desk.frame);
  const next = list[(Math.max(from, by > 0 && from < 0 ? 0 : from) + list.length) % list.length];
  choose({ ...next, kind: "suggestion" });
  seek(next.start);
}

export function clockOf(frame, fps = desk.fps) {
  const seconds = frame / fps, h = Math.floor(seconds / 3600), m = Math.floor(seconds / 60) % 60;
  const s = (seconds % 60).toFixed(2).padStart(5, "0");
  return h ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
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
globalThis.skelfStudio = { desk, view, seek, choose, mark, play, set, act }; // for tests, and for the curious
