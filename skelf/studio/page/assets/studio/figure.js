// Figures: the joints of a recording in chunks, where the camera stands, and the drawing of one frame. A joint that
// is missing is never drawn as if it were there: a hollow ring stands where it was last seen.
export const CHUNK = 256; // frames
const KEPT = 96; // chunks; what was used longest ago goes first
const TRAIL = 1.0; // seconds

// The joints of one recording: float32 (frames, persons, joints, axes), y up, NaN where missing.
export class Joints {
  constructor(scene, address, changed) {
    Object.assign(this, { scene, address, changed, chunks: new Map(), asked: new Set(), failed: "" });
    this.stride = scene.persons * scene.joints * scene.axes;
  }

  // The place of a frame in its chunk: {data, at}; null while it is on its way.
  find(frame) {
    const { scene } = this, whole = Math.max(0, Math.min(Math.floor(frame), scene.frames - 1));
    const number = Math.floor(whole / CHUNK), data = this.chunks.get(number);
    if (!data) {
      this.ask(number);
      return null;
    }
    this.chunks.delete(number); // the newest stands last
    this.chunks.set(number, data);
    return { data, at: (whole - number * CHUNK) * this.stride };
  }

  // Asks for what comes next, so that playing does not wait.
  ahead(frame) {
    const next = Math.floor(frame / CHUNK) + 1;
    if (next * CHUNK < this.scene.frames && !this.chunks.has(next)) this.ask(next);
  }

  async ask(number) {
    if (this.asked.has(number)) return;
    this.asked.add(number);
    const start = number * CHUNK, stop = Math.min(start + CHUNK, this.scene.frames);
    try {
      const answer = await fetch(`${this.address}&start=${start}&stop=${stop}`);
      if (!answer.ok) throw new Error(await answer.text());
      this.chunks.set(number, new Float32Array(await answer.arrayBuffer()));
      this.failed = "";
      while (this.chunks.size > KEPT) this.chunks.delete(this.chunks.keys().next().value);
      this.asked.delete(number);
    } catch (error) {
      this.failed = String(error.message || error);
      setTimeout(() => this.asked.delete(number), 2000);
    }
    this.changed();
  }
}

// One picture's joints: between two frames while it plays, the exact frame while it stands. `seen` keeps for every
// joint where it was last, and when.
export class Pose {
  constructor(scene) {
    const { persons, joints } = scene;
    Object.assign(this, { scene, at: new Float32Array(persons * joints * 3), missing: 0, absent: new Uint8Array(persons) });
    this.there = new Uint8Array(persons * joints);
    this.seen = new Float32Array(persons * joints * 3).fill(NaN);
    this.frame = -1;
  }

  read(joints, frame) {
    const { scene, at, there, seen, absent } = this, { persons, joints: V, axes } = scene;
    const here = joints.find(frame);
    if (!here) return false;
    const part = frame - Math.floor(frame), next = part > 0 ? joints.find(frame + 1) : null;
    if (Math.abs(frame - this.frame) > scene.fps) seen.fill(NaN); // what was seen long ago says nothing
    this.frame = frame;
    this.missing = 0;
    for (let m = 0; m < persons; m++) {
      let count = 0;
      for (let v = 0; v < V; v++) {
        const k = m * V + v, i = here.at + k * axes, j = next ? next.at + k * axes : 0;
        const found = !Number.isNaN(here.data[i]);
        there[k] = found ? 1 : 0;
        count += there[k];
        for (let c = 0; c < 3; c++) {
          if (!found) at[3 * k + c] = seen[3 * k + c];
          else {
            let value = c < axes ? here.data[i + c] : 0;
            const to = next && c < axes ? next.data[j + c] : NaN;
            if (!Number.isNaN(to)) value += (to - value) * part;
            at[3 * k + c] = seen[3 * k + c] = value;
          }
        }
      }
      absent[m] = count ? 0 : 1;
      if (count) this.missing += V - count;
      else seen.fill(NaN, 3 * m * V, 3 * (m + 1) * V);
    }
    return true;
  }

  // The middle of the room that those who are there take; null where nobody is. Not the mean: many joints of a face
  // would move it, and feet out of the picture.
  middle(out) {
    const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
    for (let k = 0; k < this.there.length; k++) {
      if (!this.there[k]) continue;
      for (let c = 0; c < 3; c++) {
        low[c] = Math.min(low[c], this.at[3 * k + c]);
        high[c] = Math.max(high[c], this.at[3 * k + c]);
      }
    }
    if (low[0] > high[0]) return null;
    for (let c = 0; c < 3; c++) out[c] = (low[c] + high[c]) / 2;
    return out;
  }
}

// Where the camera looks from. Drag turns it (in a plane: moves it), the wheel comes nearer.
export function camera(scene) {
  return { yaw: scene.yaw, pitch: 0.16, zoom: 1, pan: [0, 0], centre: [...scene.centre], settled: false };
}

