// An image as the command that generates it, for a terminal and for curl.
import { learnedOf, pictureOf, state } from "./store.js";

/** A text as one word of a shell. */
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${String(text).replaceAll("'", "'\\''")}'`);

const known = (settings) => Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined && value !== null));

/** How the picture was learned. */
function learningOf(job) {
  const { source, method, learning } = state.learned.get(learnedOf(job)) || {};
  const { request, result } = job;
  return { source: result?.source || request.source || source || "SOURCE", method: request.method || method,
    samples: request.samples || learning?.samples, batch: request.batch, size: request.size,
    seed: learning?.seed ?? [request.seeds ?? 0].flat()[0] };
}

/** What sets an image apart; the command line's options are the API's keys. */
function settingsOf(job, { strategy, interpolation, gamma, alpha, beta, sampler, steps, guidance, negative, start, protect, blend }) {
  const strength = interpolation === "vp" ? { interpolation, alpha, beta } : { gamma };
  return known({ forget: strategy, ...strength, sampler, steps, guidance, negative, start, protect, blend: blend || job.request.blend });
}

/** The first seed is also that of learning: an image of another one needs both. */
const seedsOf = (learned, seed) => (Number(learned) === seed ? seed : `${learned},${seed}`);

/** The line `forgedit edit …` for one image. */
export function commandOf(job, entry) {
  const { source, seed, method, ...learning } = learningOf(job);
  const words = ["forgedit", "edit"];
  if (method !== "imagic") words.push("--source", source);
  const settings = { ...settingsOf(job, entry), seeds: seedsOf(seed, entry.seed), ...known({ method, ...learning }), "draw-batch": 1 };
  // What begins like an option is taken for one as a word of its own.
  for (const [key, value] of Object.entries(settings))
    words.push(...(value === true ? ["--" + key] : `${value}`[0] === "-" ? [`--${key}=${value}`] : ["--" + key, `${value}`]));
  const { miniature, name } = state.info?.model || {};
  if (!miniature && name) words.push("--model", name);
  words.push("--", state.uploads.get(pictureOf(job))?.name || "PICTURE", entry.target);
  return words.map(quoted).join(" ");
}

/** The request for one image, as curl sends it. */
export function curlOf(job, entry) {
  const { picture, learned, method, samples, batch, size } = job.request;
  const { source, seed } = learningOf(job);
  const from = learned ? { learned, seeds: entry.seed }
    : { picture, source: method === "imagic" ? undefined : source, method, samples, batch, size, seeds: seedsOf(seed, entry.seed) };
  const request = JSON.stringify({ ...from, targets: [entry.target], ...settingsOf(job, entry) });
  const url = new URL("api/v1/jobs", document.baseURI).href;
  return `curl -H 'Content-Type: application/json' ${quoted(url)} --data ${quoted(request)}`;
}
