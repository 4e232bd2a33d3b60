// An edit and its original: under a slider, side by side, their difference, or the edit alone.
import { h, newId, set, setStyle, setText, show } from "./dom.js";
import { choices } from "./grid.js";
import { texts } from "./texts.js";

const kModes = ["slider", "side", "difference", "edit"];

export function createViewer() {
  let mode = "";
  const before = h("img", { class: "before", alt: texts.view.originalAlt });
  const after = h("img", { class: "after", alt: "" });
  const slider = h("input", { type: "range", min: 0, max: 100, step: 0.5, value: 50, id: newId("cut"),
    "aria-label": texts.view.slider, on: { input: () => setCut(slider.value) } });
  const label = h("p", { class: "view-label" });
  const frame = h("div", { class: "view", }, after, before, h("div", { class: "bar" }),
    h("span", { class: "tag left", text: texts.view.before }), h("span", { class: "tag right", text: texts.view.after }), slider);
  const modes = choices(texts.view.mode, setMode);
  const free = () => setHeld(false);
  const hold = h("button", { type: "button", class: "quiet", text: texts.view.hold, on: {
    pointerdown: () => setHeld(true), pointerup: free, pointerleave: free, keydown: ({ key }) => setHeld(key === " " || key === "Enter"),
      keyup: free, blur: free } });
  const node = h("div", { class: "viewer" }, frame, label, h("div", { class: "view-tools" }, modes.node, hold));

  // Both pictures lie on each other exactly, whatever the original's size.
  after.addEventListener("load", () => setStyle(frame, { "--shape": `${after.naturalWidth} / ${after.naturalHeight}` }));
  after.addEventListener("error", () => after.getAttribute("src") && setText(label, texts.view.gone));
  before.addEventListener("error", () => setBefore(null));
  before.addEventListener("load", () => frame.classList.remove("alone"));

  function setCut(value) {
    setStyle(frame, { "--cut": value + "%" });
  }
  function setMode(wanted) {
    mode = frame.dataset.mode = wanted;
    modes.update(kModes, mode, (one) => texts.view.modes[one]);
  }
  function setHeld(held) {
    frame.classList.toggle("held", held);
  }
  function setBefore(url) {
    frame.classList.toggle("alone", !url);
    set(before, "src", url);
  }

  setCut(50);
  setMode("slider");
  return {
    node,
    setHeld,
    nextMode: () => setMode(kModes[(kModes.indexOf(mode) + 1) % kModes.length]),
    /** `url` null: only the original, as long as there is no image. */
    update({ original, url, alt, note, preview }) {
      if (before.dataset.wanted !== String(original)) {
        before.dataset.wanted = String(original);
        setBefore(original);
      }
      set(after, "src", url || original);
      set(after, "alt", url ? alt : texts.view.originalAlt);
      frame.classList.toggle("waiting", !url);
      frame.classList.toggle("preview", Boolean(preview));
      show(slider, url);
      setText(label, note || "");
      show(label, note);
      show(node.lastElementChild, url);
    },
  };
}
