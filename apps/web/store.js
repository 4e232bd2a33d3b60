// What the page knows: all of it is the server's but the draft of the form.
import { get, query, ApiError, Offline } from "./api.js";
import { announce } from "./dom.js";
import { links } from "./route.js";
import { texts } from "./texts.js";

export const state = {
  info: null,
  online: true,
  needsToken: false,
  // jobs by id; `request`, `result` and `pictures` are there once the whole job was read
  jobs: new Map(),
  olderJobs: null,
  uploads: new Map(),
  learned: new Map(),  // saved edits
  worker: null,
  queue: null,
  places: new Map(),  // {position, starts_in} of queued jobs
};

const kInfoWait = 1000;
const watched = new Set();  // ids of jobs that are on the screen
const reading = new Map();  // ids of jobs that are being read, with "again" where they changed meanwhile
let render = () => {};
let scheduled = false;
let infoTimer = 0;

/** `call` is called before the next frame after any change. */
export function onChange(call) {
  render = call;
}

export function changed() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    render();
  });
}

export const isOver = (job) => !["queued", "running"].includes(job.state);
export const newestFirst = (a, b) => (a.made === b.made ? (a.id < b.id ? 1 : -1) : b.made - a.made);

/** Takes a job as the server says it, in short or whole, into the store. */
export function takeJob(given) {
  let job = state.jobs.get(given.id);
  if (!job) state.jobs.set(given.id, (job = { id: given.id, losses: [], previews: new Map(), notes: [] }));
  const before = job.state;
  if (given.version !== undefined && job.version !== undefined && given.version < job.version) return job;
  const { pictures, notes, ...rest } = given;
  Object.assign(job, rest);
  if (pictures) {
    job.pictures = pictures;
    job.read = given.version;
  }
  if (notes) job.notes = notes;
  takeLosses(job);
  takeScores(job);
  if (isOver(job)) job.previews.clear();
  const said = texts.job.announce[job.state];
  if (said && before && before !== job.state && job.kind === "edit") announce(texts.job.said(titleOf(job), said));
  changed();
  return job;
}

function takeLosses(job) {
  const { progress, result } = job;
  if (progress?.stage === "learning" && progress.done > 0) {
    job.learnSteps = progress.total;
    job.losses.length = progress.done - 1;
    job.losses.push(progress.loss);
  }
  const whole = result?.losses || progress?.losses;
  if (whole?.length >= job.losses.length) job.losses = whole.slice();
}

/** What a job is called: its texts, which lists have in short. */
export const titleOf = (job) => targetsOf(job).join(" · ") || job.title || "";

/** The texts of what a job generates. */
export function targetsOf(job) {
  const request = job.request || {};
  return [request.targets || request.story || request.target || []].flat().map((item) => (typeof item === "string" ? item : item.target));
}

/** A job's finished edits; what a planned image is; and the newest preview of one. */
export const editsOf = (job) => (job.pictures || []).filter((one) => one.entry?.kind === "edit");
export const entryOf = (job, stem) => job.plan?.find((entry) => entry.stem === stem);
export const previewOf = (job) => [...job.previews.values()].pop();

/** The id of the upload that a job is about. */
export function pictureOf(job) {
  return job.picture || state.learned.get(learnedOf(job))?.picture;
}

/** The job whose image a draw adjusts, else the one that learned its picture. */
export const parentOf = (job) => job.parent || state.learned.get(job.learned)?.job;

/** The address of a job's image. */
export function linkOf(job, stem) {
  const parent = job.kind === "draw" && parentOf(job);
  return parent ? links.draw(parent, job.id) : links.job(job.id, stem);
}

/** The id of the saved edit that a job made or used. */
export function learnedOf(job) {
  return job.learned || job.result?.learned || null;
}

/** The address of an upload as the page may show it; `thumb` for a small one. */
export function pictureUrl(id, thumb = false) {
  if (!id) return null;
  return `api/v1/pictures/${id}/${thumb ? "thumb" : "view"}.webp`;
}

/** Reads a job whole; once more where it changed meanwhile. */
export async function readJob(id) {
  if (reading.has(id)) return void reading.set(id, "again");
  reading.set(id, "");
  try {
    takeJob(await get(`api/v1/jobs/${id}`));
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) {
      state.jobs.set(id, { id, missing: true, losses: [], previews: new Map(), notes: [] });
      changed();
    } else note(error);
  } finally {
    const again = reading.get(id) === "again";
    reading.delete(id);
    if (again) readJob(id);
  }
}

