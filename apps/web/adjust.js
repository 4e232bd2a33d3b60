// Sliders on what was learned. While one moves, the nearest finished image is shown; when it is let go, an image is
// generated. The newest wish wins: the server drops an older one of this kind.
import { get, post, query } from "./api.js";
import { button, field, h, hint, keyed, option, problems, set, setText, show } from "./dom.js";
import { imageButton } from "./grid.js";
import { labelOf, strategiesOf } from "./plan.js";
import { changed, note, parentOf, previewOf, readJob, state, takeJob } from "./store.js";
import { texts } from "./texts.js";

const kWait = 250;  // after the last change, so that a held arrow key asks for one image
const kMostStrength = 2;

/** The images that were generated with the sliders of a job, oldest first. */
export function triesOf(id) {
  return [...state.jobs.values()].filter((job) => job.kind === "draw" && parentOf(job) === id && job.state !== "cancelled")
    .sort((a, b) => a.made - b.made || (a.id < b.id ? -1 : 1));
}

/** What a job of the kind `draw` generates, as an entry. */
export function entryOfDraw(job) {
  const request = job.request || {};
  const single = (value) => (Array.isArray(value) ? value[0] : value);
  return { kind: "edit", interpolation: "vs", ...request, ...job.pictures?.[0]?.entry, target: request.target, strategy: single(request.forget),
    gamma: single(request.gamma), alpha: single(request.alpha), beta: single(request.beta), seed: single(request.seed ?? request.seeds) ?? 0,
    guidance: request.guidance, blend: request.blend ?? 0 };
}

function distance(a, b) {
  const apart = (key, unit) => Math.abs((a[key] ?? 0) - (b[key] ?? 0)) / unit;
  const differs = (key, cost) => ((a[key] ?? "") === (b[key] ?? "") ? 0 : cost);
  return differs("interpolation", 9) + differs("strategy", 1) + differs("seed", 2) + differs("negative", 2) +
    apart("gamma", 0.4) + apart("alpha", 0.4) + apart("beta", 0.4) + apart("blend", 1);
}

function nearest(pictures, wish) {
  const finished = pictures.filter((one) => one.url && one.entry.target === wish.target);
  return finished.sort((a, b) => distance(a.entry, wish) - distance(b.entry, wish))[0] || null;
}

/** Of the job `id`. `onNearest` gets the image nearest to the sliders, `onDraw` the draw asked for. */
export function createAdjust(id, { onNearest, onDraw }) {
  const wish = { target: "", strategy: "donotforget", interpolation: "vs", gamma: 1, alpha: 0.9, beta: 1, blend: 0, seed: 0, sampler: "ddim",
    steps: 50, guidance: 7.5, negative: "" };
  const view = { learned: null, known: "", pictures: [], timer: 0, wish: 0, sent: Promise.resolve() };
  const controls = makeControls(wish, () => view.learned, moved, settled);
  const missing = hint();
  const problem = problems(note);
  const film = createFilm(id, onDraw);
  const body = h("div", {}, controls.node, problem.node);
  const node = h("section", { class: "panel adjust" }, h("h3", { text: texts.adjust.title }), missing, body);

  function moved() {
    onNearest(nearest(view.pictures, wish));
  }

  function settled() {
    clearTimeout(view.timer);
    view.timer = window.setTimeout(draw, kWait);
  }

  /** One request at a time; an answer to an older wish, or another screen, is only noted. */
  async function draw() {
    const mine = ++view.wish;
    await view.sent.catch(() => {});
    if (mine !== view.wish) return;
    view.sent = problem.run(async () => {
      const job = takeJob(await post("api/v1/jobs", { ...drawRequest(view.learned, wish), parent: id }));
      if (mine === view.wish && node.isConnected) onDraw(job.id);
    });
  }

  return {
    node,
    strip: film.node,
    undo: film.undo,
    nudge: controls.nudge,
    /** The sliders go back to what is shown. */
    release: () => (view.known = ""),
    /** `picked`: shown; `tried`: the draw it came of; `pictures`: all finished ones of the saved edit. */
    update({ learned, isOver, picked, tried, pictures, isMoving }) {
      const tries = learned ? triesOf(id) : [];
      const isShown = learned && (picked || view.known);  // it stays while a try has no image yet
      show(missing, !isShown);
      setText(missing, isOver && !learned ? texts.adjust.missing : texts.adjust.later);
      show(body, isShown);
      show(film.node, learned && (isOver || tries.length));
      if (!learned) return;
      if (view.learned !== learned) readTries(id, learned).catch(note);
      Object.assign(view, { learned, pictures });
      const known = `${tried} ${picked?.stem}`;
      if (picked && !isMoving && view.known !== known) {
        view.known = known;
        takeWish(wish, picked.entry);
        controls.fill();
      }
      film.update(tries, tried);
    },
  };
}

