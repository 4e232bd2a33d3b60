// What a job will generate, by its request: the grid comes before its images.
import { state } from "./store.js";
import { texts } from "./texts.js";

const kStrengths = { first: 0.6, last: 1.4, step: 0.2 }, kBetas = { first: 0.8, last: 1.6, step: 0.2 };
const kMostCells = 400, kAutoPictures = 40;

/** FIRST to LAST by STEP, both ends included. */
export function range({ first, last, step }) {
  if (!(step > 0) || last < first) return [first];
  const count = Math.min(kMostCells, Math.floor((last - first) / step + 1e-6) + 1);
  return Array.from({ length: count }, (_, i) => Math.round((first + i * step) * 1e6) / 1e6);
}

/** Numbers of a request: one, a list, "a,b", "first:last:step", or {first, last, step}. */
function numbers(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === "number") return [value];
  if (Array.isArray(value)) return value.flatMap((one) => numbers(one) || []);
  if (typeof value === "object") return range(value);
  return String(value).split(",").flatMap((part) => {
    const ends = part.split(":").map(Number);
    return ends.length === 3 ? range({ first: ends[0], last: ends[1], step: ends[2] }) : [Number(part)];
  }).filter((one) => Number.isFinite(one));
}

function names(value) {
  if (!value) return null;
  return (Array.isArray(value) ? value : String(value).split(",")).map((name) => (name === "orig" ? "donotforget" : name));
}

/** A request's entries, in order; null where the server decides. */
export function plannedEntries(request) {
  if (!request || request.kind === "draw" || request.auto || request.preset || request.story) return null;
  const targets = [request.targets ?? request.target ?? []].flat();
  const strategies = names(request.forget ?? request.strategies) || ["donotforget"];
  const first = numbers(request.seeds ?? request.seed) || [0];
  const seeds = first.flatMap((seed) => Array.from({ length: request.repeat || 1 }, (_, i) => seed + i));
  const strengths = strengthsOf(request);
  const entries = [];
  for (const target of targets) for (const seed of seeds) for (const strategy of strategies) for (const strength of strengths) {
    if (entries.length >= kMostCells) return entries;
    entries.push({ kind: "edit", target, seed, strategy, ...strength });
  }
  return entries;
}

function strengthsOf(request) {
  if (request.interpolation === "vp") {
    const betas = numbers(request.beta) || range(kBetas);
    return (numbers(request.alpha) || [0.9]).flatMap((alpha) => betas.map((beta) => ({ interpolation: "vp", alpha, beta })));
  }
  const usual = request.method === "imagic" ? [1.2] : range(kStrengths);
  return (numbers(request.gamma) || usual).map((gamma) => ({ interpolation: "vs", gamma }));
}

const rounded = (value) => (value === undefined ? "" : Math.round(value * 1e4) / 1e4);

/** The same for all images of one column. */
export const strengthKey = (entry) =>
  entry.interpolation === "vp" ? `vp ${rounded(entry.alpha)} ${rounded(entry.beta)}` : `vs ${rounded(entry.gamma)}`;

/** The same for an entry that is planned and the image that comes of it. */
export const cellKey = (entry) => [entry.target, entry.strategy, strengthKey(entry), entry.seed].join("\n");

export const byStrength = (a, b) =>
  (a.alpha ?? 0) - (b.alpha ?? 0) || (a.gamma ?? a.beta ?? 0) - (b.gamma ?? b.beta ?? 0);

/** "encoderattn, γ 0.8, seed 0" */
export function labelOf(entry) {
  if (entry.kind === "reconstruction") return texts.grid.reconstruction;
  const blend = entry.blend ? `${texts.view.facts.blend.toLowerCase()} ${texts.number(entry.blend)}` : "";
  if (entry.kind === "unlearned") return texts.grid.unlearned;
  return [entry.strategy, texts.grid.strength(entry), blend, texts.grid.seed(entry.seed)].filter(Boolean).join(", ");
}

/** The forgetting strategies of a method: [{name, summary}]. */
export const strategiesOf = (method = "vanilla") => state.info?.methods?.find((one) => one.name === method)?.strategies || [];

/** A job's entries, as the server planned them, or as its request says. */
export const plannedOf = (job) => (job.plan?.length ? job.plan.filter((entry) => entry.kind === "edit") : plannedEntries(job.request) || []);

/** How many images a job will have, without its reconstruction; null where unknown. */
export function plannedCount(job) {
  const request = job.request;
  if (!request) return null;
  if (request.kind === "draw") return 1;
  if (request.auto) return (request.auto.pictures || kAutoPictures) * Math.max(1, [request.targets ?? request.target ?? ""].flat().length);
  return plannedOf(job).length || null;
}

/** The choice so far: {best, front, points, edit, kept}; the last two name the measures. */
export const choiceOf = (job) => job.result?.choice || { best: [], front: [], points: [] };

/** The best of an automatic choice: [{stem, target, reason}], of one text or of all. */
export const bestOf = (job, target) => choiceOf(job).best.filter((one) => target === undefined || one.target === target);
