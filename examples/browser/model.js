// A file that `skelf export` wrote, run by onnxruntime-web, which has to lie beside the page.

import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.min.mjs";

const PREFIX = "skelf.";
const FORMAT = 1;

ort.env.wasm.numThreads = 1; // more need a page that is isolated from others, which is a server's matter
ort.env.wasm.wasmPaths = new URL("./node_modules/onnxruntime-web/dist/", import.meta.url).href;

// A model from its bytes: `about`, what the file says of itself, and `predict`.
export async function openModel(bytes) {
  const about = readAbout(bytes);
  if (about.kind !== "classifier") throw new Error(`a ${about.kind}; this page needs a classifier`);
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  return { about, predict: (recording) => predict(session, about, recording) };
}

// Of one recording `{ data, frames }`, joints by frame, person, joint and coordinate.
async function predict(session, about, { data, frames }) {
  const shape = [1, frames, about.persons, about.joints.length, about.channels];
  const { probabilities } = await session.run({
    joints: new ort.Tensor("float32", data, shape),
    lengths: new ort.Tensor("int64", BigInt64Array.of(BigInt(frames)), [1]),
  }, ["probabilities"]);
  const values = Array.from(probabilities.data);
  const best = values.indexOf(Math.max(...values));
  return {
    label: about.class_names[best],
    probability: values[best],
    unknown: values[best] < (about.unknown_below ?? 0),
    probabilities: Object.fromEntries(about.class_names.map((name, i) => [name, values[i]])),
  };
}

// onnxruntime-web has no way to a file's metadata, so it is read from the bytes.
function readAbout(bytes) {
  const about = {};
  for (const [name, text] of metadata(bytes)) {
    if (name.startsWith(PREFIX)) about[name.slice(PREFIX.length)] = JSON.parse(text);
  }
  if (!("format" in about)) throw new Error("not a model that skelf exported");
  if (about.format > FORMAT) throw new Error("exported by a later skelf; update this page");
  return about;
}

// Pairs of `metadata_props`, field 14 of a ModelProto: messages with a key (1) and a value (2).
function* metadata(bytes) {
  const decoder = new TextDecoder();
  for (const [field, entry] of fields(bytes)) {
    if (field !== 14) continue;
    const pair = Object.fromEntries([...fields(entry)].map(([k, part]) => [k, decoder.decode(part)]));
    yield [pair[1] ?? "", pair[2] ?? ""];
  }
}

// Fields of a protobuf message that hold bytes: number and content. Others are passed over.
function* fields(bytes) {
  let at = 0;
  const number = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      if (at >= bytes.length) throw new Error("not an ONNX file, or it is cut off");
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = number();
    const kind = tag & 7;
    if (kind === 0) number();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else if (kind === 2) {
      const size = number();
      if (at + size > bytes.length) throw new Error("not an ONNX file, or it is cut off");
      yield [tag >>> 3, bytes.subarray(at, at + size)];
      at += size;
    } else throw new Error("not an ONNX file");
  }
}
