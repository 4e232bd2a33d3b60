// @ts-check
// The pictures that were learned: each can be edited on without learning it again.
import { patch, remove } from "./api.js";
import { ask } from "./dialogs.js";
import { field, h, keyed, newId, set, setText, show } from "./dom.js";
import { setThumb, thumb } from "./side.js";
import { newestFirst, note, pictureUrl, readLearned, state } from "./store.js";
import { texts } from "./texts.js";

/** @param {{onUse: (item: any) => void}} options */
export function createLearnedScreen({ onUse }) {
  const none = h("p", { class: "hint" });
  const error = h("p", { class: "error", role: "alert", hidden: true });
  const list = h("ul", { class: "cards" });
  const node = h("section", {}, h("h2", { text: texts.learned.title }), none, error, list);
  readLearned().catch(note);

  async function act(work) {
    show(error, false);
    try {
      await work();
      await readLearned();
    } catch (problem) {
      note(problem);
      setText(error, problem.message);
      show(error, true);
    }
  }

  async function away(id) {
    const sure = await ask({ title: texts.learned.removeTitle, content: [h("p", { text: texts.learned.removeText })],
      buttons: [{ label: texts.learned.remove, value: true, kind: "primary" }, { label: texts.cancelWord, value: false }] });
    if (sure) await act(() => remove(`api/v1/learned/${id}`));
  }

  function card(item) {
    const path = `api/v1/learned/${item.id}`;
    const name = h("input", { type: "text", maxlength: 100, on: { change: () => act(() => patch(path, { name: name.value.trim() })) } });
    const pin = h("input", { type: "checkbox", id: newId("pin"), on: { change: () => act(() => patch(path, { pinned: pin.checked })) } });
    const button = (text, run, kind) => h("button", { type: "button", class: kind, text, on: { click: run } });
    return h("li", { class: "card" }, thumb(), h("div", { class: "card-text" }, field(texts.learned.name, name), h("p", { class: "source" }), h("p", { class: "hint" }),
      h("div", { class: "check", title: texts.learned.pinHint }, pin, h("label", { for: pin.id, text: texts.learned.pin })),
      h("div", { class: "buttons" }, button(texts.learned.use, () => onUse(state.learned?.get(item.id)), "primary"),
        h("a", { class: "button", href: `${path}/saved.zip`, download: true, text: texts.view.saved }), button(texts.learned.remove, () => away(item.id), "quiet"))));
  }

  return {
    node,
    place() {},
    keys: {},
    update() {
      const items = [...(state.learned?.values() || [])].sort(newestFirst);
      setText(none, state.learned === null ? texts.learned.unavailable : texts.learned.none);
      show(none, items.length === 0);
      keyed(list, items, (item) => item.id, card, (node, item) => {
        const [image, text] = node.children;
        setThumb(image, pictureUrl(item.picture, false));
        const name = text.querySelector("input[type=text]");
        if (document.activeElement !== name) name.value = item.name || "";
        set(name, "placeholder", item.source || null);
        text.querySelector("input[type=checkbox]").checked = Boolean(item.pinned);
        setText(text.querySelector(".source"), item.source || "");
        setText(text.querySelector(".hint"), texts.learned.facts(item));
      });
    },
  };
}
