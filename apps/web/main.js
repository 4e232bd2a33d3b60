// Puts the page together: a form, a screen by the address, the jobs beside it.
import { post } from "./api.js";
import { field, h, problems, setText } from "./dom.js";
import { createForm } from "./form.js";
import { createGalleryScreen } from "./gallery.js";
import { createBanners, createHeader, updateTitle } from "./header.js";
import { createJobScreen } from "./job.js";
import { listenToKeys } from "./keys.js";
import { createLearnedScreen } from "./learned.js";
import { go, links, route } from "./route.js";
import { createSide } from "./side.js";
import { createStart } from "./start.js";
import { changed, onChange, readAll, state, titleOf, unwatchAll } from "./store.js";
import { openStream } from "./stream.js";
import { texts } from "./texts.js";

const byId = (id) => document.getElementById(id);

let page = null;

function start() {
  for (const [id, label] of Object.entries({ banners: texts.banner.label, form: texts.form.title,
    side: texts.side.title })) byId(id).setAttribute("aria-label", label);
  const form = createForm(), side = createSide(), header = createHeader();
  const banners = createBanners({ onDemo: form.demo });
  byId("top").append(...header.nodes);
  byId("banners").append(...banners.nodes);
  byId("form").append(form.node);
  byId("side").append(side.node);
  page = { form, side, header, banners, screen: null, at: "" };
  window.addEventListener("hashchange", showScreen);
  listenToKeys({ screen: () => page.screen, focusTarget: () => toForm(form.focusTarget) });
  showScreen();
  openStream();
}

/** On a phone the form is a screen of its own. */
function toForm(then) {
  if (byId("form").offsetParent) return then();
  window.addEventListener("hashchange", then, { once: true });
  go(links.start);
}

function makeScreen(name, id) {
  const { use, useLearned, focusTarget } = page.form;
  const onUse = (take) => (what) => {
    take(what);
    toForm(focusTarget);
  };
  if (name === "job") return createJobScreen(id, { onUse: onUse(use) });
  if (name === "gallery") return createGalleryScreen();
  if (name === "learned") return createLearnedScreen({ onUse: onUse(useLearned) });
  return createStart();
}

function showScreen() {
  const { name, id, part } = route();
  const at = name + (id || "");
  if (page.at !== at) {
    unwatchAll();
    page.at = at;
    page.screen = makeScreen(name, id);
    byId("main").replaceChildren(page.screen.node);
    document.body.dataset.screen = name;
    window.scrollTo(0, 0);
  }
  page.screen.place(part || {});
  update();
}

function update() {
  if (state.needsToken) return document.querySelector("form.token") || askForToken(false);
  const { name, id } = route();
  page.header.update(name);
  page.banners.update(name);
  page.form.update();
  page.side.update(id);
  page.screen.update();
  updateTitle(name === "job" ? titleOf(state.jobs.get(id) || {}) : null);
}

/** A token behind # becomes a cookie and leaves the address. */
async function signIn(token) {
  await post("api/v1/session", { token });
  state.needsToken = false;
}

function askForToken(isWrong) {
  const input = h("input", { type: "password", autocomplete: "off" });
  const problem = problems(() => {});
  if (isWrong) problem.say(texts.token.wrong);
  const form = h("form", { class: "panel token", on: { submit: async (event) => {
    event.preventDefault();
    if (await problem.run(() => signIn(input.value.trim()))) location.reload();
  } } }, h("h1", { text: texts.token.title }), h("p", { text: texts.token.text }), field(texts.token.label, input),
    h("button", { type: "submit", class: "primary", text: texts.token.button }), problem.node);
  byId("layout").replaceChildren(h("main", { id: "main" }, form));
  input.focus();
}

async function open() {
  setText(byId("skip"), texts.skip);
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("main").focus();
  });
  const token = /^#token=(.+)$/.exec(location.hash)?.[1];
  let isWrong = false;
  if (token) {
    history.replaceState(null, "", location.pathname + location.search);
    await signIn(decodeURIComponent(token)).catch(() => (isWrong = true));
  }
  await readAll();
  if (state.needsToken) return askForToken(isWrong);
  onChange(update);
  start();
  changed();
}

open();
