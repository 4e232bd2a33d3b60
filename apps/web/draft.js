// What stands in the form, kept over reloads; and the request that comes of it.
import { plannedEntries, range } from "./plan.js";
import { state } from "./store.js";

const kKey = "forgedit draft", kUsualSamples = 400;

const empty = () => ({
  picture: null, learned: null, source: "", suggestion: "", captionJob: null, targets: [""], story: "", mode: "best",
  candidates: null, strategies: ["donotforget"], interpolation: "vs", first: 0.6, last: 1.4, step: 0.2, alpha: 0.9, seeds: 1, seed: 0,
  method: "vanilla", samples: 0, sampler: null, steps: null, guidance: 7.5, negative: "", blend: 0,
});

export const draft = { ...empty(), ...stored() };

function stored() {
  try {
    return JSON.parse(localStorage.getItem(kKey) || "{}");
  } catch {
    return {};
  }
}

export function save() {
  try {
    localStorage.setItem(kKey, JSON.stringify(draft));
  } catch {
    // A browser that keeps nothing has a form that lasts as long as the tab.
  }
}

export const candidates = () => draft.candidates || state.info?.defaults?.auto_pictures || 40;
export const sampler = () => draft.sampler || state.info?.defaults?.sampler || "ddim";
export const usualSteps = (name) => (name === "ddim" ? 50 : 20);
export const steps = () => draft.steps || usualSteps(sampler());

export const editTexts = () => (draft.mode === "story" ? draft.story.split("\n") : draft.targets).map((text) => text.trim()).filter(Boolean);

/** What was learned of the same picture under the same caption in the usual way, so that it need not be learned again. */
export function knownLearned() {
  if (draft.learned) return state.learned.get(draft.learned) || { id: draft.learned };
  if (draft.method === "imagic") return null;
  return [...state.learned.values()].find(({ picture, source, method, learning, model }) =>
    model?.name === state.info?.model?.name && picture === draft.picture && source === draft.source.trim() && method === draft.method &&
    learning.samples === (draft.samples || kUsualSamples) && learning.seed === draft.seed) || null;
}

/** The request of the form as it stands. */
export function request() {
  const learned = knownLearned();
  // Imagic learns the target itself.
  const source = draft.method === "imagic" ? undefined : draft.source.trim();
  const from = learned ? { learned: learned.id } : { picture: draft.picture, source, method: draft.method };
  /** @type {any} */
  const result = { kind: "edit", ...from, targets: editTexts(), sampler: sampler(), steps: steps(), guidance: draft.guidance };
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

/** How many images the form asks for, and whether the picture is learned first. */
export function cost() {
  const asked = request();
  const images = asked.auto ? asked.auto.pictures * Math.max(1, asked.targets.length) : plannedEntries(asked)?.length || 0;
  return { images, learns: !asked.learned };
}

/** Puts a job's settings into the draft. */
export function takeSettings(job) {
  const asked = job.request || {};
  const targets = [asked.targets ?? asked.target ?? ""].flat();
  Object.assign(draft, {
    picture: asked.picture || null, learned: asked.learned || null, source: job.result?.source || asked.source || "", captionJob: null,
    targets, mode: asked.auto ? "best" : "sweep", candidates: asked.auto?.pictures || null, method: asked.method || "vanilla",
    samples: asked.samples || 0, sampler: asked.sampler || null, steps: asked.steps || null, guidance: asked.guidance ?? 7.5,
    negative: asked.negative || "", blend: asked.blend || 0,
  });
  const entries = plannedEntries(asked);
  if (entries?.length) {
    const strengths = [...new Set(entries.map((one) => one.gamma ?? one.beta))].sort((a, b) => a - b);
    const seeds = [...new Set(entries.map((one) => one.seed))];
    Object.assign(draft, {
      strategies: [...new Set(entries.map((one) => one.strategy))], interpolation: entries[0].interpolation, first: strengths[0],
      last: strengths[strengths.length - 1], step: strengths.length > 1 ? Math.round((strengths[1] - strengths[0]) * 1e6) / 1e6 : 0.2,
      seeds: seeds.length, seed: Math.min(...seeds), alpha: entries[0].alpha ?? 0.9,
    });
  }
  save();
}

/** What `target` changes in the source's words: [{from, to}], in order; empty where they are the same. */
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
