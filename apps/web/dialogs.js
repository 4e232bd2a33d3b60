// Questions, and texts to copy.
import { announce, button, buttons, h } from "./dom.js";
import { texts } from "./texts.js";

function open(title, content, list) {
  const heading = h("h2", { text: title, id: "dialog-title" });
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, heading, ...content, buttons(...list));
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    before?.focus?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Resolves to the value of the pressed button [{label, value, kind}]; null for Esc. */
export function ask({ title, content, buttons }) {
  return new Promise((resolve) => {
    let answer = null;
    const list = buttons.map(({ label, value, kind }) => button(label, () => {
      answer = value;
      dialog.close();
    }, kind));
    const dialog = open(title, content, list);
    dialog.addEventListener("close", () => resolve(answer));
  });
}

/** Whether a person wants it. */
export const confirm = (title, text, label) =>
  ask({ title, content: [h("p", { text })], buttons: [{ label: texts.cancelWord, value: false }, { label, value: true, kind: "primary" }] });

/** Copies a text, or shows it where the browser does not allow that. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    announce(texts.copied);
    flash(texts.copied);
  } catch {
    const area = h("textarea", { rows: 6, readonly: true, value: text, "aria-label": texts.copyTitle });
    open(texts.copyTitle, [h("p", { text: texts.copyText }), area], [closeButton()]);
    area.select();
  }
}

const closeButton = () => button(texts.close, (event) => event.target.closest("dialog").close());

export function showKeys() {
  if (document.querySelector("dialog")) return;
  const rows = texts.keys.list.map(([key, what]) => h("div", {}, h("dt", {}, h("kbd", { text: key })), h("dd", { text: what })));
  open(texts.keys.title, [h("dl", { class: "keys" }, ...rows)], [closeButton()]);
}

let timer = 0;
/** A short message at the window's edge, maybe with a button. */
export function flash(text, action) {
  clearTimeout(timer);
  document.querySelector(".flash")?.remove();
  const node = h("div", { class: "flash" }, h("span", { text }));
  if (action) {
    node.append(button(action.label, () => {
      node.remove();
      action.run();
    }));
  }
  document.body.append(node);
  timer = window.setTimeout(() => node.remove(), action ? 10000 : 2500);
}
