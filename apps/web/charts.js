// Two charts as SVG: the loss, and edit against kept of an automatic choice.
import { h, hint, set, show, svg } from "./dom.js";
import { texts } from "./texts.js";

const kWidth = 360, kHeight = 150, kLeft = 44, kBottom = 20, kTop = 8, kRight = 8;

/** Values at `count` nice places from `low` to `high`. */
function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) || rough;
  const list = [];
  for (let value = Math.ceil(low / step) * step; value <= high + 1e-9; value += step) list.push(value);
  return { list, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function scale(low, high, from, to) {
  const span = high - low || 1;
  return (value) => from + ((value - low) / span) * (to - from);
}

function frame(y, yTicks, width) {
  return yTicks.list.map((value) =>
    svg("g", {}, svg("line", { class: "rule", x1: kLeft, x2: width - kRight, y1: y(value), y2: y(value) }),
      svg("text", { class: "tick", x: kLeft - 6, y: y(value) + 4, "text-anchor": "end", text: value.toFixed(yTicks.digits) })));
}

/** The loss curve. `update(losses, total)`; the mean of the last steps lies over the values. */
export function lossChart() {
  const image = svg("svg", { class: "chart", viewBox: `0 0 ${kWidth} ${kHeight}`, role: "img" });
  let drawn = "";
  const update = (losses, total) => {
    const points = losses.map((loss, i) => [i + 1, loss]).filter(([, loss]) => Number.isFinite(loss));
    const known = `${points.length} ${total}`;
    if (drawn === known) return;
    drawn = known;
    const steps = Math.max(total || 0, losses.length, 2);
    const most = Math.max(...points.map(([, loss]) => loss), 1e-6);
    const x = scale(1, steps, kLeft, kWidth - kRight), y = scale(0, most, kHeight - kBottom, kTop);
    const line = (list) => list.map(([step, loss]) => `${x(step).toFixed(1)},${y(loss).toFixed(1)}`).join(" ");
    const mean = points.map(([step], i) => {
      const last = points.slice(Math.max(0, i - 4), i + 1);
      return [step, last.reduce((sum, [, loss]) => sum + loss, 0) / last.length];
    });
    const bottom = [1, steps].map((step) =>
      svg("text", { class: "tick", x: x(step), y: kHeight - 4, "text-anchor": step === 1 ? "start" : "end", text: step }));
    image.replaceChildren(...frame(y, ticks(0, most, 3), kWidth), ...bottom,
      svg("polyline", { class: "values", points: line(points) }), svg("polyline", { class: "mean", points: line(mean) }));
    const loss = mean.length ? mean[mean.length - 1][1] : 0;
    const isOver = !total || points.length >= total;
    set(image, "aria-label", isOver ? texts.job.lossDone(points.length, loss)
                                    : texts.job.lossLabel(points.length, total, loss));
  };
  return { node: image, update };
}

/** Edit against kept. `onPick` gets the clicked point's stem; keyboards have the grid. */
export function scatterChart(onPick) {
  const height = 260;
  const image = svg("svg", { class: "chart scatter", viewBox: `0 0 ${kWidth} ${height}`, role: "img" });
  const node = h("section", { class: "panel", hidden: true }, h("h3", { text: texts.scatter.title }), image,
    hint(texts.scatter.note));
  const update = (pictures, { best, front, picked, measures }) => {
    const points = pictures.filter((one) => Number.isFinite(one.entry?.edit) && Number.isFinite(one.entry?.kept));
    show(node, points.length > 0);
    if (!points.length) return;
    const edits = points.map((one) => one.entry.edit), kepts = points.map((one) => one.entry.kept);
    const pad = (list) => Math.max(0.02, (Math.max(...list) - Math.min(...list)) * 0.1);
    const x = scale(Math.min(...edits) - pad(edits), Math.max(...edits) + pad(edits), kLeft, kWidth - kRight);
    const y = scale(Math.min(...kepts) - pad(kepts), Math.max(...kepts) + pad(kepts), height - 34, kTop + 14);
    const yTicks = ticks(Math.min(...kepts) - pad(kepts), Math.max(...kepts) + pad(kepts), 4);
    const xTicks = ticks(Math.min(...edits) - pad(edits), Math.max(...edits) + pad(edits), 5);
    const columns = xTicks.list.map((value) =>
      svg("text", { class: "tick", x: x(value), y: height - 20, "text-anchor": "middle", text: value.toFixed(xTicks.digits) }));
    const line = points.filter((one) => front.has(one.stem)).sort((a, b) => a.entry.edit - b.entry.edit)
      .map((one) => `${x(one.entry.edit)},${y(one.entry.kept)}`).join(" ");
    const dots = points.map((one) => dot(one, x, y, best, picked, onPick));
    image.replaceChildren(...frame(y, yTicks, kWidth), ...columns,
      svg("text", { class: "axis", x: kWidth - kRight, y: height - 4, "text-anchor": "end", text: texts.scatter.edit(measures.edit) }),
      svg("text", { class: "axis", x: 2, y: 11, text: texts.scatter.kept(measures.kept) }),
      svg("polyline", { class: "front", points: line }), ...dots);
    set(image, "aria-label", texts.scatter.label(points.length));
  };
  return { node, update };
}

function dot(picture, x, y, best, picked, onPick) {
  const rank = best.indexOf(picture.stem);
  const at = { cx: x(picture.entry.edit), cy: y(picture.entry.kept) };
  const kind = [rank >= 0 && "best", picture.stem === picked && "picked", picture.entry.counts === false && "ring"];
  const group = svg("g", { class: "dot", on: { click: () => onPick(picture.stem) } },
    svg("circle", { class: "reach", ...at, r: 12 }),
    svg("circle", { class: kind.filter(Boolean).join(" "), ...at, r: rank >= 0 ? 7 : 5 }));
  if (rank >= 0) group.append(svg("text", { class: "rank", x: at.cx, y: at.cy + 3.5, "text-anchor": "middle", text: rank + 1 }));
  return group;
}
