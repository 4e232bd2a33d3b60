// @ts-check
// An image as the command that generates it, for a terminal and for curl.
import { pictureOf, state } from "./store.js";

/** A text as one word of a shell. */
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${String(text).replaceAll("'", "'\\''")}'`);

function optionsOf(entry) {
  const options = entry.interpolation === "vp" ? ["--interpolation", "vp", "--alpha", entry.alpha, "--beta", entry.beta]
                                               : ["--gamma", entry.gamma];
  return ["--forget", entry.strategy, ...options, "--seeds", entry.seed, "--sampler", entry.sampler, "--steps", entry.steps,
    "--guidance-scale", entry.guidance];
}

/** The line `forgedit edit …` for one image. */
export function commandOf(job, entry) {
  const request = job.request || {};
  const name = state.uploads.get(pictureOf(job))?.name || "PICTURE";
  const words = ["forgedit", "edit", name, entry.target, "--source", job.result?.source || request.source || "SOURCE", ...optionsOf(entry)];
  if (request.method && request.method !== "vanilla") words.push("--method", request.method);
  if (request.samples) words.push("--samples", request.samples);
  const blend = entry.blend ?? request.blend;
  if (blend) words.push("--blend", blend);
  const model = state.info?.model;
  if (model && !model.miniature && model.name) words.push("--model", model.name);
  return words.map(quoted).join(" ");
}

/** The request for one image, as the API takes it. */
function requestOf(job, entry) {
  const { targets, target, story, auto, preset, forget, gamma, alpha, beta, seeds, seed, repeat, ...rest } = job.request || {};
  const strength = entry.interpolation === "vp" ? { interpolation: "vp", alpha: entry.alpha, beta: entry.beta } : { gamma: entry.gamma };
  return { ...rest, kind: "edit", targets: [entry.target], forget: entry.strategy, ...strength, seeds: [entry.seed], sampler: entry.sampler,
    steps: entry.steps, guidance: entry.guidance };
}

export function curlOf(job, entry) {
  const request = JSON.stringify(job.kind === "draw" ? job.request : requestOf(job, entry));
  const url = new URL("api/v1/jobs", document.baseURI).href;
  return `curl -H 'Content-Type: application/json' ${quoted(url)} --data ${quoted(request)}`;
}