/** The scores of an automatic choice, put where the images' other settings are. */
function takeScores(job) {
  const points = new Map((job.result?.choice?.points || []).map((point) => [point.stem, point]));
  for (const { stem, entry } of editsOf(job)) {
    const point = points.get(stem);
    if (point) Object.assign(entry, { edit: point.edit, kept: point.kept, counts: point.counts });
  }
}

/** The job is on the screen: it is read whole, again whenever it changes. */
export function watch(id) {
  watched.add(id);
  const job = state.jobs.get(id);
  if (!job || job.read !== job.version || !job.pictures) readJob(id);
}

export function unwatchAll() {
  watched.clear();
}

/** A short job from an event or a list. */
function takeSummary(summary) {
  const job = takeJob(summary);
  if (watched.has(job.id) && job.read !== job.version) readJob(job.id);
}

/** Reads everything again: at the start, and whenever events may have been missed. */
export async function readAll() {
  try {
    await readInfo();
    const page = await get("api/v1/jobs" + query({ limit: 50 }));
    takeQueue(await get("api/v1/queue"));
    forgetDeleted(page.jobs, page.next === null);
    state.olderJobs = page.next;
    page.jobs.forEach(takeSummary);
    await readLearned();
    for (const id of watched) readJob(id);
    setOnline(true);
  } catch (error) {
    note(error);
  }
}

function forgetDeleted(listed, isAll) {
  const there = new Set(listed.map((job) => job.id));
  const oldest = listed.length ? listed[listed.length - 1].made : 0;
  for (const [id, job] of state.jobs) {
    if (there.has(id) || watched.has(id)) continue;
    if (isAll || job.made > oldest) state.jobs.delete(id);
  }
}

/** The model is known as soon as a worker has told what it has. */
async function readInfo() {
  const info = await get("api/v1/info");
  if (info.worker) state.worker = { ...state.worker, ...info.worker };
  state.info = info;
  clearTimeout(infoTimer);
  if (!info.model) infoTimer = window.setTimeout(() => readInfo().catch(note), kInfoWait);
  changed();
}

export async function readOlderJobs() {
  const page = await get("api/v1/jobs" + query({ limit: 50, before: state.olderJobs }));
  state.olderJobs = page.next;
  page.jobs.forEach(takeSummary);
}

/** Where each job stands in the queue. */
function takeQueue(queue) {
  state.queue = queue;
  state.places = new Map(queue.queued.map((place) => [place.id, place]));
  changed();
}

export async function readLearned() {
  const { learned } = await get("api/v1/learned");
  state.learned = new Map(learned.map((item) => [item.id, item]));
  changed();
}

/** What there is to know of an upload. */
export async function readPicture(id) {
  const known = state.uploads.get(id);
  if (known?.bytes) return known;
  const picture = await get(`api/v1/pictures/${id}`);
  state.uploads.set(id, picture);
  changed();
  return picture;
}

export function setOnline(online) {
  if (state.online === online) return;
  state.online = online;
  announce(online ? "" : texts.banner.offline);
  changed();
}

/** What is to be done about an error that nobody else shows. */
export function note(error) {
  if (error instanceof Offline) setOnline(false);
  else if (error instanceof ApiError && error.status === 401) {
    state.needsToken = true;
    changed();
  } else if (error instanceof ApiError && error.status === 503) setOnline(false);
  else console.error(error);
}

/** Events of the server, by name (docs/server.md). */
export const onEvent = {
  job: takeSummary,
  picture(data) {
    const job = state.jobs.get(data.job);
    if (!job) return;
    job.previews.delete(data.stem);
    job.pictures ||= [];
    const at = job.pictures.findIndex((one) => one.stem === data.stem);
    if (at < 0) job.pictures.push(data);
    else job.pictures[at] = data;
    takeScores(job);
    changed();
  },
  loss(data) {
    const job = state.jobs.get(data.job);
    if (job) job.losses = [...job.losses.slice(0, data.from), ...data.losses];
    changed();
  },
  preview(data) {
    state.jobs.get(data.job)?.previews.set(data.stem, data);
    changed();
  },
  choice(data) {
    const job = state.jobs.get(data.job);
    if (!job) return;
    job.result = { ...job.result, choice: data };
    takeScores(job);
    changed();
  },
  note(data) {
    const job = state.jobs.get(data.job);
    if (job && !job.notes.some((one) => one.text === data.text)) job.notes.push(data);
    changed();
  },
  learned() {
    readLearned().catch(note);
  },
  info() {
    readInfo().catch(note);
  },
  queue: takeQueue,
  worker(data) {
    state.worker = data;
    changed();
  },
  gone(data) {
    if (data.kind === "job") state.jobs.delete(data.id);
    if (data.kind === "learned") state.learned.delete(data.id);
    changed();
  },
};
