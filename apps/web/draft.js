// What stands in the form, kept over reloads; and the request that comes of it.
import { plannedEntries, range } from "./plan.js";
import { changed, state } from "./store.js";

const kKey = "forgedit draft";

const empty = () => ({
  picture: null, learned: null, source: "", suggestion: "", captionJob: null, targets: [""], story: "", mode: "best",
  candidates: null, strategies: ["donotforget"], interpolation: "vs", first: 0.6, last: 1.4, step: 0.2, alpha: 0.9, seeds: 1, seed: 0,
  method: "vanilla", samples: 0, sampler: null, steps: null, guidance: null, negative: "", blend: 0,
});

export const draft = { ...empty(), ...stored() };

function stored() {
  try {
    return JSON.parse(localStorage.getItem(kKey) || "{}");
  } catch {
    return {};
  }
}

/** The draft has changed: it is kept, and shown. */
export function edited() {
  try {
    localStorage.setItem(kKey, JSON.stringify(draft));
  } catch {
    // A browser that keeps nothing has a form that lasts as long as the tab.
  }
  changed();
}

export const candidates = () => draft.candidates || state.info?.defaults?.auto_pictures || 40;
export const sampler = () => draft.sampler || state.info?.defaults?.sampler || "ddim";
export const usualSteps = (name) => (name === "ddim" ? state.info?.defaults?.steps || 50 : 20);
export const steps = () => draft.steps || usualSteps(sampler());
export const guidance = () => draft.guidance ?? state.info?.defaults?.guidance ?? 7.5;

export const editTexts = () => (draft.mode === "story" ? draft.story.split("\n") : draft.targets).map((text) => text.trim()).filter(Boolean);

/** The same picture, learned in the same way. */
export function knownLearned() {
  if (draft.learned) return state.learned.get(draft.learned) || { id: draft.learned };
  if (draft.method === "imagic") return null;
  return [...state.learned.values()].find(({ picture, source, method, learning, model }) =>
    model?.name === state.info?.model?.name && picture === draft.picture && source === draft.source.trim() && method === draft.method &&
    learning.samples === (draft.samples || state.info?.defaults?.samples) && learning.seed === draft.seed) || null;
}

/** The request of the form as it stands. */
export function request() {
  const learned = knownLearned();
  // Imagic learns the target itself.
  const source = draft.method === "imagic" ? undefined : draft.source.trim();
  const from = learned ? { learned: learned.id } : { picture: draft.picture, source, method: draft.method };
  const result = { kind: "edit", ...from, targets: editTexts(), sampler: sampler(), steps: steps(), guidance: guidance() };
  if (!learned && draft.samples) result.samples = draft.samples;
  if (draft.negative.trim()) result.negative = draft.negative.trim();
  if (draft.blend) result.blend = draft.blend;
  if (draft.mode === "best") {
    result.auto = { pictures: candidates() };
    if (draft.seed) result.seeds = [draft.seed];
    return result;
  }
  result.forget = draft.strategies;
  result.seeds = range({ first: draft.seed, last: draft.seed + draft.seeds - 1, step: 1 });
  const strengths = range({ first: draft.first, last: draft.last, step: draft.step });
  if (draft.interpolation === "vp") Object.assign(result, { interpolation: "vp", alpha: [draft.alpha], beta: strengths });
  else result.gamma = strengths;
  return result;
}

/** Seconds of a unit of work on so many pixels, measured or expected; NaN where unknown. */
function unit(work, pixels) {
  const far = (one) => Math.abs(Math.log((one.width * one.height) / pixels));
  const known = (state.info?.speeds || []).filter((one) => one.work === work).sort((a, b) => b.measured - a.measured || far(a) - far(b))[0];
  return known ? (known.seconds * pixels) / (known.width * known.height) : NaN;
}

/** How many images the form asks for, whether it learns first, and the seconds of both. */
export function cost() {
  const asked = request(), learns = !asked.learned;
  const images = asked.auto ? asked.auto.pictures * Math.max(1, asked.targets.length) : plannedEntries(asked)?.length || 0;
  const { size, name } = state.info?.model || {}, frame = state.uploads.get(draft.picture)?.frame, { width, height } = knownLearned() || {};
  const pixels = name && (width * height || frame?.grid_width * frame?.grid_height || size * size);
  const learning = learns ? unit(draft.method, pixels) * (draft.samples || usualSamples(draft.method)) : 0;
  // Each image has a step more, for decoding; and the reconstruction is one.
  return { images, learns, learning, sampling: unit("images", pixels) * (images + 1) * (steps() + 1) };
}

const usualSamples = (method) => state.info?.methods?.find((one) => one.name === method)?.usual_samples;

/** A job's settings, as the draft has them. */
export function settingsOf(job) {
  const asked = job.request || {}, entries = plannedEntries(asked) || [];
  const values = (key) => [...new Set(entries.map((one) => one[key]))];
  const settings = {
    picture: asked.picture || null, learned: asked.learned || null, source: job.result?.source || asked.source || "", captionJob: null,
    targets: [asked.targets ?? asked.target ?? ""].flat(), mode: asked.auto ? "best" : "sweep", candidates: asked.auto?.pictures || null,
    method: asked.method || "vanilla", samples: asked.samples || 0, sampler: asked.sampler || null, steps: asked.steps || null,
    guidance: asked.guidance ?? null, negative: asked.negative || "", blend: asked.blend || 0,
  };
  if (!entries.length) return settings;
  const { interpolation, alpha = 0.9 } = entries[0], seeds = values("seed");
  const strengths = values(interpolation === "vp" ? "beta" : "gamma").sort((a, b) => a - b);
  return { ...settings, strategies: values("strategy"), interpolation, alpha, first: strengths[0], last: strengths[strengths.length - 1],
    step: strengths.length > 1 ? Math.round((strengths[1] - strengths[0]) * 1e6) / 1e6 : 0.2, seeds: seeds.length, seed: Math.min(...seeds) };
}

/** What `target` changes in the source's words: [{from, to}], in order. */
export function differences(source, target) {
  // The empty word at both ends is a word in common.
  const words = (text) => [...text.replace(/[.,:;!?]+(?=\s|$)/g, "").trim().split(/\s+/), ""];
  const a = words(source), b = words(target);
  // common[i][j]: how many words a from i on and b from j on have in common, in order.
  const common = Array.from({ length: a.length + 1 }, () => new Array(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; --i) for (let j = b.length - 1; j >= 0; --j) {
    common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  }
  const changes = [];
  let from = [], to = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      if (from.length || to.length) changes.push({ from: from.join(" "), to: to.join(" ") });
      [from, to] = [[], []];
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1])) from.push(a[i++]);
    else to.push(b[j++]);
  }
  return changes;
}
