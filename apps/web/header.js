// The line at the top: where to go, the model, the queue; and the messages below it.
import { button, h, hint, set, setText, show } from "./dom.js";
import { showKeys } from "./dialogs.js";
import { links } from "./route.js";
import { connect } from "./stream.js";
import { state } from "./store.js";
import { texts } from "./texts.js";

export function createHeader() {
  const model = h("span"), worker = h("span"), queue = h("span");
  const pages = ["start", "gallery", "learned"].map((name) => h("a", { href: links[name], text: texts.nav[name], data: { name } }));
  const keys = button("?", showKeys, "quiet keys-button", { "aria-label": texts.keys.title, title: texts.keys.title });
  const nodes = [h("h1", {}, h("a", { href: links.start, text: texts.name })), h("nav", { "aria-label": texts.nav.label }, ...pages),
    h("p", { class: "facts-line" }, model, worker, queue), keys];
  const update = (name) => {
    const info = state.info?.model;
    setText(model, [info?.name, info?.device].filter(Boolean).join(" · "));
    setText(worker, texts.header[state.worker?.state] || "");
    setText(queue, queueText());
    for (const page of pages) set(page, "aria-current", page.dataset.name === name || (name === "job" && page.dataset.name === "start") ? "page" : null);
  };
  return { nodes, update };
}

function queueText() {
  const count = (wanted) => [...state.jobs.values()].filter((job) => job.state === wanted).length;
  return state.queue?.paused ? texts.header.paused : texts.header.running(count("running"), count("queued"));
}

export function createBanners({ onDemo }) {
  const offline = h("div", { class: "banner warning", role: "alert", hidden: true }, h("p", { text: texts.banner.offline }),
    button(texts.banner.retry, connect));
  const demo = button(texts.banner.demo, async () => {
    demo.disabled = true;
    await onDemo();
    demo.disabled = false;
  }, "primary");
  const knows = h("span"), problem = h("div", { class: "banner warning", role: "alert", hidden: true });
  const miniature = h("div", { class: "banner", hidden: true },
    h("p", {}, knows, " " + texts.banner.miniature + " ", h("code", { text: texts.banner.miniatureCommand })),
    h("div", { class: "row" }, demo, hint(texts.banner.demoNote)));
  const update = (name) => {
    show(offline, !state.online);
    show(problem, state.info?.problem);
    setText(problem, texts.banner.noModel(state.info?.problem));
    const knowledge = state.info?.model?.knows;
    show(miniature, knowledge && name === "start");
    setText(knows, knowledge || "");
  };
  return { nodes: [offline, problem, miniature], update };
}

/** The window's title says how far the running job is. */
export function updateTitle(current) {
  const running = [...state.jobs.values()].find((job) => job.state === "running" && job.progress);
  const share = running && `${Math.round((running.progress.share || 0) * 100)} %`;
  document.title = [share, current, texts.name].filter(Boolean).join(" · ");
}