/** The tries of a job, and the way from one to the next. */
function createFilm(id, onDraw) {
  let current = null;
  const undo = button(texts.adjust.undo, () => step(-1), "quiet");
  const redo = button(texts.adjust.redo, () => step(1), "quiet");
  const empty = hint(texts.adjust.noTries);
  const list = h("div", { class: "film", role: "group", "aria-label": texts.adjust.tries });
  const node = h("section", { class: "panel" }, h("div", { class: "row" }, h("h3", { text: texts.adjust.tries }), undo, redo), empty, list);

  function step(by) {
    const tries = triesOf(id), at = tries.findIndex((job) => job.id === current);
    const to = tries[(at < 0 ? tries.length : at) + by];
    if (to) onDraw(to.id);
  }

  function fill(node, job, number) {
    const picture = job.pictures?.[0], preview = previewOf(job), label = labelOf(entryOfDraw(job));
    set(node, "aria-pressed", String(job.id === current));
    set(node, "aria-label", texts.adjust.tryLabel(number, label));
    set(node, "title", label);
    const image = node.firstElementChild;
    set(image, "src", picture?.thumb || preview?.image);
    show(image, picture || preview);
    setText(node.lastElementChild, picture ? "" : job.state === "failed" ? texts.states.failed : texts.adjust.pending);
  }

  function update(tries, tried) {
    current = tried;
    show(empty, tries.length === 0);
    for (const one of [undo, redo]) show(one, tries.length > 0);
    const at = tries.findIndex((job) => job.id === tried);
    undo.disabled = at === 0 || tries.length === 0;
    redo.disabled = at < 0 || at === tries.length - 1;
    keyed(list, tries, (job) => job.id, (job) => imageButton(() => onDraw(job.id), {}, h("span")),
      (node, job) => fill(node, job, tries.indexOf(job) + 1));
  }

  return { node, update, undo: () => step(-1) };
}

function takeWish(wish, entry) {
  for (const key of Object.keys(wish)) if (entry[key] !== undefined && entry[key] !== null) wish[key] = entry[key];
  if (entry.blend === undefined) wish.blend = 0;
  if (entry.negative === undefined) wish.negative = "";
  ({ start: wish.start, protect: wish.protect } = entry);
}

function drawRequest(learned, wish) {
  const { strategy, interpolation, gamma, alpha, beta, negative, ...rest } = wish;
  const strength = interpolation === "vp" ? { interpolation, alpha, beta } : { gamma };
  return { kind: "draw", learned, forget: strategy, ...strength, ...rest, ...(negative && { negative }) };
}

async function readTries(id, learned) {
  const { jobs } = await get("api/v1/jobs" + query({ kind: "draw", learned, limit: 100 }));
  jobs.forEach(takeJob);
  for (const job of triesOf(id)) if (!job.pictures) await readJob(job.id);
  changed();
}

