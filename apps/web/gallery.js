// All images of all jobs: stars, a filter, and deleting with a way back.
import { get, patch, query } from "./api.js";
import { flash } from "./dialogs.js";
import { button, field, h, keyed, option, set, setText, show } from "./dom.js";
import { labelOf } from "./plan.js";
import { linkOf, note, state } from "./store.js";
import { setThumb, thumb } from "./side.js";
import { texts } from "./texts.js";

const kPage = 50, kPictures = 200, kTyping = 250;
const pathOf = (item) => `api/v1/gallery/${item.job}/${encodeURIComponent(item.stem)}`;
const keyOf = (item) => `${item.job}/${item.stem}`;

export function createGalleryScreen() {
  const view = { items: /** @type {any[]} */ ([]), next: null, selected: new Set(), read: false, asked: 0, timer: 0 };
  const search = h("input", { type: "search", autocomplete: "off", on: { input: () => {
    clearTimeout(view.timer);
    view.timer = window.setTimeout(read, kTyping);
  } } });
  const starred = h("input", { type: "checkbox", id: "starred", on: { change: () => read() } });
  const picture = h("select", { on: { change: () => read() } }, option("", texts.gallery.allPictures));
  const none = h("p", { class: "hint" });
  const list = h("ul", { class: "wall" });
  const more = button(texts.gallery.more, () => read(view.next));
  const count = h("span"), away = button(texts.gallery.remove, removeSelected);
  const selection = h("div", { class: "row selection" }, count, away);
  const node = h("section", {}, h("h2", { text: texts.gallery.title }),
    h("div", { class: "filters" }, field(texts.gallery.search, search), field(texts.gallery.picture, picture),
      h("div", { class: "check" }, starred, h("label", { for: "starred", text: texts.gallery.starred }))), selection, none, list, more);
  read();
  get("api/v1/pictures" + query({ limit: kPictures })).then(({ pictures }) => {
    picture.append(...pictures.map((one) => option(one.id, one.name || one.id)));
    show(picture.parentElement, pictures.length > 1);
  }).catch(note);

  async function read(before = null) {
    const asked = ++view.asked;
    const filter = { target: search.value.trim(), star: starred.checked ? 1 : "", picture: picture.value, limit: kPage, before };
    try {
      const page = await get("api/v1/gallery" + query(filter));
      if (asked !== view.asked) return;
      view.items = before ? [...view.items, ...page.pictures] : page.pictures;
      view.next = page.next;
    } catch (error) {
      note(error);
    }
    view.read = true;
    update();
  }

  async function removeSelected() {
    const chosen = view.items.filter((item) => view.selected.has(keyOf(item)));
    view.items = view.items.filter((item) => !view.selected.has(keyOf(item)));
    view.selected.clear();
    update();
    const hide = (hidden) => Promise.all(chosen.map((item) => patch(pathOf(item), { hidden }).catch(note)));
    await hide(true);
    flash(texts.gallery.removed(chosen.length), { label: texts.gallery.undo, run: () => hide(false).then(() => read()) });
  }

  function tile(item) {
    const label = [item.entry?.target, item.entry ? labelOf(item.entry) : item.stem].filter(Boolean).join(", ");
    const check = h("input", { type: "checkbox", "aria-label": texts.gallery.select(label), on: { change: () => {
      if (check.checked) view.selected.add(keyOf(item));
      else view.selected.delete(keyOf(item));
      update();
    } } });
    const star = button("★", () => {
      const held = view.items.find((one) => keyOf(one) === keyOf(item));
      held.star = !held.star;
      update();
      patch(pathOf(held), { star: held.star }).catch(note);
    }, "star", { "aria-label": texts.gallery.star(label) });
    return h("li", {}, h("a", { href: linkOf({ id: item.job, ...item, ...state.jobs.get(item.job) }, item.stem),
      "aria-label": texts.gallery.open(label), title: label }, thumb()),
      h("div", { class: "tile-tools" }, h("span", { class: "pick" }, check), star),
        h("p", { class: "tile-text", text: item.entry?.target || label }));
  }

  function update() {
    keyed(list, view.items, keyOf, tile, (node, item) => {
      setThumb(node.querySelector("img"), item.thumb || item.url);
      node.querySelector("input").checked = view.selected.has(keyOf(item));
      set(node.querySelector(".star"), "aria-pressed", String(Boolean(item.star)));
    });
    const isFiltered = search.value || starred.checked || picture.value;
    setText(none, isFiltered ? texts.gallery.noneFound : texts.gallery.none);
    show(none, view.read && view.items.length === 0);
    show(more, view.next);
    show(selection, view.selected.size > 0);
    setText(count, texts.gallery.selected(view.selected.size));
  }

  return { node, update, place() {}, keys: {} };
}
