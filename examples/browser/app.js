// The page: a file comes in, an answer is drawn. Texts of files are never read as HTML.

import { openModel } from "./model.js";
import { readRecording } from "./recording.js";

const at = (id) => document.getElementById(id);
let model = null;

async function use(bytes, name) {
  model = null;
  model = await openModel(bytes);
  const { about } = model;
  const unit = about.unit ? `, in ${about.unit}s` : "";
  at("model").textContent =
    `${name}: ${about.class_names.length} classes, ${about.joints.length} joints${unit}`;
}

async function classify(text, name) {
  if (!model) throw new Error("there is no model yet; drop model.onnx on the page");
  const recording = readRecording(text, name, model.about);
  const started = performance.now();
  const answer = await model.predict(recording);
  const took = performance.now() - started;
  const said = answer.unknown ? `unknown (perhaps ${answer.label})` : answer.label;
  at("answer").textContent = `${name}: ${said}, ${recording.frames} frames in ${took.toFixed(0)} ms`;
  draw(answer.probabilities);
  return { name, ...answer };
}

function draw(probabilities) {
  const rows = Object.entries(probabilities).sort((a, b) => b[1] - a[1]).slice(0, 10);
  at("classes").replaceChildren(...rows.map(([label, probability]) => {
    const row = document.createElement("tr");
    const [head, bar, number] = ["th", "td", "td"].map((tag) => document.createElement(tag));
    const meter = document.createElement("meter");
    meter.value = probability;
    head.textContent = label;
    bar.append(meter);
    number.textContent = `${(100 * probability).toFixed(1)} %`;
    row.append(head, bar, number);
    return row;
  }));
}

async function take(file) {
  at("error").textContent = "";
  let answer = null;
  try {
    if (/\.onnx$/i.test(file.name)) await use(new Uint8Array(await file.arrayBuffer()), file.name);
    else answer = await classify(await file.text(), file.name);
  } catch (error) {
    at("error").textContent = `${file.name}: ${error.message}`;
    at("answer").textContent = "";
    at("classes").replaceChildren();
  }
  // For programs that drive the page: what was answered, or what was wrong.
  const detail = { answer, error: at("error").textContent };
  document.dispatchEvent(new CustomEvent("answered", { detail }));
}

addEventListener("dragover", (event) => { event.preventDefault(); document.body.className = "over"; });
addEventListener("dragleave", () => { document.body.className = ""; });
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.className = "";
  if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
});
at("file").addEventListener("change", (event) => { if (event.target.files.length) take(event.target.files[0]); });

try {
  const response = await fetch("model.onnx");
  if (!response.ok) throw new Error("no model.onnx beside the page; drop one here");
  await use(new Uint8Array(await response.arrayBuffer()), "model.onnx");
} catch (error) {
  at("model").textContent = error.message;
}
document.dispatchEvent(new CustomEvent("ready", { detail: { model: at("model").textContent } }));