/** A range with its value beside it. */
function slider(label, { min, max, step }, hint) {
  const output = h("output");
  const input = h("input", { type: "range", min, max, step });
  const node = field(label, input, hint);
  node.classList.add("slider");
  node.insertBefore(output, input);
  return { node, input, output };
}

/** Fills a list of choices; one that is not among them comes last. */
function choose(select, value, choices) {
  const all = choices.some(([one]) => one === value) ? choices : [...choices, [value, value]];
  keyed(select, all, ([one]) => one, ([one, text]) => option(one, text));
  select.value = value;
}

function makeControls(wish, learned, moved, settled) {
  const strategy = h("select"), sampler = h("select");
  const sliders = {
    gamma: slider(texts.adjust.gamma, { min: 0, max: kMostStrength, step: 0.05 }),
    alpha: slider(texts.adjust.alpha, { min: 0, max: kMostStrength, step: 0.05 }),
    beta: slider(texts.adjust.beta, { min: 0, max: kMostStrength, step: 0.05 }),
    blend: slider(texts.adjust.blend, { min: 0, max: 1, step: 0.1 }, texts.adjust.blendHint),
    guidance: slider(texts.adjust.guidance, { min: 1, max: 15, step: 0.5 }),
  };
  const target = h("input", { type: "text", maxlength: 1000, autocomplete: "off" });
  const seed = h("input", { type: "number", min: 0, step: 1, inputmode: "numeric" });
  const next = button(texts.adjust.nextSeed, () => change({ seed: wish.seed + 1 }, true));
  const seedField = field(texts.adjust.seed, seed);
  seedField.append(next);
  seedField.classList.add("with-button");
  const node = h("div", { class: "controls" }, field(texts.adjust.target, target), sliders.gamma.node, sliders.alpha.node, sliders.beta.node,
    field(texts.adjust.strategy, strategy), sliders.blend.node, seedField, field(texts.adjust.sampler, sampler), sliders.guidance.node);

  const fill = () => {
    const isVp = wish.interpolation === "vp";
    for (const [key, one] of Object.entries(sliders)) {
      one.input.value = String(wish[key]);
      setText(one.output, texts.number(wish[key]));
    }
    show(sliders.gamma.node, !isVp);
    show(sliders.alpha.node, isVp);
    show(sliders.beta.node, isVp);
    show(sliders.blend.node, wish.strategy !== "donotforget");
    choose(strategy, wish.strategy, strategiesOf(state.learned.get(learned())?.method).map((one) => [one.name, one.name]));
    choose(sampler, `${wish.sampler} ${wish.steps}`, [["dpm++ 20", texts.adjust.quick(20)], ["ddim 50", texts.adjust.published(50)]]);
    if (document.activeElement !== target) target.value = wish.target;
    seed.value = String(wish.seed);
  };
  const change = (values, isSettled) => {
    Object.assign(wish, values);
    fill();
    moved();
    if (isSettled) settled();
  };
  for (const [key, { input }] of Object.entries(sliders)) {
    input.addEventListener("input", () => change({ [key]: Number(input.value) }, false));
    input.addEventListener("change", () => change({ [key]: Number(input.value) }, true));
  }
  strategy.addEventListener("change", () => change({ strategy: strategy.value }, true));
  seed.addEventListener("change", () => change({ seed: Math.max(0, Math.floor(Number(seed.value) || 0)) }, true));
  target.addEventListener("change", () => target.value.trim() && change({ target: target.value.trim() }, true));
  sampler.addEventListener("change", () => {
    const [name, steps] = sampler.value.split(" ");
    change({ sampler: name, steps: Number(steps) }, true);
  });
  const nudge = (by) => {
    const key = wish.interpolation === "vp" ? "beta" : "gamma";
    const value = Math.min(kMostStrength, Math.max(0, Math.round((wish[key] + by * 0.05) * 100) / 100));
    change({ [key]: value }, true);
  };
  return { node, fill, nudge };
}
