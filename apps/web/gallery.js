// All images of all jobs: stars, a filter, and deleting with a way back.
import { get, patch, query } from "./api.js";
import { flash } from "./dialogs.js";
import { button, field, h, hint, keyed, option, set, setText, show } from "./dom.js";
import { labelOf } from "./plan.js";
import { linkOf, note } from "./store.js";
import { setThumb, thumb } from "./side.js";
import { texts } from "./texts.js";

const kPage = 50, kPictures = 200, kTyping = 250;
const pathOf = (item) => `api/v1/gallery/${item.job}/${encodeURIComponent(item.stem)}`;
const keyOf = (item) => `${item.job}/${item.stem}`;

export function createGalleryScreen() {
  const view = { items: [], next: null, selected: new Set(), read: false, asked: 0 };
  const filters = createFilters(() => read());
  const none = hint();
  const list = h("ul", { class: "wall" });
  const more = button(texts.gallery.more, () => read(view.next));
  const count = h("span"), away = button(texts.gallery.remove, removeSelected);
  const selection = h("div", { class: "row selection" }, count, away);
  const node = h("section", {}, h("h2", { text: texts.gallery.title }), filters.node, selection, none, list, more);
  read();

  async function read(before = null) {
    const asked = ++view.asked;
    try {
      const page = await get("api/v1/gallery" + query({ ...filters.values(), limit: kPage, before }));
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

  const tile = (item) => makeTile(item, (key, isChosen) => {
    view.selected[isChosen ? "add" : "delete"](key);
    update();
  }, () => {
    const held = view.items.find((one) => keyOf(one) === keyOf(item));
    held.star = !held.star;
    update();
    patch(pathOf(held), { star: held.star }).catch(note);
  });

  function update() {
    keyed(list, view.items, keyOf, tile, (node, item) => {
      setThumb(node.querySelector("img"), item.thumb || item.url);
      node.querySelector("input").checked = view.selected.has(keyOf(item));
      set(node.querySelector(".star"), "aria-pressed", String(Boolean(item.star)));
    });
    setText(none, Object.values(filters.values()).some(Boolean) ? texts.gallery.noneFound : texts.gallery.none);
    show(none, view.read && view.items.length === 0);
    show(more, view.next);
    show(selection, view.selected.size > 0);
    setText(count, texts.gallery.selected(view.selected.size));
  }

  return { node, update, place() {}, keys: {} };
}

/** Which images are wanted; `read` is called when that changes. */
function createFilters(read) {
  let timer = 0;
  const search = h("input", { type: "search", autocomplete: "off", on: { input: () => {
    clearTimeout(timer);
    timer = window.setTimeout(read, kTyping);
  } } });
  const starred = h("input", { type: "checkbox", id: "starred", on: { change: read } });
  const picture = h("select", { on: { change: read } }, option("", texts.gallery.allPictures));
  get("api/v1/pictures" + query({ limit: kPictures })).then(({ pictures }) => {
    picture.append(...pictures.map((one) => option(one.id, one.name || one.id)));
    show(picture.parentElement, pictures.length > 1);
  }).catch(note);
  return {
    node: h("div", { class: "filters" }, field(texts.gallery.search, search), field(texts.gallery.picture, picture),
      h("div", { class: "check" }, starred, h("label", { for: "starred", text: texts.gallery.starred }))),
    values: () => ({ target: search.value.trim(), star: starred.checked ? 1 : "", picture: picture.value }),
  };
}

function makeTile(item, onSelect, onStar) {
  const label = [item.entry?.target, item.entry ? labelOf(item.entry) : item.stem].filter(Boolean).join(", ");
  const check = h("input", { type: "checkbox", "aria-label": texts.gallery.select(label), on: { change: () => onSelect(keyOf(item), check.checked) } });
  const star = button("★", onStar, "star", { "aria-label": texts.gallery.star(label) });
  return h("li", {}, h("a", { href: linkOf({ ...item, id: item.job }, item.stem), "aria-label": texts.gallery.open(label), title: label }, thumb()),
    h("div", { class: "tile-tools" }, h("span", { class: "pick" }, check), star), h("p", { class: "tile-text", text: item.entry?.target || label }));
}
