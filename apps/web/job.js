// A job: what it does, its images, and one of them to compare, adjust and download.
import { createActions } from "./actions.js";
import { createAdjust, entryOfDraw, triesOf } from "./adjust.js";
import { post, remove } from "./api.js";
import { lossChart, scatterChart } from "./charts.js";
import { confirm } from "./dialogs.js";
import { button, buttons, h, hint, keyed, problems, set, setStyle, setText, show } from "./dom.js";
import { createGrid, imageButton } from "./grid.js";
import { bestOf, choiceOf, labelOf, plannedCount } from "./plan.js";
import { go, links } from "./route.js";
import { editsOf, entryOf, isOver, learnedOf, note, pictureOf, pictureUrl, previewOf, state, targetsOf, takeJob, titleOf, watch } from "./store.js";
import { texts } from "./texts.js";
import { createViewer } from "./viewer.js";

/** The screen of one job. `onUse` gets the job whose settings are wanted in the form. */
export function createJobScreen(id, { onUse }) {
  watch(id);
  const view = { picked: null, tried: null, nearest: null };
  const pick = (stem) => go(links.job(id, stem));
  const goToDraw = (draw) => {
    view.nearest = null;
    go(links.draw(id, draw));
  };
  const parts = createParts(id, { onUse, pick, onDraw: goToDraw, onNearest: (picture) => {
    view.nearest = picture;
    update();
  } });
  const message = hint(texts.job.loading);
  const node = h("article", { class: "job" }, message, parts.node);

  function update() {
    const job = state.jobs.get(id);
    setText(message, job?.missing ? texts.job.unknown : texts.job.loading);
    const isRead = Boolean(job?.request);
    show(message, !isRead);
    show(parts.node, isRead);
    if (isRead) parts.update(job, shown(job, view), view);
  }

  const here = () => state.jobs.get(id) || {};
  return {
    node,
    update,
    /** `part` of the address: {stem}, {draw}, or nothing. */
    place(part) {
      Object.assign(view, { picked: part.stem || null, tried: part.draw || null, nearest: null });
      if (view.tried) watch(view.tried);
      update();
    },
    keys: {
      star: parts.actions.star,
      compare: parts.viewer.nextMode,
      hold: parts.viewer.setHeld,
      best: (rank) => {
        const found = bestOf(here())[rank];
        if (found) pick(found.stem);
      },
      nudge: (by) => learnedOf(here()) && parts.adjust.nudge(by),
      undo: parts.adjust.undo,
      release() {
        view.nearest = null;
        parts.adjust.release();
        update();
      },
    },
  };
}

/** What the screen is made of. */
function createParts(id, { onUse, pick, onDraw, onNearest }) {
  const head = createHead(id, onUse), viewer = createViewer(), actions = createActions(), loss = lossChart();
  const lossPanel = h("section", { class: "panel" }, h("h3", { text: texts.job.lossTitle }), loss.node);
  const grid = createGrid({ onPick: pick }), scatter = scatterChart(pick), best = createBest(pick);
  const adjust = createAdjust(id, { onNearest, onDraw });
  const notes = h("ul", { class: "notes" });
  const node = h("div", { hidden: true }, head.node,
    h("div", { class: "stage" }, h("div", {}, viewer.node, actions.node), h("div", {}, lossPanel, best.node, adjust.node)),
    adjust.strip, h("div", { class: "pair" }, grid.node, scatter.node), notes);

  /** `one` is what the viewer shows. */
  function update(job, one, { tried, nearest }) {
    const edits = editsOf(job), learned = learnedOf(job);
    head.update(job);
    updateViewer(viewer, job, one);
    actions.update(job, one?.job ? one : null);
    loss.update(job.losses, job.learnSteps);
    show(lossPanel, job.losses.length > 0 && !edits.length);
    const drawn = triesOf(id).filter((draw) => draw.pictures?.[0]).map((draw) => ({ ...draw.pictures[0], entry: entryOfDraw(draw) }));
    adjust.update({ learned, isOver: isOver(job), picked: one?.entry?.kind === "edit" ? one : null, tried, pictures: [...edits, ...drawn],
      isMoving: Boolean(nearest) });
    const picked = tried ? null : one?.stem;
    best.update(job, picked);
    grid.update(job, picked);
    scatter.update(edits, { best: bestOf(job).map((item) => item.stem), front: new Set(choiceOf(job).front), picked, measures: choiceOf(job) });
    updateNotes(notes, job);
  }

  return { node, update, viewer, actions, adjust };
}

/** What the viewer shows: the image nearest to a slider, a try, the picked one, or the best so far. */
function shown(job, { nearest, tried, picked }) {
  if (nearest) return { ...nearest, note: texts.view.nearest(labelOf(nearest.entry)) };
  if (tried) return shownTry(tried);
  const asked = (job.pictures || []).find((one) => one.stem === picked);
  if (asked) return { ...asked, job };
  const edits = editsOf(job), first = bestOf(job)[0];
  const found = edits.find((one) => one.stem === first?.stem) || edits[isOver(job) ? Math.floor((edits.length - 1) / 2) : edits.length - 1];
  if (found) return { ...found, job };
  const preview = previewOf(job);
  return preview ? { preview, entry: entryOf(job, preview.stem) } : null;
}

function shownTry(tried) {
  const job = state.jobs.get(tried);
  if (!job) return watch(tried), null;
  if (!job.pictures && job.read === undefined) watch(tried);
  const entry = entryOfDraw(job), picture = job.pictures?.[0];
  if (picture) return { ...picture, entry, job, tried };
  if (job.state === "failed") return { entry, tried, note: texts.job.errorIn(job.error?.message) };
  if (job.state === "cancelled") return { entry, tried, note: texts.states.cancelled };
  const preview = previewOf(job);
  return { entry, tried, preview, note: texts.view.drawing(preview?.step, preview?.of) };
}

