// Plays the skeletons of a page on its canvases. Each ".player" carries JSON: edges, side and head of the layout, and
// clips whose joints are base64 of little-endian int16 (frames, persons, joints, axes); -32768 marks an absent person.
(() => {
  "use strict";
  const ABSENT = -32768, PITCH = 0.14, SWAY = 0.3, SWAY_SECONDS = 11, HOLD_SECONDS = 0.5;
  const views = [];
  let colours = {};

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim();
    colours = { left: read("--c0"), right: read("--c1"), trunk: read("--soft"), line: read("--line") };
  }

  function decode(clip) {
    const raw = atob(clip.joints), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    const data = new DataView(bytes.buffer), out = new Float32Array(raw.length / 2);
    for (let i = 0; i < out.length; i++) {
      const value = data.getInt16(2 * i, true);
      out[i] = value === ABSENT ? NaN : value * clip.step;
    }
    return out;
  }

  // One joint between two frames; NaN where the person is absent from the first of them.
  function joint(view, frame, person, v) {
    const { T, M, V, C } = view, a = Math.min(Math.floor(frame), T - 1), b = Math.min(a + 1, T - 1);
    const i = ((a * M + person) * V + v) * C, j = ((b * M + person) * V + v) * C, p = [0, 0, 0];
    for (let c = 0; c < C; c++) {
      const from = view.data[i + c], to = view.data[j + c];
      p[c] = Number.isNaN(to) ? from : from + (to - from) * (frame - a);
    }
    return p;
  }

  function projector(view, width, height, time) {
    const flat = view.C < 3, sway = flat ? 0 : SWAY * Math.sin((2 * Math.PI * time) / SWAY_SECONDS);
    const angle = flat ? 0 : view.yaw + view.turn + sway, pitch = flat ? 0 : PITCH;
    const cos = Math.cos(angle), sin = Math.sin(angle), cp = Math.cos(pitch), sp = Math.sin(pitch);
    const far = 5 * Math.max(view.radius, view.half);
    const scale = 0.84 * Math.min(width / (2 * view.radius), height / (2 * (view.half + (flat ? 0 : 0.18 * view.radius))));
    return ([x, y, z]) => {
      const side = x * cos + z * sin, depth = -x * sin + z * cos;
      const up = y * cp - depth * sp, near = y * sp + depth * cp;
      const lens = flat ? 1 : far / (far - near);
      return [width / 2 + side * scale * lens, height / 2 - up * scale * lens, near];
    };
  }

  function floor(view, pen, project) {
    pen.strokeStyle = colours.line;
    pen.lineWidth = 1;
    pen.beginPath();
    const line = (a, b) => { pen.moveTo(...project(a).slice(0, 2)); pen.lineTo(...project(b).slice(0, 2)); };
    const r = view.radius, y = -view.half;
    if (view.C < 3) line([-r, y, 0], [r, y, 0]);
    else for (let k = -2; k <= 2; k++) {
      line([(k * r) / 2, y, -r], [(k * r) / 2, y, r]);
      line([-r, y, (k * r) / 2], [r, y, (k * r) / 2]);
    }
    pen.stroke();
  }

  function figure(view, pen, project, frame, person, unit) {
    const points = [];
    for (let v = 0; v < view.V; v++) points.push(project(joint(view, frame, person, v)));
    if (points.some((p) => Number.isNaN(p[0]))) return;
    const tone = (v) => (view.side[v] < 0 ? colours.left : view.side[v] > 0 ? colours.right : colours.trunk);
    const bones = view.edges.map(([a, b]) => [a, b, points[a][2] + points[b][2]]).sort((p, q) => p[2] - q[2]);
    pen.lineCap = "round";
    pen.globalAlpha = person ? 0.6 : 1;
    for (const [a, b] of bones) {
      pen.strokeStyle = tone(a);
      pen.lineWidth = 3.2 * unit;
      pen.beginPath();
      pen.moveTo(points[a][0], points[a][1]);
      pen.lineTo(points[b][0], points[b][1]);
      pen.stroke();
    }
    for (let v = 0; v < view.V; v++) {
      pen.fillStyle = tone(v);
      pen.beginPath();
      pen.arc(points[v][0], points[v][1], (v === view.head ? 6 : 2.2) * unit, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  function draw(view) {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.round(view.canvas.clientWidth * ratio), height = Math.round(view.canvas.clientHeight * ratio);
    if (!width || !height) return;
    if (view.canvas.width !== width || view.canvas.height !== height) {
      view.canvas.width = width;
      view.canvas.height = height;
    }
    const pen = view.canvas.getContext("2d"), project = projector(view, width, height, view.time);
    const frame = Math.min((view.time % (view.T / view.fps + HOLD_SECONDS)) * view.fps, view.T - 1);
    pen.clearRect(0, 0, width, height);
    floor(view, pen, project);
    for (let m = 0; m < view.M; m++) figure(view, pen, project, frame, m, Math.max(width, 120 * ratio) / 230);
    pen.fillStyle = colours.line;
    pen.fillRect(0, height - 3 * ratio, width, 3 * ratio);
    pen.fillStyle = colours.trunk;
    pen.fillRect(0, height - 3 * ratio, (width * frame) / Math.max(view.T - 1, 1), 3 * ratio);
    view.canvas.dataset.drawn = String(view.M);
  }

  function dragToTurn(view) {
    let from = null;
    view.canvas.addEventListener("pointerdown", (e) => { from = e.clientX; view.canvas.setPointerCapture(e.pointerId); });
    view.canvas.addEventListener("pointermove", (e) => {
      if (from === null) return;
      view.turn += (e.clientX - from) / 90;
      from = e.clientX;
      draw(view);
    });
    for (const end of ["pointerup", "pointercancel"]) view.canvas.addEventListener(end, () => { from = null; });
  }

  function start(player) {
    const { layout, clips } = JSON.parse(player.querySelector("script").textContent);
    const button = player.querySelector("button");
    const state = { playing: !matchMedia("(prefers-reduced-motion: reduce)").matches };
    const label = () => { button.textContent = state.playing ? "Pause" : "Play"; };
    button.addEventListener("click", () => { state.playing = !state.playing; label(); });
    label();
    player.dataset.runs = ""; // shows what needs this script
    player.querySelectorAll("canvas").forEach((canvas, k) => {
      const clip = clips[k], [T, M, V, C] = clip.shape;
      const view = { ...layout, ...clip, T, M, V, C, data: decode(clip), canvas, state, turn: 0, seen: true };
      view.time = (0.4 * T) / clip.fps; // the first picture shows the action, not the pose before it
      views.push(view);
      dragToTurn(view);
      draw(view);
    });
  }

  readColours();
  document.querySelectorAll(".player").forEach(start);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColours(); views.forEach(draw); });
  addEventListener("resize", () => views.forEach(draw));
  if ("IntersectionObserver" in window) {
    const watch = new IntersectionObserver((entries) => {
      for (const e of entries) views.find((v) => v.canvas === e.target).seen = e.isIntersecting;
    });
    views.forEach((v) => watch.observe(v.canvas));
  }
  let last = performance.now();
  function tick(now) {
    const passed = Math.min((now - last) / 1000, 0.1);
    last = now;
    for (const view of views) {
      if (!view.state.playing) continue;
      view.time += passed; // clips out of sight keep time, so that a row stays in step
      if (view.seen) draw(view);
    }
    requestAnimationFrame(tick);
  }
  requestAnimationFrame(tick);
})();
