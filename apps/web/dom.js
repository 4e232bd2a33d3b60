// Elements. Text reaches the document only as text: there is no way here to insert markup.

const kSvg = "http://www.w3.org/2000/svg";

/**
 * An element. `props`: `class`, `text`, `on` (listeners by event), `data` (dataset), `style` (CSS variables and
 * properties); any other key is an attribute, omitted where its value is null, undefined or false.
 */
export function h(tag, props = {}, ...children) {
  return build(document.createElement(tag), props, children);
}

/** An SVG element, as `h`. */
export function svg(tag, props = {}, ...children) {
  return build(document.createElementNS(kSvg, tag), props, children);
}

function build(element, props, children) {
  for (const [key, value] of Object.entries(props)) {
    if (key === "text") element.textContent = value;
    else if (key === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (key === "data") Object.assign(element.dataset, value);
    else if (key === "style") setStyle(element, value);
    else if (key === "value" || key === "checked" || key === "selected") element[key] = value;
    else set(element, key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A button that does `run`; `kind` is its class. */
export const button = (text, run, kind = null, props = {}, ...children) =>
  h("button", { type: "button", class: kind, text: text ?? "", ...props, on: { click: run, ...props.on } }, ...children);

/** A line that explains, and a row of buttons. */
export const hint = (text = "") => h("p", { class: "hint", text });
export const buttons = (...children) => h("div", { class: "buttons" }, ...children);

/** A line for errors; `run(work)` shows and notes what `work` throws, and resolves to whether nothing did. */
export function problems(note) {
  const node = h("p", { class: "error", role: "alert", hidden: true });
  const say = (text) => {
    setText(node, text || "");
    show(node, text);
  };
  const run = async (work) => {
    say("");
    try {
      await work();
      return true;
    } catch (error) {
      note(error);
      say(error.param ? `${error.param}: ${error.message}` : error.message);
      return false;
    }
  };
  return { node, say, run };
}

/** Sets an attribute, or takes it away for null, undefined and false. */
export function set(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else {
    const text = value === true ? "" : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/** Through the CSSOM: the page's policy allows no style attributes. */
export function setStyle(element, values) {
  for (const [name, value] of Object.entries(values)) element.style.setProperty(name, value);
}

/** Sets text only where it differs, so that a reader's selection stays. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function show(element, visible) {
  if (element.hidden === Boolean(visible)) element.hidden = !visible;
}

/** Makes `parent`'s children those of `items`; nodes of known keys stay, with focus and images. */
export function keyed(parent, items, keyOf, make, update = (_node, _item) => {}) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let node = old.get(key);
    if (!node) {
      node = make(item);
      node.dataset.key = key;
    }
    old.delete(key);
    update(node, item);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
}

let count = 0;
/** An id that no other element has. */
export const newId = (stem) => `${stem}-${++count}`;

/** A label, its control and a hint. */
export function field(label, control, hint) {
  control.id ||= newId("f");
  const parts = [h("label", { for: control.id, text: label }), control];
  if (hint) {
    const id = newId("hint");
    control.setAttribute("aria-describedby", id);
    parts.push(h("p", { class: "hint", id, text: hint }));
  }
  return h("div", { class: "field" }, ...parts);
}

export function option(value, text) {
  return h("option", { value, text });
}

/** Says a change of state to screen readers. */
export function announce(text) {
  const live = document.getElementById("live");
  if (live) live.textContent = text;
}
