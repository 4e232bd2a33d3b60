// The pictures that were learned: each can be edited without learning it again.
import { patch, remove } from "./api.js";
import { confirm } from "./dialogs.js";
import { button, buttons, field, h, hint, keyed, newId, problems, set, setText, show } from "./dom.js";
import { setThumb, thumb } from "./side.js";
import { newestFirst, note, pictureUrl, readLearned, state } from "./store.js";
import { texts } from "./texts.js";

export function createLearnedScreen({ onUse }) {
  const none = hint(texts.learned.none);
  const problem = problems(note);
  const list = h("ul", { class: "cards" });
  const node = h("section", {}, h("h2", { text: texts.learned.title }), none, problem.node, list);
  readLearned().catch(note);

  const act = (work) => problem.run(async () => {
    await work();
    await readLearned();
  });

  async function away(id) {
    if (await confirm(texts.learned.removeTitle, texts.learned.removeText, texts.learned.remove)) await act(() => remove(`api/v1/learned/${id}`));
  }

  function card(item) {
    const path = `api/v1/learned/${item.id}`;
    const name = h("input", { type: "text", maxlength: 100, on: { change: () => act(() => patch(path, { name: name.value.trim() })) } });
    const pin = h("input", { type: "checkbox", id: newId("pin"), on: { change: () => act(() => patch(path, { pinned: pin.checked })) } });
    return h("li", { class: "card" }, thumb(), h("div", { class: "card-text" }, field(texts.learned.name, name),
      h("p", { class: "source" }), hint(),
      h("div", { class: "check", title: texts.learned.pinHint }, pin, h("label", { for: pin.id, text: texts.learned.pin })),
      buttons(button(texts.learned.use, () => onUse(state.learned.get(item.id)), "primary"),
        h("a", { class: "button", href: `${path}/saved.zip`, download: true, text: texts.view.saved }),
          button(texts.learned.remove, () => away(item.id), "quiet"))));
  }

  return {
    node,
    place() {},
    keys: {},
    update() {
      const items = [...state.learned.values()].sort(newestFirst);
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
