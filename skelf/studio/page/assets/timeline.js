// The timeline: what is labelled, what the model says, and the hands and keys that change it.
import * as desks from "skelf-studio/desk.js";
import { desk, view, touch, seek, choose, mark, act, clockOf } from "skelf-studio/desk.js";
import { layout, box, draw } from "skelf-studio/lanes.js";
import { colours, sharp } from "skelf-studio/figure.js";

const EDGE = 6, FINGER = 14, SNAP = 7, NARROWEST = 12; // CSS pixels; frames
const ANSWERS = ["accept", "refuse", "label", "background"]; // to the suggestion that is chosen, if one is
const PATIENCE = 5000; // milliseconds that what is typed waits for the field that it is for

export default {
  template: `
    <div class="timeline">
      <canvas ref="canvas" tabindex="0" role="application" aria-roledescription="timeline" data-part="timeline"
        aria-label="Timeline of labels and suggestions. Press question mark for the keys."></canvas>
      <div class="lane-names" aria-hidden="true"><span v-for="[name, y] in names" :style="{ top: y + 'px' }">{{ name }}</span></div>
      <div class="hint" ref="hint" hidden></div>
      <div class="unseen" aria-live="polite" ref="live"></div>
    </div>`,
  props: { keys: Array },
  emits: ["act"],
  data: () => ({ names: [] }),
  methods: {
    // Called by the server.
    open(scene, frame) { desks.open(scene, frame); },
    show(news) { if (news.recording === desk.recording) desks.show(news); },
    // Where `turn` is not the window's any more the person has gone on meanwhile; then what they chose stays. -1: always.
    mark(marks, turn) {
      if (turn >= 0 && turn !== desk.turn) return;
      choose(null);
      mark(marks);
      this.reveal(marks.start, marks.end);
    },
    pick(id, turn) {
      const found = desk.segments.find((s) => s.id === id);
      if (found && turn === desk.turn) desks.pick({ ...found, kind: "label" });
    },
    seek(frame) { seek(frame); },
    run(action, detail) { this.local(action, detail); },

    // Frames at a place of the canvas, and back.
    at(x) { return this.span.from + (x / this.width) * (this.span.to - this.span.from); },
    pixels(frames) { return (frames * this.width) / (this.span.to - this.span.from); },
    place(e) {
      const r = this.$refs.canvas.getBoundingClientRect();
      return [e.clientX - r.left, e.clientY - r.top];
    },
    setSpan(from, to) {
      const wide = Math.max(NARROWEST, Math.min(to - from, desk.frames)), room = Math.max(0, desk.frames - wide);
      const start = Math.max(0, Math.min(from, room));
      this.span = { from: start, to: start + wide };
      touch("span");
    },
    zoom(by, x = this.pixels(desk.frame - this.span.from)) {
      const centre = this.at(Math.max(0, Math.min(x, this.width))), { from, to } = this.span;
      this.setSpan(centre - (centre - from) * by, centre + (to - centre) * by);
    },
    fit() { this.setSpan(0, desk.frames); },
    reveal(start, end) {
      const { from, to } = this.span, wide = to - from;
      if (start >= from && end <= to && end - start > wide / 60) return;
      const wanted = Math.min(Math.max((end - start) * 4, Math.min(wide, desk.fps * 30)), wide);
      this.setSpan((start + end) / 2 - wanted / 2, (start + end) / 2 + wanted / 2);
    },

    paint() {
      if (this.stale) {
        this.places = layout(desk);
        this.$refs.canvas.style.height = `${this.places.height}px`;
        const { labels, changes, guesses } = this.places;
        const names = [["labels", labels.y + 2], ["changes", changes.y - 4], ["model", guesses.y]];
        if (String(names) !== String(this.names)) this.names = names;
        this.stale = false;
      }
      const paper = sharp(this.$refs.canvas);
      if (!paper) return;
      this.width = paper.width;
      if (view.playing && !this.hold && (desk.frame > this.span.to || desk.frame < this.span.from)) {
        const wide = this.span.to - this.span.from;
        this.setSpan(desk.frame - 0.05 * wide, desk.frame + 0.95 * wide);
      }
      draw(paper.pen, this.places, desk, this.span, paper.width, this.colours, this.hold?.ghost);
    },

    // What lies under a place: a label, a suggestion or an edge of a label.
    under(x, y, slack) {
      const { labels, guesses } = this.places;
      for (const [kind, lane, list] of [["label", labels, desk.segments], ["suggestion", guesses, desk.suggestions]]) {
        if (y < lane.y || y >= lane.y + lane.height) continue;
        const order = [...list].sort((a, b) => (a.kind === "not") - (b.kind === "not") || (b.id === desk.chosen?.id) - (a.id === desk.chosen?.id));
        for (const s of order) {
          const b = box(lane, s, this.span, this.width), edge = Math.min(slack, b.width / 3);
          if (y < b.y || y > b.y + b.height || x < b.x - 2 || x > b.x + b.width + 2) continue;
          const part = x < b.x + edge ? "start" : x > b.x + b.width - edge ? "end" : "middle";
          return { kind, segment: s, part };
        }
      }
      return null;
    },
    // The nearest change point, edge or the playhead, if one is near; Alt: no snapping.
    snap(frame, except, loose) {
      const whole = Math.max(0, Math.min(desk.frames, Math.round(frame)));
      if (loose) return whole;
      const near = this.at(SNAP) - this.at(0);
      let best = whole, off = near;
      const look = (f) => { if (Math.abs(f - frame) < off) [best, off] = [f, Math.abs(f - frame)]; };
      for (const s of desk.segments) if (s.id !== except) { look(s.start); look(s.end); }
      for (const s of desk.suggestions) { look(s.start); look(s.end); }
      for (const f of desk.changes) look(f);
      look(Math.floor(desk.frame));
      return best;
    },

    down(e) {
      if (e.button > 1) return;
      const [x, y] = this.place(e), canvas = this.$refs.canvas, finger = e.pointerType === "touch";
      canvas.setPointerCapture(e.pointerId);
      this.fingers.set(e.pointerId, x);
      if (this.fingers.size === 2) {
        this.hold = { what: "pinch" };
        return;
      }
      const hit = this.under(x, y, finger ? FINGER : EDGE), { ruler, whole } = this.places;
      this.hold = { x, from: this.at(x), span: { ...this.span }, moved: false, hit, finger };
      if (y < ruler.height + 3 || e.button === 1) this.hold.what = e.button === 1 ? "pan" : "scrub";
      else if (y >= whole.y) this.hold.what = "whole";
      else if (finger && !(hit && hit.segment.id === desk.chosen?.id)) this.hold.what = "pan";
      else if (hit?.kind === "label" && hit.segment.kind !== "not") this.hold.what = hit.part === "middle" ? "move" : "resize";
      else if (hit) this.hold.what = "pick";
      else this.hold.what = "make";
      if (hit && this.hold.what !== "pan") choose({ ...hit.segment, kind: hit.kind });
      this.drag(x, e);
    },
    drag(x, e) {
      const { hold } = this;
      if (hold.what !== "pinch" && Math.abs(x - hold.x) > (hold.finger ? 8 : 3)) hold.moved = true;
      const frame = this.at(x), s = hold.hit?.segment;
      if (hold.what === "scrub") seek(Math.round(frame));
      else if (hold.what === "whole") {
        const centre = (x / this.width) * desk.frames, half = (this.span.to - this.span.from) / 2;
        if (half * 2 >= desk.frames - 1) seek(centre);
        else this.setSpan(centre - half, centre + half);
      } else if (!hold.moved) return;
      else if (hold.what === "pan") {
        const by = (hold.span.to - hold.span.from) * ((hold.x - x) / this.width);
        this.setSpan(hold.span.from + by, hold.span.to + by);
      } else if (hold.what === "make") {
        const a = this.snap(hold.from, null, e.altKey), b = this.snap(frame, null, e.altKey);
        hold.ghost = { start: Math.min(a, b), end: Math.max(a, b) };
      } else if (hold.what === "move") {
        const long = s.end - s.start, wish = s.start + frame - hold.from;
        let start = this.snap(wish, s.id, e.altKey);
        if (start === Math.round(wish)) start = this.snap(wish + long, s.id, e.altKey) - long;
        start = Math.max(0, Math.min(start, desk.frames - long));
        hold.ghost = { of: s, start, end: start + long };
      } else if (hold.what === "resize") {
        const to = this.snap(frame, s.id, e.altKey);
        hold.ghost = hold.hit.part === "start"
          ? { of: s, start: Math.min(to, s.end - 1), end: s.end } : { of: s, start: s.start, end: Math.max(to, s.start + 1) };
      }
      touch("hold");
    },
    up() {
      const { hold } = this, ghost = hold?.ghost;
      this.hold = null;
      if (!hold || hold.what === "pinch") return;
      if (ghost?.of) act("resize", { id: ghost.of.id, ...(hold.what === "move" ? { start: ghost.start, end: ghost.end } : { [hold.hit.part]: ghost[hold.hit.part] }) });
      else if (ghost) {
        if (ghost.end > ghost.start) {
          choose(null);
          mark(ghost);
          seek(ghost.start);
        }
      } else if (!hold.moved && ["make", "pan"].includes(hold.what)) {
        if (hold.hit) choose({ ...hold.hit.segment, kind: hold.hit.kind });
        else { choose(null); mark(null); }
        seek(Math.floor(hold.from));
      }
      touch("hold");
    },
    move(e) {
      const [x, y] = this.place(e), { fingers } = this;
      if (fingers.has(e.pointerId)) {
        if (fingers.size === 2) {
          const [a, b] = fingers.values(), before = Math.abs(a - b);
          fingers.set(e.pointerId, x);
          const [c, d] = fingers.values(), now = Math.abs(c - d);
          if (before > 5 && now > 5) this.zoom(before / now, (c + d) / 2);
        } else if (this.hold) this.drag(x, e);
        return;
      }
      const hit = this.under(x, y, EDGE), canvas = this.$refs.canvas;
      canvas.style.cursor = y < this.places.ruler.height ? "col-resize" : !hit ? "crosshair"
        : hit.kind === "label" && hit.part !== "middle" ? "ew-resize" : "pointer";
      this.tell(hit, x, y);
    },
    tell(hit, x, y) {
      const { hint } = this.$refs;
      hint.hidden = !hit;
      if (!hit) return;
      const s = hit.segment, name = s.kind === "not" ? `not ${s.label}` : s.label;
      const sure = hit.kind === "suggestion" ? ` · ${Math.round(100 * s.probability)} %` : "";
      hint.textContent = `${name}${sure} · ${clockOf(s.start)} to ${clockOf(s.end)} · ${s.end - s.start} frames`;
      hint.style.left = `${Math.max(0, Math.min(x, this.width - hint.offsetWidth))}px`;
      hint.style.top = `${y - 34}px`;
    },

    // A key: what the window can do it does, the server does the rest.
    key(e) {
      const on = e.target;
      if (this.early && this.keeps(e)) return;
      if (e.defaultPrevented || on.closest?.("input, textarea, select, [contenteditable], [role=dialog], .q-menu")) return;
      const name = keyName(e), found = this.keys.find((k) => k.keys.includes(name));
      if (!found || (["Space", "Enter"].includes(name) && on.closest?.("button, a, [role=tab], [role=button]"))) return;
      if (e.repeat && !found.repeats) return;
      e.preventDefault();
      if (found.action === "new_class") this.early = { until: performance.now() + PATIENCE, text: "" };
      this.local(found.action, found.detail);
    },
    // What is typed before the field is there that it is for.
    keeps(e) {
      const { early } = this;
      if (performance.now() > early.until || e.key === "Escape" || e.target.matches?.("input")) this.early = null;
      else if (e.key === "Enter") early.ended = true;
      else if (e.key === "Backspace") early.text = early.text.slice(0, -1);
      else if (e.key.length === 1 && !early.ended) early.text += e.key;
      if (this.early) e.preventDefault();
      return !!this.early;
    },
    pour(field) {
      const { text, ended } = this.early;
      this.early = null;
      field.value += text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      if (ended) field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    },
    local(action, detail) {
      const own = this.actions[action];
      if (own) own(detail);
      else (ANSWERS.includes(action) ? desks.answer : act)(action, this.asSeen(action, detail));
    },
    // What an action means on this page: another window may have finished the recording, or changed the classes' order.
    asSeen(action, detail) {
      if (action === "finish") return { done: !desk.finished };
      const name = desk.classes[detail?.number];
      return name ? { label: name } : detail ?? {};
    },
    speak() {
      const s = desk.chosen;
      if (!s) return;
      const sure = s.kind === "suggestion" ? `suggested, ${Math.round(100 * s.probability)} percent` : "label";
      this.$refs.live.textContent = `${s.label}, ${sure}, ${clockOf(s.start)} to ${clockOf(s.end)}`;
    },
    labels(by) {
      const list = [...desk.segments].sort((a, b) => a.start - b.start);
      if (!list.length) return;
      const at = list.findIndex((s) => s.id === desk.chosen?.id);
      const from = at >= 0 ? at + by : by > 0 ? list.findIndex((s) => s.end > desk.frame) : list.findLastIndex((s) => s.start < desk.frame);
      desks.pick({ ...list[(from + list.length) % list.length], kind: "label" });
    },
    // Sets one end of what is chosen, or of the marks, to the playhead.
    setEnd(part) {
      const frame = Math.floor(desk.frame), at = part === "start" ? frame : frame + 1, s = desk.chosen;
      if (s?.kind === "label") return act("resize", { id: s.id, [part]: at });
      const now = desk.marks ?? { start: at, end: part === "start" ? Math.min(desk.frames, at + Math.round(desk.fps)) : at };
      const next = { ...now, [part]: at };
      if (part === "end" && !desk.marks) next.start = Math.max(0, at - Math.round(desk.fps));
      if (s) choose(null);
      mark(next.end > next.start ? next : { start: at, end: at + 1 });
    },
    nudge(by) {
      const s = desk.chosen;
      if (s?.kind === "label") act("move", { id: s.id, by });
      else if (desk.marks) mark({ start: desk.marks.start + by, end: desk.marks.end + by });
    },
  },
  mounted() {
    desks.connect((message) => this.$emit("act", message));
    Object.assign(this, { span: { from: 0, to: 1 }, width: 1, hold: null, fingers: new Map(), stale: true, early: null, colours: colours() });
    const stage = (name, detail) => document.querySelector("[data-part=stage]")?.dispatchEvent(new CustomEvent(name, { detail }));
    const walk = (frames) => {
      desks.set("playing", false);
      seek(Math.floor(desk.frame) + frames);
    };
    this.actions = {
      play: () => desks.play(), frame: walk, second: (by) => walk(Math.round(by * desk.fps)),
      first: () => walk(-desk.frames), last: () => walk(desk.frames), speed: (by) => desks.faster(by), set: (name) => desks.set(name),
      turn: (by) => stage("studio:turn", by), camera: () => stage("studio:reset"), zoom: (by) => this.zoom(by), fit: () => this.fit(),
      suggestion: (by) => desks.neighbour(by), label_at: (by) => this.labels(by), set_start: () => this.setEnd("start"),
      set_end: () => this.setEnd("end"), nudge: (by) => this.nudge(by),
      clear: () => { choose(null); mark(null); },
      show_loop: () => { desks.set("loop", true); desks.play(true); },
    };
    const { canvas } = this.$refs;
    canvas.addEventListener("pointerdown", (e) => this.down(e));
    canvas.addEventListener("pointermove", (e) => this.move(e));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (e) => {
        this.fingers.delete(e.pointerId);
        if (!this.fingers.size) this.up();
      });
    }
    canvas.addEventListener("pointerleave", () => { this.$refs.hint.hidden = true; });
    canvas.addEventListener("dblclick", (e) => {
      const [x, y] = this.place(e), hit = this.under(x, y, EDGE);
      if (hit?.kind === "suggestion") this.local("accept");
      else if (!hit && y > this.places.labels.y && y < this.places.whole.y) act("grow", { frame: Math.floor(this.at(x)) });
    });
    canvas.addEventListener("wheel", (e) => {
      e.preventDefault();
      const wide = this.span.to - this.span.from;
      if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) {
        const by = ((e.deltaX || e.deltaY) / this.width) * wide;
        this.setSpan(this.span.from + by, this.span.to + by);
      } else this.zoom(Math.exp(e.deltaY / 400), this.place(e)[0]);
    }, { passive: false });
    this.onKey = (e) => this.key(e);
    window.addEventListener("keydown", this.onKey);
    this.onClick = (e) => { // of a button that does what a key does
      const button = e.target.closest?.("[data-act]");
      if (button) this.local(button.dataset.act, button.dataset.detail && JSON.parse(button.dataset.detail));
    };
    document.addEventListener("click", this.onClick);
    // A button that is clicked does not take the keys: Space plays and Enter accepts after it as before it.
    this.onPress = (e) => {
      const button = e.target.closest?.("button");
      if (!button || button.closest("[role=dialog], .q-menu")) return;
      e.preventDefault();
      document.activeElement?.blur();
    };
    document.addEventListener("mousedown", this.onPress);
    this.onFocus = (e) => { if (this.early && e.target.matches("[role=dialog] input")) this.pour(e.target); };
    document.addEventListener("focusin", this.onFocus);
    this.dark = () => { this.colours = colours(); touch("view"); };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.dark);
    this.size = new ResizeObserver(() => touch("view"));
    this.size.observe(canvas);
    this.ends = [desks.paints("timeline", () => this.paint()), desks.follows((what) => {
      if (what === "recording" || what === "labels") this.stale = true;
      if (what === "recording") this.fit();
      if (what === "frame" && !view.playing && !this.hold && (desk.frame < this.span.from || desk.frame > this.span.to)) this.reveal(desk.frame, desk.frame + 1);
      if (what === "picked") this.reveal(desk.chosen.start, desk.chosen.end);
      if (what === "chosen") this.speak();
    })];
    this.$emit("act", { name: "ready" });
  },
  unmounted() {
    this.ends.forEach((end) => end());
    this.size.disconnect();
    window.removeEventListener("keydown", this.onKey);
    document.removeEventListener("click", this.onClick);
    document.removeEventListener("mousedown", this.onPress);
    document.removeEventListener("focusin", this.onFocus);
  },
};

// "Ctrl+Shift+Z", "Space", "?": as the table of keys writes it.
function keyName(e) {
  const plain = e.key === " " ? "Space" : e.key.length === 1 ? e.key.toUpperCase() : e.key;
  const sign = e.key.length === 1 && !/[a-z0-9 ]/i.test(e.key); // the sign says by itself that Shift was down
  return `${e.ctrlKey || e.metaKey ? "Ctrl+" : ""}${e.altKey ? "Alt+" : ""}${e.shiftKey && !sign ? "Shift+" : ""}${plain}`;
}