export function aim(lens, scene, pose, follow, exact) {
  const flat = scene.axes < 3, middle = follow ? pose.middle([0, 0, 0]) : null;
  const to = middle ? [middle[0], flat ? middle[1] : scene.centre[1], middle[2]] : scene.centre;
  const share = exact || !lens.settled ? 1 : 0.12; // glides while it plays
  for (let c = 0; c < 3; c++) lens.centre[c] += ((to[c] ?? 0) - lens.centre[c]) * share;
  lens.settled = true;
}

// A function (x, y, z, out, at) that writes across, down and nearness.
export function projector(lens, scene, follow, width, height) {
  const flat = scene.axes < 3, room = follow ? scene.near : scene.room;
  const angle = flat ? 0 : lens.yaw, pitch = flat ? 0 : lens.pitch;
  const cos = Math.cos(angle), sin = Math.sin(angle), cp = Math.cos(pitch), sp = Math.sin(pitch);
  const far = 5 * Math.max(room.radius, room.half), [cx, cy, cz] = lens.centre;
  const scale = lens.zoom * 0.86 * Math.min(width / (2 * room.radius), height / (2 * room.half + (flat ? 0 : 0.3 * room.radius)));
  const middle = width / 2 + lens.pan[0], level = height / 2 + lens.pan[1];
  return (x, y, z, out, at) => {
    const dx = x - cx, dy = y - cy, dz = z - cz;
    const side = dx * cos + dz * sin, depth = -dx * sin + dz * cos;
    const up = dy * cp - depth * sp, near = dy * sp + depth * cp;
    const glass = flat ? 1 : far / Math.max(far - near, 0.2 * far);
    out[at] = middle + side * scale * glass;
    out[at + 1] = level - up * scale * glass;
    out[at + 2] = near;
  };
}

// Lines of a floor that stays where it is while the camera follows.
export function drawFloor(pen, lens, scene, follow, project, colours) {
  const room = follow ? scene.near : scene.room, p = [0, 0, 0, 0, 0, 0], y = scene.floor;
  pen.strokeStyle = colours.line;
  pen.lineWidth = 1;
  pen.beginPath();
  const line = (ax, az, bx, bz) => {
    project(ax, y, az, p, 0);
    project(bx, y, bz, p, 3);
    pen.moveTo(p[0], p[1]);
    pen.lineTo(p[3], p[4]);
  };
  if (scene.axes < 3) line(lens.centre[0] - 2 * room.radius, 0, lens.centre[0] + 2 * room.radius, 0);
  else {
    const reach = 2.2 * room.radius, step = scene.tile, [cx, , cz] = lens.centre;
    for (let k = Math.ceil((cx - reach) / step); k * step <= cx + reach; k++) {
      const half = Math.sqrt(Math.max(0, reach ** 2 - (k * step - cx) ** 2));
      line(k * step, cz - half, k * step, cz + half);
    }
    for (let k = Math.ceil((cz - reach) / step); k * step <= cz + reach; k++) {
      const half = Math.sqrt(Math.max(0, reach ** 2 - (k * step - cz) ** 2));
      line(cx - half, k * step, cx + half, k * step);
    }
  }
  pen.stroke();
}

function tones(scene, colours, m) {
  if (scene.persons === 1) return { left: colours.left, right: colours.right, trunk: colours.trunk };
  const own = colours.persons[m % colours.persons.length];
  return { left: own, right: own, trunk: own };
}

