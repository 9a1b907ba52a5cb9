// The player: a stage on which the figures move, a video in step beside it, and their buttons.
import { desk, view, paints, follows, touch, seek, play, set, faster, clockOf, SPEEDS } from "skelf-studio/desk.js";
import * as figure from "skelf-studio/figure.js";

const TOGGLES = [
  ["follow", "Follow", "F"], ["floor", "Floor", "G"], ["trails", "Trails", "T"], ["names", "Names", "O"],
];

export default {
  template: `
    <div class="player">
      <div class="stage" :class="{ beside: film && view.video }">
        <div class="picture">
          <canvas ref="canvas" tabindex="0" role="img" :aria-label="said" data-part="stage"></canvas>
          <div class="stage-note" ref="note"></div>
          <div class="stage-now" ref="now"></div>
          <div class="stage-empty" v-if="!open">Open a recording to see it here.</div>
        </div>
        <video v-if="film && view.video" ref="video" :src="film" muted playsinline preload="auto"
          aria-label="Video of this recording" @error="film = ''"></video>
      </div>
      <div class="transport" role="toolbar" aria-label="Player">
        <button class="tool" @click="step(-1)" aria-label="One frame back" title="One frame back  ←"><i>‹</i></button>
        <button class="tool play" @click="play()" :aria-label="view.playing ? 'Pause' : 'Play'" title="Play or pause  Space">
          <svg viewBox="0 0 16 16" aria-hidden="true"><path :d="view.playing ? 'M4 3h3v10H4zM9 3h3v10H9z' : 'M4 2.5v11l9-5.5z'"/></svg>
        </button>
        <button class="tool" @click="step(1)" aria-label="One frame on" title="One frame on  →"><i>›</i></button>
        <span class="time"><b ref="time">0:00.00</b> <span ref="count">frame 0</span></span>
        <span class="grow"></span>
        <button class="tool wide" @click="faster(1)" @contextmenu.prevent="faster(-1)" :aria-label="'Speed ' + view.speed + ' times; faster'"
          title="Faster  .   slower  ,">{{ view.speed }}×</button>
        <button class="tool wide" :aria-pressed="view.loop" @click="set('loop')" title="Repeat the marked or chosen stretch  L">Loop</button>
        <button v-for="[name, text, key] in toggles" :key="name" class="tool wide extra" :aria-pressed="view[name]" @click="set(name)"
          :title="text + '  ' + key">{{ text }}</button>
        <button v-if="film" class="tool wide extra" :aria-pressed="view.video" @click="set('video')" title="Video  V">Video</button>
        <button class="tool wide extra" @click="reset()" title="The camera as at first  0">View</button>
      </div>
    </div>`,
  props: { joints: String, video: String },
  data: () => ({ view, toggles: TOGGLES, film: "", open: false, said: "The figures" }),
  methods: {
    play, set, faster,
    step(by) {
      set("playing", false);
      seek(Math.floor(desk.frame) + by);
    },
    reset() {
      if (!this.scene) return;
      this.lens = figure.camera(this.scene);
      touch("view");
    },
    // A recording has been opened, perhaps at another frame only.
    opened() {
      const { scene } = desk;
      if (!scene || (this.scene && this.scene.name === scene.name)) return;
      this.scene = scene;
      this.open = true;
      this.said = `Figures of ${scene.name}: ${scene.persons} person${scene.persons > 1 ? "s" : ""}, ${scene.joints} joints`;
      this.data = new figure.Joints(scene, `${this.joints}?recording=${encodeURIComponent(scene.name)}`, () => touch("joints"));
      this.pose = new figure.Pose(scene);
      this.lens = figure.camera(scene);
      this.film = scene.video ? `${this.video}?recording=${encodeURIComponent(scene.name)}` : "";
    },
    draw() {
      const { scene } = this, paper = scene && figure.sharp(this.$refs.canvas);
      if (!paper) return;
      const { pen, width, height } = paper, frame = view.playing ? desk.frame : Math.floor(desk.frame);
      const ready = this.pose.read(this.data, frame), unit = Math.max(0.8, Math.min(width, height) / 420);
      this.data.ahead(frame);
      if (ready) figure.aim(this.lens, scene, this.pose, view.follow, !view.playing);
      const project = figure.projector(this.lens, scene, view.follow, width, height);
      if (view.floor) figure.drawFloor(pen, this.lens, scene, view.follow, project, this.colours);
      if (view.trails) figure.drawTrails(pen, scene, this.data, frame, project, this.colours, unit);
      figure.drawPose(pen, scene, this.pose, project, this.colours, unit);
      if (view.names) figure.drawNames(pen, scene, this.pose, this.colours, unit);
      this.tell(ready);
      this.film && this.inStep();
    },
    // What stands in words over the stage, and the time beneath it.
    tell(ready) {
      const { scene, pose } = this, gone = pose.absent.reduce((sum, a) => sum + a, 0), whole = Math.floor(desk.frame);
      const notes = [];
      if (this.data.failed) notes.push(this.data.failed);
      else if (!ready) notes.push("loading …");
      if (ready && gone === scene.persons) notes.push("nobody is here");
      if (ready && pose.missing) notes.push(`${pose.missing} joint${pose.missing > 1 ? "s" : ""} missing`);
      put(this.$refs.note, notes.join(" · "));
      const labels = desk.segments.filter((s) => s.start <= whole && whole < s.end && s.kind === "is").map((s) => s.label);
      const guess = desk.suggestions.find((s) => s.start <= whole && whole < s.end);
      if (!labels.length && guess) labels.push(`${guess.label}? ${Math.round(100 * guess.probability)} %`);
      put(this.$refs.now, labels.join(", "));
      put(this.$refs.time, clockOf(whole));
      put(this.$refs.count, `frame ${whole.toLocaleString("en")} of ${desk.frames.toLocaleString("en")}`);
    },
    inStep() {
      const film = this.$refs.video, seconds = desk.frame / desk.fps;
      if (!film || !film.duration) return;
      if (view.playing && film.paused && seconds < film.duration) film.play().catch(() => {});
      if (!view.playing && !film.paused) film.pause();
      film.playbackRate = Math.min(16, Math.max(0.1, view.speed));
      const off = Math.abs(film.currentTime - seconds);
      if (off > (view.playing ? 0.15 : 0.5 / desk.fps) && !film.seeking) film.currentTime = Math.min(seconds, film.duration);
    },
    hands() {
      const canvas = this.$refs.canvas, held = new Map();
      let apart = 0;
      canvas.addEventListener("pointerdown", (e) => {
        held.set(e.pointerId, [e.clientX, e.clientY]);
        canvas.setPointerCapture(e.pointerId);
      });
      canvas.addEventListener("pointermove", (e) => {
        const from = held.get(e.pointerId);
        if (!from || !this.scene) return;
        held.set(e.pointerId, [e.clientX, e.clientY]);
        const across = e.clientX - from[0], down = e.clientY - from[1], { lens } = this;
        if (held.size === 2) {
          const [[ax, ay], [bx, by]] = held.values(), now = Math.hypot(ax - bx, ay - by);
          if (apart) lens.zoom = limit(lens.zoom * (now / apart), 0.2, 20);
          apart = now;
        } else if (this.scene.axes < 3 || e.shiftKey || e.buttons === 4) {
          lens.pan[0] += across;
          lens.pan[1] += down;
        } else {
          lens.yaw += across / 110;
          lens.pitch = limit(lens.pitch + down / 160, -0.4, 1.5);
        }
        touch("view");
      });
      for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (e) => { held.delete(e.pointerId); apart = 0; });
      canvas.addEventListener("wheel", (e) => {
        e.preventDefault();
        if (!this.scene) return;
        this.lens.zoom = limit(this.lens.zoom * Math.exp(-e.deltaY / 500), 0.2, 20);
        touch("view");
      }, { passive: false });
      canvas.addEventListener("dblclick", () => this.reset());
      canvas.addEventListener("studio:turn", (e) => { // from the keys
        if (!this.scene) return;
        this.lens.yaw += e.detail;
        touch("view");
      });
      canvas.addEventListener("studio:reset", () => this.reset());
    },
  },
  mounted() {
    this.colours = figure.colours();
    this.scene = null;
    this.opened();
    this.hands();
    this.ends = [
      paints("player", () => this.draw()),
      follows((what) => what === "recording" && this.opened()),
    ];
    this.dark = () => { this.colours = figure.colours(); touch("view"); };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.dark);
    this.size = new ResizeObserver(() => touch("view"));
    this.size.observe(this.$refs.canvas);
  },
  unmounted() {
    this.ends.forEach((end) => end());
    this.size.disconnect();
  },
};

function limit(value, low, high) { return Math.max(low, Math.min(high, value)); }

function put(element, text) { if (element.textContent !== text) element.textContent = text; }
