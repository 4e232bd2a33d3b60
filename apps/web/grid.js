// A job's live grid: rows are strategies (in a story texts), columns strengths, tabs seeds. A cell goes from
// planned over a preview to its image. One cell is in the tab order; arrows move between them.
import { button, h, keyed, set, setText, show } from "./dom.js";
import { bestOf, byStrength, cellKey, labelOf, plannedOf, strengthKey } from "./plan.js";
import { editsOf, entryOf } from "./store.js";
import { texts } from "./texts.js";

const distinct = (list) => [...new Set(list)];

/** A button that is an image. */
export const imageButton = (onClick, props = {}, ...children) => button(undefined, onClick, "cell", props, h("img", { alt: "" }), ...children);

/** A row of buttons of which one is pressed. */
export function choices(label, onChoose) {
  const node = h("div", { class: "choices", role: "group", "aria-label": label });
  const update = (values, chosen, textOf) => {
    show(node, values.length > 1);
    keyed(node, values, String, (value) => button(textOf(value), () => onChoose(value)),
      (node, value) => set(node, "aria-pressed", String(value === chosen)));
  };
  return { node, update };
}

/** A job's cells: `entry`, and `stem`, `url` or `preview` where there is one. */
function cellsOf(job) {
  const cells = new Map();
  for (const entry of plannedOf(job)) cells.set(cellKey(entry), { entry });
  for (const picture of editsOf(job)) cells.set(cellKey(picture.entry), picture);
  for (const preview of job.previews.values()) {
    const entry = entryOf(job, preview.stem);
    if (entry?.kind !== "edit") continue;
    const key = cellKey(entry);
    if (!cells.get(key)?.url) cells.set(key, { entry, stem: preview.stem, preview });
  }
  return [...cells.values()];
}

export function createGrid({ onPick }) {
  const view = { seed: null, target: null, follows: "", job: null, picked: null };
  const seeds = choices(texts.grid.seeds, (seed) => choose({ seed }));
  const targets = choices(texts.grid.targets, (target) => choose({ target }));
  const head = h("tr"), body = h("tbody");
  const table = h("table", { class: "grid" }, h("thead", {}, head), body);
  const node = h("section", { class: "panel" }, targets.node, seeds.node, h("div", { class: "scroll" }, table));
  table.addEventListener("keydown", (event) => moveByKeys(table, event));

  function choose(values) {
    Object.assign(view, values);
    if (view.job) update(view.job, view.picked);
  }

  function follow(cells, picked) {
    const cell = cells.find((one) => one.stem === picked);
    if (cell && view.follows !== picked) Object.assign(view, { seed: cell.entry.seed, target: cell.entry.target });
    view.follows = picked;
  }

  function update(job, picked) {
    Object.assign(view, { job, picked });
    const cells = cellsOf(job);
    show(node, cells.length > 0);
    if (!cells.length) return;
    follow(cells, picked);
    const allTargets = distinct(cells.map((cell) => cell.entry.target));
    const isStory = allTargets.length > 1 && distinct(cells.map((cell) => cell.entry.strategy)).length === 1;
    if (!allTargets.includes(view.target)) view.target = allTargets[0];
    targets.update(isStory ? [] : allTargets, view.target, String);
    const ofTarget = isStory ? cells : cells.filter((cell) => cell.entry.target === view.target);
    const allSeeds = distinct(ofTarget.map((cell) => cell.entry.seed)).sort((a, b) => a - b);
    if (!allSeeds.includes(view.seed)) view.seed = allSeeds[0];
    seeds.update(allSeeds, view.seed, texts.grid.seed);
    const shown = ofTarget.filter((cell) => cell.entry.seed === view.seed);
    fill(shown, ofTarget, isStory, isStory ? [] : bestOf(job, view.target).map((one) => one.stem));
  }

  function fill(shown, all, isStory, best) {
    const rowOf = (cell) => (isStory ? cell.entry.target : cell.entry.strategy);
    const columns = [...new Map(all.map((cell) => [strengthKey(cell.entry), cell.entry])).values()].sort(byStrength);
    const rows = distinct(all.map(rowOf));
    set(table, "aria-label", isStory ? texts.grid.storyLabel : texts.grid.label);
    const keys = columns.map(strengthKey);
    keyed(head, ["", ...columns], (entry) => (entry ? strengthKey(entry) : "corner"),
      (entry) => (entry ? h("th", { scope: "col", text: texts.grid.strength(entry) }) : h("td")));
    keyed(body, rows, String, () => h("tr"), (tr, row) => {
      const cells = new Map(shown.filter((cell) => rowOf(cell) === row).map((cell) => [strengthKey(cell.entry), cell]));
      keyed(tr, ["", ...keys], (key) => key || "head", (key) => (key ? h("td") : h("th", { scope: "row" })), (cell, key) => {
        if (key) fillCell(cell, cells.get(key), { best, picked: view.picked, onPick });
        else setText(cell, row);
      });
    });
    const buttons = [...table.querySelectorAll("button")];
    const current = buttons.find((one) => one.getAttribute("aria-pressed") === "true") || buttons[0];
    buttons.forEach((one) => (one.tabIndex = one === current ? 0 : -1));
  }

  return { node, update };
}

function fillCell(td, cell, { best, picked, onPick }) {
  if (!cell) return td.replaceChildren();
  const kind = cell.url ? "image" : cell.preview ? "preview" : "planned";
  const what = kind === "image" ? "" : kind === "preview" ? texts.grid.preview(cell.preview.step, cell.preview.of) : texts.grid.planned;
  const label = texts.grid.cell(cell.entry.strategy, texts.grid.strength(cell.entry), cell.entry.seed, what);
  if (kind === "planned") {
    if (!td.querySelector(".planned")) td.replaceChildren(h("span", { class: "cell planned" }, h("span", { class: "unseen", text: label })));
    return;
  }
  const rank = best.indexOf(cell.stem);
  let node = td.querySelector("button");
  if (!node || node.dataset.stem !== cell.stem) {
    node = imageButton(() => onPick(cell.stem), { data: { stem: cell.stem }, tabindex: -1 });
    td.replaceChildren(node);
  }
  set(node, "class", "cell " + kind);
  set(node, "aria-pressed", String(cell.stem === picked));
  set(node, "aria-label", label + (rank >= 0 ? ", " + texts.grid.best(rank) : ""));
  set(node, "title", labelOf(cell.entry));
  set(node, "data-best", rank >= 0 ? texts.grid.best(rank) : null);
  set(node.firstElementChild, "src", cell.thumb || cell.url || cell.preview.image);
}

const kMoves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

function moveByKeys(table, event) {
  const move = kMoves[event.key];
  const from = event.target.closest("td");
  if (!move || !from) return;
  event.preventDefault();
  const rows = [...table.tBodies[0].rows];
  let row = rows.indexOf(from.parentElement), column = from.cellIndex;
  for (;;) {
    row += move[0];
    column += move[1];
    const cell = rows[row]?.cells[column];
    if (!cell || column === 0) return;
    const to = cell.querySelector("button");
    if (!to) continue;
    to.focus();
    return to.click();
  }
}
