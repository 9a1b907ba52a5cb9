// A recording from the text of a CSV or JSON file, as the model takes it.

const AXES = ["x", "y", "z"];
const CONFIDENCE = ["c", "confidence", "likelihood", "visibility", "score"];

// `{ data, frames }`: joints by frame, person, joint and coordinate; NaN where one is missing.
export function readRecording(text, name, about) {
  const { frames, names } = /\.json$/i.test(name) ? fromJson(text) : fromCsv(text, about);
  if (!frames.length) throw new Error("no frames");
  const place = places(names, about);
  const { persons, channels } = about;
  const joints = about.joints.length;
  const data = new Float32Array(frames.length * persons * joints * channels); // absent persons: zeros
  frames.forEach((people, t) => people.slice(0, persons).forEach((person, m) => {
    if (person.length !== (names ?? about.joints).length) {
      throw new Error(`frame ${t}: ${person.length} joints, not ${(names ?? about.joints).length}`);
    }
    place.forEach((from, v) => {
      const joint = person[from] ?? [];
      if (joint.length && joint.length !== channels) {
        throw new Error(`frame ${t}: a joint with ${joint.length} numbers; the model takes ${channels}`);
      }
      const at = ((t * persons + m) * joints + v) * channels;
      for (let c = 0; c < channels; c++) data[at + c] = joint[c] ?? NaN;
    });
  }));
  return { data, frames: frames.length };
}

function fromJson(text) {
  let content;
  try { content = JSON.parse(text); } catch (error) { throw new Error(`not JSON: ${error.message}`); }
  const joints = Array.isArray(content) ? content : content?.joints;
  if (!Array.isArray(joints)) throw new Error('no "joints"; write {"joints": [...], "names": [...]}');
  const deep = (value) => (Array.isArray(value) ? 1 + deep(value.find(Array.isArray) ?? 0) : 0);
  const depth = deep(joints);
  if (depth !== 3 && depth !== 4) throw new Error("joints: by frame, person, joint and coordinate");
  return { frames: depth === 3 ? joints.map((frame) => [frame]) : joints, names: content.names ?? null };
}

function fromCsv(text, about) {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/).filter((line) => line.trim());
  const between = [";", "\t"].find((mark) => (lines[0] ?? "").includes(mark)) ?? ",";
  const rows = lines.map((line) => line.split(between).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1")));
  const head = rows.shift() ?? [];
  const column = (name) => head.findIndex((cell) => cell.toLowerCase() === name);
  const coordinates = AXES.slice(0, about.channels - (about.confidence ? 1 : 0));
  const parts = [...coordinates, ...(about.confidence ? ["c"] : [])];
  const byJoint = new Map();
  head.forEach((cell, at) => {
    const [joint, part] = split(cell);
    if (!parts.includes(part)) return;
    if (!byJoint.has(joint)) byJoint.set(joint, []);
    byJoint.get(joint)[parts.indexOf(part)] = at;
  });
  const whole = [...byJoint].filter(([, at]) => parts.every((_, i) => at[i] !== undefined));
  const [frame, person] = [column("frame"), column("person")];
  if (person >= 0 && frame < 0) throw new Error("a column person needs a column frame beside it");
  const [byFrame, people] = [new Map(), []];
  rows.forEach((row, number) => {
    const key = person >= 0 ? row[frame] : number;
    if (!byFrame.has(key)) byFrame.set(key, []);
    const who = person >= 0 ? row[person] : "";
    if (!people.includes(who)) people.push(who);
    byFrame.get(key)[people.indexOf(who)] = whole.map(([, at]) => at.map((i) => cellNumber(row[i], number)));
  });
  const absent = whole.map(() => parts.map(() => 0));
  const frames = [...byFrame.values()].map((row) => people.map((_, m) => row[m] ?? absent));
  return { frames, names: whole.map(([joint]) => joint) };
}

function cellNumber(cell, row) {
  if (cell === undefined || cell === "" || /^(nan|null|na)$/i.test(cell)) return NaN;
  const value = Number(cell);
  if (Number.isNaN(value)) throw new Error(`row ${row + 2}: ${JSON.stringify(cell)} is no number`);
  return value;
}

// "left_hip_x", "x_left_hip" and "LeftHip.X" as joint and coordinate.
function split(cell) {
  const words = cell.split(/[_. -]+/).filter(Boolean);
  const part = (word) => {
    const low = (word ?? "").toLowerCase();
    return CONFIDENCE.includes(low) ? "c" : AXES.includes(low) ? low : "";
  };
  if (words.length > 1 && part(words.at(-1))) return [fold(words.slice(0, -1).join("")), part(words.at(-1))];
  if (words.length > 1 && part(words[0])) return [fold(words.slice(1).join("")), part(words[0])];
  return [fold(cell), ""];
}

function fold(name) {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}

// Where each of the model's joints stands among those of the file.
function places(names, about) {
  if (!names) return about.joints.map((_, v) => v);
  const folded = names.map(fold);
  return about.joints.map((joint) => {
    const at = folded.indexOf(fold(joint));
    if (at < 0) throw new Error(`no joint ${joint}; the model needs ${about.joints.join(", ")}`);
    return at;
  });
}
