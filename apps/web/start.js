// Nothing is chosen yet: the newest edits, or how to make the first one.
import { h, keyed, set, setText, show } from "./dom.js";
import { links } from "./route.js";
import { coverOf, setThumb, thumb } from "./side.js";
import { newestFirst, state, titleOf } from "./store.js";
import { texts } from "./texts.js";

const kMost = 24;

export function createStart() {
  const how = h("ol", { class: "how" }, ...texts.start.how.map((text) => h("li", { text })));
  const title = h("h2", { text: texts.start.newest });
  const list = h("ul", { class: "wall" });
  return {
    node: h("section", {}, how, title, list),
    place() {},
    keys: {},
    update() {
      const jobs = [...state.jobs.values()].filter((job) => job.kind === "edit" && !job.missing).sort(newestFirst).slice(0, kMost);
      show(how, jobs.length === 0);
      show(title, jobs.length > 0);
      const tile = () => h("li", {}, h("a", {}, thumb()), h("p", { class: "tile-text" }));
      keyed(list, jobs, (job) => job.id, tile, (node, job) => {
        const target = titleOf(job) || texts.states[job.state];
        set(node.firstElementChild, "href", links.job(job.id));
        set(node.firstElementChild, "aria-label", target);
        setThumb(node.querySelector("img"), coverOf(job));
        setText(node.lastElementChild, target);
      });
    },
  };
}
