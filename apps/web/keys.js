// @ts-check
// Keys for the whole page. None of them acts while a text is written, and none replaces a browser's own.
import { showKeys } from "./dialogs.js";

const isText = (element) =>
  element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement || (element instanceof HTMLInputElement && !["range", "checkbox", "radio", "button"].includes(element.type));

/** @param {{screen: () => any, focusTarget: () => void}} page */
export function listenToKeys(page) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.metaKey || document.querySelector("dialog")) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (isText(target)) return;
    const keys = page.screen()?.keys || {};
    if (event.ctrlKey) {
      if (event.key === "z" && keys.undo) act(event, keys.undo);
      return;
    }
    const isControl = target.closest("button, a, summary, label, input") !== null;
    const actions = {
      "/": page.focusTarget, "?": showKeys, s: keys.star, c: keys.compare, "[": () => keys.nudge?.(-1), "]": () => keys.nudge?.(1),
      1: () => keys.best?.(0), 2: () => keys.best?.(1), 3: () => keys.best?.(2), Escape: keys.cancel,
    };
    if (event.key === " " && keys.hold && (!isControl || target.closest(".cell, input[type=range]"))) act(event, () => keys.hold(true));
    else if (actions[event.key.length === 1 ? event.key.toLowerCase() : event.key]) act(event, actions[event.key.length === 1 ? event.key.toLowerCase() : event.key]);
  });
  document.addEventListener("keyup", (event) => {
    if (event.key === " ") {
      const keys = page.screen()?.keys;
      if (keys?.hold && /** @type {HTMLElement} */ (event.target).closest?.(".cell")) event.preventDefault();
      keys?.hold?.(false);
    }
  });
}

function act(event, run) {
  event.preventDefault();
  run();
}