function updateViewer(viewer, job, one) {
  const upload = pictureOf(job), { preview, entry } = one || {};
  viewer.update({
    original: pictureUrl(upload) || (job.pictures || []).find((picture) => picture.entry?.kind === "reconstruction")?.url || null,
    url: one?.url || preview?.image || null,
    alt: entry ? texts.view.alt(entry.target || "", labelOf(entry)) : "",
    note: one?.note || (preview ? texts.view.drawing(preview.step, preview.of) : one || isOver(job) || job.learned ? null : texts.job.learnWait),
    preview: preview && !one.url,
  });
}

function updateNotes(list, job) {
  const shown = job.notes.filter((one) => one.warning);
  keyed(list, shown, (one) => one.text, (one) => h("li", { class: "warning", text: one.text }));
  show(list, shown.length > 0);
}

/** The best three of an automatic choice, with their reasons. */
function createBest(pick) {
  const title = h("h3");
  const list = h("ol", { class: "best" });
  const node = h("section", { class: "panel", hidden: true }, title, list);
  const update = (job, picked) => {
    const targets = targetsOf(job);
    const all = targets.flatMap((target) => bestOf(job, target).map((one, rank) => ({ ...one, rank, target })))
      .map((one) => ({ ...one, picture: (job.pictures || []).find((picture) => picture.stem === one.stem) })).filter((one) => one.picture);
    show(node, all.length > 0);
    setText(title, isOver(job) ? texts.best.title : texts.best.soFar);
    keyed(list, all, (one) => one.stem, (one) =>
      h("li", {}, imageButton(() => pick(one.stem)), h("p")), (item, one) => {
      const cell = item.firstElementChild;
      set(cell.firstElementChild, "src", one.picture.thumb || one.picture.url);
      set(cell, "aria-label", texts.best.pick(one.rank, labelOf(one.picture.entry)));
      set(cell, "aria-pressed", String(one.stem === picked));
      set(cell, "data-best", texts.grid.best(one.rank));
      setText(item.lastElementChild, one.reason);
    });
  };
  return { node, update };
}

/** The job's texts, where it stands, and what can be done about it. */
function createHead(id, onUse) {
  const title = h("h2"), from = h("p", { class: "from" }), status = h("p", { class: "status" });
  const bar = h("div", { class: "bar-fill" });
  const meter = h("div", { class: "meter", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": texts.states.running }, bar);
  const problem = problems(note);
  const act = problem.run;
  const stop = (when) => act(async () => takeJob(await post(`api/v1/jobs/${id}/cancel`, { when })));
  const cancel = button(texts.job.cancelNow, () => stop("now"), null, { title: texts.job.cancelText });
  const after = button(texts.job.cancelAfter, () => stop("picture"));
  const retry = button(texts.job.retry, () => act(async () => takeJob(await post(`api/v1/jobs/${id}/retry`, {}))));
  const use = button(texts.job.settings, () => onUse(state.jobs.get(id)), "quiet");
  const away = button(texts.job.remove, () => removeJob(id, act), "quiet");
  const node = h("header", { class: "job-head" }, h("div", {}, title, from), buttons(use, away),
    status, buttons(after, cancel, retry), meter, problem.node);
  const update = (job) => {
    const over = isOver(job);
    setText(title, titleOf(job));
    set(title, "title", titleOf(job));
    const source = job.result?.source || job.request?.source || state.learned.get(learnedOf(job))?.source;
    setText(from, source ? `${texts.job.from} ${source}` : "");
    setText(status, statusText(job));
    set(status, "data-state", job.state);
    const share = Math.round((job.progress?.share || 0) * 100);
    show(meter, job.state === "running");
    setStyle(bar, { width: share + "%" });
    set(meter, "aria-valuenow", share);
    show(cancel, !over);
    show(after, job.state === "running" && editsOf(job).length + job.previews.size > 0);
    after.disabled = Boolean(job.cancel_requested);
    show(retry, job.state === "failed" || job.state === "cancelled");
    show(away, over);
  };
  return { node, update };
}

async function removeJob(id, act) {
  if (!(await confirm(texts.job.removeTitle, texts.job.removeText, texts.job.remove))) return;
  await act(async () => {
    await remove(`api/v1/jobs/${id}`);
    state.jobs.delete(id);
    go(links.start);
  });
}

/** One line: where a job stands. */
export function statusText(job) {
  if (job.cancel_requested && !isOver(job)) return texts.job.cancelling;
  if (job.state === "queued") return texts.side.queued(state.places.get(job.id));
  if (job.state === "failed") return texts.job.errorIn(job.error?.message);
  const images = texts.job.imagesOf(job.pictures ? editsOf(job).length : job.finished, job.state === "running" ? plannedCount(job) : 0);
  if (job.state === "cancelled") return `${texts.states.cancelled}, ${images}`;
  if (job.state === "done") return [images, job.seconds && texts.duration(job.seconds)].filter(Boolean).join(" · ");
  const progress = job.progress;
  if (!progress) return texts.job.starting;
  const stage = texts.stages[progress.stage] || progress.stage;
  const where = progress.stage === "learning" ? texts.job.step(progress.done, progress.total) : images;
  const left = progress.seconds_left === null || progress.seconds_left === undefined ? "" : texts.job.left(progress.seconds_left);
  return [stage, where, left].filter(Boolean).join(" · ");
}
