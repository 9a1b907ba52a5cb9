// The map: every stretch of the recordings is a point; the one pointed at moves beside it.
import { follows, paints, touch } from "skelf-studio/desk.js";
import * as figure from "skelf-studio/figure.js";

const NEAR = 14; // CSS pixels within which a point is meant

export default {
  template: `
    <div class="plane">
      <canvas ref="canvas" tabindex="0" role="application" data-part="plane"
        aria-label="Map of all stretches. Arrow keys go from point to point, Enter opens one."></canvas>
      <div class="peek" v-show="peeks"><canvas ref="peek" aria-hidden="true"></canvas><span ref="said" aria-live="polite"></span></div>
    </div>`,
  props: { joints: String, scene: String },
  emits: ["go"],
  data: () => ({ peeks: false }),
  methods: {
    // Called by the server: points [recording, start, end, x, y, colour, words], and the names of the recordings.
    show(points) {
      this.points = points.map(([recording, start, end, x, y, colour, words]) => ({ recording, start, end, x, y, colour, words }));
      this.at = null;
      this.peeks = false;
      touch("plane");
    },
    spot(p) {
      const side = 14, { width, height } = this.size;
      return [side + p.x * (width - 2 * side), height - side - p.y * (height - 2 * side)];
    },
    paint() {
      const paper = figure.sharp(this.$refs.canvas);
      if (!paper) return;
      const { pen, width, height } = paper;
      this.size = { width, height };
      for (const p of this.points) {
        const [x, y] = this.spot(p);
        pen.fillStyle = p.colour < 0 ? this.colours.soft : this.colours.classes[p.colour % 12];
        pen.globalAlpha = p.colour < 0 ? 0.35 : 0.9;
        pen.beginPath();
        pen.arc(x, y, p.colour < 0 ? 2.5 : 3.5, 0, 2 * Math.PI);
        pen.fill();
      }
      pen.globalAlpha = 1;
      if (this.at) {
        const [x, y] = this.spot(this.at);
        pen.strokeStyle = this.colours.ink;
        pen.lineWidth = 2;
        pen.beginPath();
        pen.arc(x, y, 7, 0, 2 * Math.PI);
        pen.stroke();
      }
      this.drawPeek();
    },
    // The stretch of the point, over and over.
    drawPeek() {
      const { clip } = this, paper = clip && this.peeks && figure.sharp(this.$refs.peek);
      if (!paper) return;
      const { scene, joints, pose, lens, from, to } = clip;
      const frame = from + (((performance.now() - clip.began) / 1000) * scene.fps) % Math.max(1, to - from);
      if (pose.read(joints, Math.floor(frame))) figure.aim(lens, scene, pose, true, true);
      const project = figure.projector(lens, scene, true, paper.width, paper.height);
      figure.drawPose(paper.pen, scene, pose, project, this.colours, 0.7);
      requestAnimationFrame(() => touch("peek"));
    },
    async look(p) {
      if (p === this.at) return;
      this.at = p;
      this.peeks = !!p;
      touch("plane");
      if (!p) return;
      this.$refs.said.textContent = p.words;
      const query = `?recording=${encodeURIComponent(p.recording)}`;
      const scene = this.scenes.get(p.recording) ?? await (await fetch(this.scene + query)).json();
      this.scenes.set(p.recording, scene);
      if (this.at !== p) return;
      const joints = this.joined.get(p.recording) ?? new figure.Joints(scene, this.joints + query, () => touch("peek"));
      this.joined.set(p.recording, joints);
      this.clip = { scene, joints, pose: new figure.Pose(scene), lens: figure.camera(scene), from: p.start, to: p.end, began: performance.now() };
      touch("peek");
    },
    nearest(x, y, away) {
      let best = null, off = away;
      for (const p of this.points) {
        const [px, py] = this.spot(p), far = Math.hypot(px - x, py - y);
        if (far < off) [best, off] = [p, far];
      }
      return best;
    },
    // The next point in the direction of an arrow key.
    walk(key) {
      const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
      if (!this.at) return this.look(this.points[0] ?? null);
      const [x, y] = this.spot(this.at);
      let best = null, off = Infinity;
      for (const p of this.points) {
        const [px, py] = this.spot(p), along = (px - x) * dx + (py - y) * dy, beside = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
        if (along > 1 && along + 3 * beside < off) [best, off] = [p, along + 3 * beside];
      }
      return this.look(best ?? this.at);
    },
    go() { if (this.at) this.$emit("go", { recording: this.at.recording, start: this.at.start, end: this.at.end }); },
  },
  created() {
    Object.assign(this, { points: [], at: null, clip: null, scenes: new Map(), joined: new Map(), size: { width: 1, height: 1 } });
  },
  mounted() {
    this.colours = figure.colours();
    const { canvas } = this.$refs;
    const place = (e) => { const r = canvas.getBoundingClientRect(); return [e.clientX - r.left, e.clientY - r.top]; };
    canvas.addEventListener("pointermove", (e) => this.look(this.nearest(...place(e), NEAR) ?? this.at));
    canvas.addEventListener("pointerdown", (e) => this.look(this.nearest(...place(e), 2 * NEAR) ?? this.at));
    canvas.addEventListener("dblclick", () => this.go());
    canvas.addEventListener("keydown", (e) => {
      if (e.key.startsWith("Arrow") && !e.ctrlKey) { e.preventDefault(); this.walk(e.key); }
      if (e.key === "Enter") { e.preventDefault(); this.go(); }
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.colours = figure.colours(); touch("plane"); });
    this.watch = new ResizeObserver(() => touch("plane"));
    this.watch.observe(canvas);
    this.ends = [paints("plane", () => this.paint()), follows(() => {})];
  },
  unmounted() {
    this.ends.forEach((end) => end());
    this.watch.disconnect();
  },
};
