// Beside the work: the jobs, newest first, and the pictures that were learned.
import { button, h, hint, keyed, set, setStyle, setText, show } from "./dom.js";
import { statusText } from "./job.js";
import { links } from "./route.js";
import { newestFirst, note, pictureOf, pictureUrl, readOlderJobs, state, titleOf } from "./store.js";
import { texts } from "./texts.js";

const kLearned = 6;

/** An image that stands for a job: its best one, its newest, or its original. */
export const coverOf = (job) => job.cover || pictureUrl(pictureOf(job), true);

/** A small image that goes away where its file is not there. */
export function thumb() {
  const image = h("img", { alt: "", loading: "lazy" });
  image.addEventListener("error", () => image.removeAttribute("src"));
  return image;
}

/** Sets the address once; one that failed is not asked for again. */
export function setThumb(image, url) {
  if (image.dataset.wanted === (url || "")) return;
  image.dataset.wanted = url || "";
  set(image, "src", url);
}

export function createSide() {
  const list = h("ol", { class: "jobs" });
  const none = hint(texts.side.none);
  const more = button(texts.side.more, () => readOlderJobs().catch(note), "quiet");
  const learned = h("ul", { class: "jobs" });
  const learnedNone = hint(texts.side.learnedNone);
  const learnedPart = h("section", {}, h("h2", {}, h("a", { href: links.learned, text: texts.side.learnedTitle })), learnedNone, learned);
  const node = h("div", {}, h("section", {}, h("h2", { text: texts.side.title }), none, list, more), learnedPart);

  function jobRow() {
    const fill = h("span", { class: "bar-fill" });
    return h("li", {}, h("a", {}, thumb(), h("span", { class: "job-text" }, h("strong"), h("span", { class: "job-state" }),
      h("span", { class: "meter" }, fill))));
  }

  function fillRow(row, job, current) {
    const link = row.firstElementChild, [image, text] = link.children, [title, status, meter] = text.children;
    set(link, "href", links.job(job.id));
    set(link, "aria-current", job.id === current ? "true" : null);
    setThumb(image, coverOf(job));
    setText(title, titleOf(job) || texts.states[job.state]);
    setText(status, statusText(job));
    set(status, "data-state", job.state);
    show(meter, job.state === "running");
    setStyle(meter.firstElementChild, { width: `${Math.round((job.progress?.share || 0) * 100)}%` });
  }

  return {
    node,
    update(current) {
      const jobs = [...state.jobs.values()].filter((job) => job.kind === "edit" && !job.missing).sort(newestFirst);
      show(none, jobs.length === 0);
      keyed(list, jobs, (job) => job.id, jobRow, (row, job) => fillRow(row, job, current));
      show(more, state.olderJobs);
      const items = [...state.learned.values()].sort(newestFirst).slice(0, kLearned);
      show(learnedNone, items.length === 0);
      keyed(learned, items, (item) => item.id, () => h("li", {},
        h("a", {}, thumb(), h("span", { class: "job-text" }, h("strong"), h("span", { class: "job-state" })))), (row, item) => {
        const [image, text] = row.firstElementChild.children;
        set(row.firstElementChild, "href", `${links.learned}/${item.id}`);
        setThumb(image, pictureUrl(item.picture, true));
        setText(text.firstElementChild, item.name || item.source || "");
        setText(text.lastElementChild, texts.learned.facts(item));
      });
    },
  };
}
