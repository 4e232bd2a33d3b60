// Shared by the pages that the program writes.
"use strict";
const $ = id => document.getElementById(id);
const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};
const number = (value, digits) => value === "inf" ? "∞" : value === undefined ? "–" : value.toFixed(digits);
const addOption = (select, value, text) => {
  const option = make("option", "", text);
  option.value = value;
  select.append(option);
};

/// Values of scores for people, of those metrics that `scores` have.
const scoreItems = (metrics, scores) => metrics.filter(metric => metric.key in scores).map(metric => {
  const item = make("span");
  item.append(make("b", "", metric.label + " "), number(scores[metric.key], metric.digits));
  return item;
});

/// Compares two items by a score's values, the best or the worst ones first; those that have none come last.
const byScore = (metric, end, value) => {
  const sign = (end === "best") === metric.higher ? -1 : 1;
  const numeric = item => { const score = value(item); return score === "inf" ? Infinity : score; };
  return (a, b) => {
    const [x, y] = [numeric(a), numeric(b)];
    if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
    return x === y ? 0 : sign * (x < y ? -1 : 1);
  };
};

/// Two pictures over each other, with a slider between them. `view` is the element, `after` its second image.
function beforeAndAfter(before, about) {
  const view = make("div", "view");
  view.style.setProperty("--cut", "50%");
  const after = make("img", "after"), first = make("img", "before"), slider = make("input");
  first.src = before;
  first.alt = "before: " + about;
  after.addEventListener("load", () => {
    // Both pictures lie on each other exactly, whatever the original's shape.
    view.style.setProperty("--shape", after.naturalWidth + "/" + after.naturalHeight);
  });
  slider.type = "range";
  slider.min = 0; slider.max = 100; slider.step = 0.5; slider.value = 50;
  slider.setAttribute("aria-label", "before and after");
  slider.addEventListener("input", () => view.style.setProperty("--cut", slider.value + "%"));
  view.append(after, first, make("div", "bar"), make("span", "tag left", "before"),
              make("span", "tag right", "after"), slider);
  return {view, after};
}
