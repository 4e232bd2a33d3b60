// @ts-check
// The line at the top: where to go, which model works, and what waits. And the messages below it.
import { button, h, set, setText, show } from "./dom.js";
import { showKeys } from "./dialogs.js";
import { links } from "./route.js";
import { connect } from "./stream.js";
import { state } from "./store.js";
import { texts } from "./texts.js";

export function createHeader() {
  const model = h("span", { class: "model" }), worker = h("span", { class: "worker" }), queue = h("span", { class: "queue" });
  const link = (name, href, text) => h("a", { href, text, data: { name } });
  const pages = [link("start", links.start, texts.nav.edit), link("gallery", links.gallery, texts.nav.gallery), link("learned", links.learned, texts.nav.learned)];
  const keys = h("button", { type: "button", class: "quiet keys-button", "aria-label": texts.keys.title, title: texts.keys.title, text: "?", on: { click: showKeys } });
  const nodes = [h("h1", {}, h("a", { href: links.start, text: texts.name })), h("nav", { "aria-label": texts.nav.label }, ...pages),
    h("p", { class: "facts-line" }, model, worker, queue), keys];
  const update = (name) => {
    const info = state.info?.model;
    setText(model, [info?.name, info?.device].filter(Boolean).join(" · "));
    setText(worker, workerText());
    set(worker, "data-state", state.worker?.state || "none");
    setText(queue, queueText());
    for (const page of pages) set(page, "aria-current", page.dataset.name === name || (name === "job" && page.dataset.name === "start") ? "page" : null);
  };
  return { nodes, update };
}

function workerText() {
  const text = { asleep: texts.header.asleep, awake: texts.header.awake, loading: texts.job.starting, working: texts.header.working, running: texts.header.working,
    idle: texts.header.idle }[state.worker?.state];
  const memory = state.worker?.memory;
  return [text, typeof memory === "number" && memory > 0 && texts.bytes(memory)].filter(Boolean).join(", ");
}

function queueText() {
  const jobs = [...state.jobs.values()];
  const count = (wanted) => jobs.filter((job) => job.state === wanted).length;
  if (state.queue?.paused) return texts.header.paused;
  return texts.header.running(count("running"), count("queued"));
}

/** @param {{onDemo: (example: any) => Promise<void>}} options */
export function createBanners({ onDemo }) {
  const offline = h("div", { class: "banner warning", role: "alert", hidden: true }, h("p", { text: texts.banner.offline }),
    button(texts.banner.retry, connect));
  const demo = button(texts.banner.demo, async () => {
    demo.disabled = true;
    await onDemo(state.info.example).catch(() => {});
    demo.disabled = false;
  }, "primary");
  const miniature = h("div", { class: "banner", hidden: true },
    h("p", {}, texts.banner.miniature + " ", h("code", { text: texts.banner.miniatureCommand })),
    h("div", { class: "banner-side" }, demo, h("p", { class: "hint", text: texts.banner.demoNote })));
  const update = (name) => {
    show(offline, !state.online);
    show(miniature, Boolean(state.info?.model?.miniature) && name === "start");
    show(demo.parentElement, Boolean(state.info?.example));
  };
  return { nodes: [offline, miniature], update };
}

let drawn = "";
/** The window's title and icon say how far the running job is. */
export function updateTitle(current) {
  const running = [...state.jobs.values()].find((job) => job.state === "running" && job.kind !== "caption");
  const share = running?.progress ? Math.round((running.progress.share || 0) * 100) : null;
  document.title = (share === null ? "" : `${share} % · `) + (current ? `${current} · ` : "") + texts.name;
  const known = share === null ? "" : String(Math.round(share / 5));
  if (known === drawn) return;
  drawn = known;
  const icon = document.getElementById("icon");
  set(icon, "href", share === null ? "assets/icon.svg" : ring(share / 100));
}

function ring(share) {
  const canvas = h("canvas", { width: 32, height: 32 });
  const context = canvas.getContext("2d");
  for (const [colour, end] of [["#8d8981", 1], ["#e58a52", share]]) {
    context.beginPath();
    context.lineWidth = 7;
    context.strokeStyle = colour;
    context.arc(16, 16, 11, -Math.PI / 2, (2 * end - 0.5) * Math.PI);
    context.stroke();
  }
  return canvas.toDataURL("image/png");
}
