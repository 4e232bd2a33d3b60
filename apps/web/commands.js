// An image as the command that generates it, for a terminal and for curl.
import { learnedOf, pictureOf, state } from "./store.js";

/** A text as one word of a shell. */
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${String(text).replaceAll("'", "'\\''")}'`);

/** What sets one image apart. The command line's options have the names of the API's keys. */
function settingsOf({ request }, { strategy, interpolation, gamma, alpha, beta, seed, sampler, steps, guidance, blend }) {
  const strength = interpolation === "vp" ? { interpolation, alpha, beta } : { gamma };
  const settings = { forget: strategy, ...strength, seeds: seed, sampler, steps, guidance, blend: blend || request.blend, method: request.method,
    samples: request.samples };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined && value !== null));
}

/** The line `forgedit edit …` for one image. */
export function commandOf(job, entry) {
  const source = job.result?.source || job.request.source || state.learned.get(learnedOf(job))?.source || "SOURCE";
  const words = ["forgedit", "edit", state.uploads.get(pictureOf(job))?.name || "PICTURE", entry.target, "--source", source];
  for (const [key, value] of Object.entries(settingsOf(job, entry))) words.push("--" + key, value);
  const { miniature, name } = state.info?.model || {};
  if (!miniature && name) words.push("--model", name);
  return words.map(quoted).join(" ");
}

/** The request for one image, as curl sends it. */
export function curlOf(job, entry) {
  const { picture, source, learned } = job.request;
  const request = JSON.stringify({ picture, source, learned, targets: [entry.target], ...settingsOf(job, entry) });
  const url = new URL("api/v1/jobs", document.baseURI).href;
  return `curl -H 'Content-Type: application/json' ${quoted(url)} --data ${quoted(request)}`;
}