// All persons of a pose, the farthest bones first.
export function drawPose(pen, scene, pose, project, colours, unit) {
  const { persons, joints: V, edges } = scene, count = persons * V;
  const flat = (pose.flat ??= new Float32Array(3 * count));
  for (let k = 0; k < count; k++) project(pose.at[3 * k], pose.at[3 * k + 1], pose.at[3 * k + 2], flat, 3 * k);
  const order = (pose.order ??= edges.flatMap((edge, e) => Array.from({ length: persons }, (_, m) => m * edges.length + e)));
  const depth = (number) => {
    const m = Math.floor(number / edges.length), [a, b] = edges[number % edges.length];
    return flat[3 * (m * V + a) + 2] + flat[3 * (m * V + b) + 2];
  };
  const depths = (pose.depths ??= new Float32Array(order.length));
  for (const number of order) depths[number] = depth(number);
  if (scene.axes > 2) order.sort((p, q) => (depths[p] || 0) - (depths[q] || 0));
  pen.lineCap = "round";
  pen.lineWidth = 3.2 * unit;
  const paints = (pose.paints ??= []);
  for (let m = 0; m < persons; m++) paints[m] = tones(scene, colours, m);
  const tone = (m, v) => (scene.side[v] < 0 ? paints[m].left : scene.side[v] > 0 ? paints[m].right : paints[m].trunk);
  for (const number of order) {
    const m = Math.floor(number / edges.length), [a, b] = edges[number % edges.length];
    if (!pose.there[m * V + a] || !pose.there[m * V + b]) continue;
    pen.strokeStyle = tone(m, a);
    pen.globalAlpha = persons > 1 && scene.side[a] > 0 ? 0.6 : 1; // who has one colour: the right side is paler
    pen.beginPath();
    pen.moveTo(flat[3 * (m * V + a)], flat[3 * (m * V + a) + 1]);
    pen.lineTo(flat[3 * (m * V + b)], flat[3 * (m * V + b) + 1]);
    pen.stroke();
  }
  pen.globalAlpha = 1;
  for (let k = 0; k < count; k++) {
    const m = Math.floor(k / V), v = k % V;
    if (pose.absent[m] || Number.isNaN(flat[3 * k])) continue;
    pen.beginPath();
    pen.arc(flat[3 * k], flat[3 * k + 1], (v === scene.head ? 6 : 2.3) * unit, 0, 2 * Math.PI);
    if (pose.there[k]) {
      pen.fillStyle = tone(m, v);
      pen.fill();
    } else {
      pen.strokeStyle = colours.warn;
      pen.lineWidth = 1.4 * unit;
      pen.setLineDash([2 * unit, 2 * unit]);
      pen.stroke();
      pen.setLineDash([]);
    }
  }
}

// The way of the limbs' ends within the last second.
export function drawTrails(pen, scene, joints, frame, project, colours, unit) {
  const first = Math.max(0, Math.floor(frame - TRAIL * scene.fps)), last = Math.floor(frame), p = [0, 0, 0];
  pen.lineWidth = 1.6 * unit;
  for (let m = 0; m < scene.persons; m++) {
    const paint = tones(scene, colours, m);
    for (const v of scene.ends) {
      pen.strokeStyle = scene.side[v] < 0 ? paint.left : scene.side[v] > 0 ? paint.right : paint.trunk;
      for (const [from, to, alpha] of [[0, 0.5, 0.25], [0.5, 1, 0.6]]) {
        pen.globalAlpha = alpha;
        pen.beginPath();
        let down = false;
        for (let t = first + Math.floor(from * (last - first)); t <= first + Math.ceil(to * (last - first)); t++) {
          const here = joints.find(t), i = here ? here.at + (m * scene.joints + v) * scene.axes : 0;
          if (!here || Number.isNaN(here.data[i])) {
            down = false;
            continue;
          }
          project(here.data[i], here.data[i + 1], scene.axes > 2 ? here.data[i + 2] : 0, p, 0);
          if (down) pen.lineTo(p[0], p[1]);
          else pen.moveTo(p[0], p[1]);
          down = true;
        }
        pen.stroke();
      }
    }
  }
  pen.globalAlpha = 1;
}

// Names beside the joints, where they do not cover one another.
export function drawNames(pen, scene, pose, colours, unit) {
  const taken = [], high = 11 * unit;
  pen.font = `${10 * unit}px system-ui, sans-serif`;
  pen.fillStyle = colours.ink;
  pen.textBaseline = "middle";
  for (let k = 0; k < pose.there.length; k++) {
    const x = pose.flat[3 * k] + 6 * unit, y = pose.flat[3 * k + 1], name = scene.names[k % scene.joints];
    if (pose.absent[Math.floor(k / scene.joints)] || Number.isNaN(x)) continue;
    const wide = (scene.widths ??= {})[name] ?? (scene.widths[name] = pen.measureText(name).width / unit);
    const box = [x, y - high / 2, x + wide * unit, y + high / 2];
    if (taken.some((t) => box[0] < t[2] && box[2] > t[0] && box[1] < t[3] && box[3] > t[1])) continue;
    taken.push(box);
    pen.fillText(name + (pose.there[k] ? "" : " (missing)"), x, y);
  }
}

export function colours() {
  const style = getComputedStyle(document.documentElement), read = (name) => style.getPropertyValue(name).trim();
  return {
    left: read("--left"), right: read("--right"), trunk: read("--trunk"), line: read("--grid"), ink: read("--ink"),
    soft: read("--soft"), back: read("--stage"), card: read("--card"), rule: read("--rule"), warn: read("--warn"), accent: read("--accent"),
    persons: [0, 1, 2, 3, 4, 5].map((k) => read(`--p${k}`)), classes: Array.from({ length: 12 }, (_, k) => read(`--k${k}`)),
  };
}

// A canvas as sharp as the screen; returns its pen, width and height in CSS pixels, null while it is hidden.
export function sharp(canvas) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2), width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width || !height) return null;
  const wide = Math.round(width * ratio), high = Math.round(height * ratio);
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}
