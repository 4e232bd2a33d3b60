// Keys of the page: none acts while a text is written, none replaces a browser's own.
import { showKeys } from "./dialogs.js";

const isText = (element) => element.matches("textarea, select, input:not([type=range], [type=checkbox], [type=radio])");

export function listenToKeys({ screen, focusTarget }) {
  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.defaultPrevented || event.altKey || event.metaKey || document.querySelector("dialog") || isText(target)) return;
    const keys = screen().keys;
    const actions = {
      "/": focusTarget, "?": showKeys, s: keys.star, c: keys.compare, "[": () => keys.nudge?.(-1), "]": () => keys.nudge?.(1),
      1: () => keys.best?.(0), 2: () => keys.best?.(1), 3: () => keys.best?.(2), escape: keys.release, "ctrl+z": keys.undo,
    };
    // Space presses buttons; on an image, which its arrow keys have picked already, it shows the original.
    const canHold = keys.hold && (!target.closest("button, a, summary, label, input") || target.closest(".cell, input[type=range]"));
    const action = event.key === " " ? canHold && (() => keys.hold(true)) : actions[(event.ctrlKey ? "ctrl+" : "") + event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  });
  document.addEventListener("keyup", (event) => {
    if (event.key !== " ") return;
    if (event.target.closest(".cell")) event.preventDefault();
    screen().keys.hold?.(false);
  });
}
