// The picture of the form: dropped, pasted, chosen or photographed. It is sent at once, and the caption asked for.
import { ApiError, query, upload } from "./api.js";
import { ask } from "./dialogs.js";
import { h, problems, setText, show } from "./dom.js";
import { draft, save } from "./draft.js";
import { changed, note, pictureUrl, readPicture, state } from "./store.js";
import { texts } from "./texts.js";

const kMostName = 60;

export function createPictureField({ onPicture, onAgain }) {
  const view = { share: /** @type {number|null} */ (null) };
  const choose = h("input", { type: "file", accept: "image/*", class: "unseen", id: "choose", "aria-label": texts.form.choose,
    on: { change: () => take(choose.files?.[0]) } });
  const camera = h("input", { type: "file", accept: "image/*", capture: "environment", class: "unseen", id: "camera", tabindex: -1,
    "aria-label": texts.form.photo, on: { change: () => take(camera.files?.[0]) } });
  const image = h("img", { alt: texts.form.pictureAlt, hidden: true });
  const invitation = h("p", { class: "invitation", text: texts.form.drop });
  const meter = h("progress", { max: 1, value: 0, "aria-label": texts.form.choose, hidden: true });
  const chooseLabel = h("label", { for: "choose", class: "button", text: texts.form.choose });
  const problem = problems(note);
  const facts = h("p", { class: "hint" });
  const drop = h("div", { class: "drop" }, image, invitation, meter);
  const node = h("div", { class: "picture-field" }, drop, facts,
    h("div", { class: "buttons" }, choose, chooseLabel, camera,
      h("label", { for: "camera", class: "button", hidden: !navigator.maxTouchPoints, text: texts.form.photo })), problem.node);

  for (const type of ["dragenter", "dragover"]) document.addEventListener(type, (event) => dragged(event, true));
  document.addEventListener("dragleave", (event) => !event.relatedTarget && drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    dragged(event, false);
    take(event.dataTransfer?.files[0]);
  });
  document.addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (!file) return;
    event.preventDefault();
    take(file);
  });
  image.addEventListener("error", () => show(image, false));

  function dragged(event, isOver) {
    if (![...(event.dataTransfer?.types || [])].includes("Files")) return;
    event.preventDefault();
    drop.classList.toggle("over", isOver);
  }

  async function take(file, withCaption = true) {
    if (!file) return;
    if (file.type && !file.type.startsWith("image/")) return problem.say(texts.form.notPicture(file.name));
    view.share = 0;
    update();
    await problem.run(async () => {
      const name = /** @type {File} */ (file).name?.slice(0, kMostName);
      const picture = await upload("api/v1/pictures" + query({ name }), file, (share) => {
        view.share = share;
        update();
      });
      remember(picture, file);
      const settings = await settingsOf(file);
      const answer = settings ? await askAgain(settings) : "original";
      if (answer === "again") onAgain(settings);
      else if (answer === "original") adopt(picture, withCaption);
    });
    view.share = null;
    choose.value = camera.value = "";
    update();
  }

  function adopt(picture, withCaption) {
    Object.assign(draft, { picture: picture.id, learned: null, source: "", suggestion: "", captionJob: null });
    save();
    if (withCaption) onPicture(picture);
    changed();
  }

  function remember(picture, file) {
    state.uploads.set(picture.id, { name: /** @type {File} */ (file).name, ...picture });
    changed();
  }

  function update() {
    const url = draft.picture ? pictureUrl(draft.picture) : state.learned.get(draft.learned)?.picture && pictureUrl(state.learned.get(draft.learned).picture);
    if (url && image.getAttribute("src") !== url) {
      image.src = url;
      show(image, true);
    }
    drop.classList.toggle("full", Boolean(url));
    show(invitation, !url);
    if (!url) show(image, false);
    show(meter, view.share !== null);
    meter.value = view.share || 0;
    setText(chooseLabel, url ? texts.form.replace : texts.form.choose);
    const known = draft.picture && state.uploads.get(draft.picture);
    if (draft.picture && !known) {
      state.uploads.set(draft.picture, {});
      readPicture(draft.picture).catch((problem) => {
        if (problem instanceof ApiError && problem.status === 404) Object.assign(draft, { picture: null });
        else note(problem);
        changed();
      });
    }
    setText(facts, view.share !== null ? texts.form.uploading(view.share) : known ? factsOf(known) : "");
  }

  return { node, update, take };
}

function factsOf(picture) {
  const line = [picture.name, picture.width && texts.form.size(picture),
    picture.frame && texts.form.modelSize(picture.frame)].filter(Boolean).join(" · ");
  const warnings = [picture.alpha && texts.form.transparent("white"), picture.frame && picture.width < picture.frame.width && texts.form.upscaled];
  return [line, ...warnings].filter(Boolean).join(". ");
}

/** What one of our own images was made with; null for any other picture. */
async function settingsOf(file) {
  if (file.type !== "image/png") return null;
  return upload("api/v1/settings-of", file).catch((problem) => (problem instanceof ApiError ? null : Promise.reject(problem)));
}

/** One of our own images: what it was made with, and whether it is to be drawn again or edited in its turn. */
function askAgain({ request, unknown = [] }) {
  const rows = Object.entries(request).filter(([key]) => !["kind", "learned", "picture"].includes(key))
    .map(([key, value]) => h("div", {}, h("dt", { text: key }), h("dd", { text: String(value) })));
  const buttons = [{ label: texts.ours.original, value: "original" }, { label: texts.cancelWord, value: null }];
  const canAgain = request.learned || request.picture;
  return ask({
    title: texts.ours.title,
    content: [h("dl", { class: "facts" }, ...rows), ...unknown.map((what) => h("p", { class: "warning", text: texts.ours.missing(what) }))],
    buttons: canAgain ? [{ label: texts.ours.again, value: "again", kind: "primary" }, ...buttons] : buttons,
  });
}
