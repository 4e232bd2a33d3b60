// The form's picture: dropped, pasted, chosen or photographed; sent and captioned at once.
import { ApiError, query, upload } from "./api.js";
import { ask } from "./dialogs.js";
import { buttons, h, hint, problems, setText, show } from "./dom.js";
import { draft, edited } from "./draft.js";
import { changed, note, pictureUrl, readPicture, state } from "./store.js";
import { texts } from "./texts.js";

const kMostName = 60;

export function createPictureField({ onPicture, onAgain }) {
  const view = { share: null, wish: 0 };
  const choose = fileInput("choose", texts.form.choose, take);
  const camera = fileInput("camera", texts.form.photo, take, { capture: "environment", tabindex: -1 });
  const image = h("img", { alt: texts.form.pictureAlt, hidden: true });
  const invitation = h("p", { class: "invitation", text: texts.form.drop });
  const meter = h("progress", { max: 1, value: 0, "aria-label": texts.form.choose, hidden: true });
  const chooseLabel = h("label", { for: "choose", class: "button", text: texts.form.choose });
  const problem = problems(note);
  const facts = hint();
  const drop = h("div", { class: "drop" }, image, invitation, meter);
  const node = h("div", { class: "picture-field" }, drop, facts,
    buttons(choose, chooseLabel, camera,
      h("label", { for: "camera", class: "button", hidden: !navigator.maxTouchPoints, text: texts.form.photo })), problem.node);

  listenToFiles(drop, take);
  image.addEventListener("error", () => show(image, false));

  /** The newest picture wins; resolves to whether it is the form's now. */
  async function take(file, isDemo = false) {
    if (!file) return;
    if (file.type && !file.type.startsWith("image/")) return problem.say(texts.form.notPicture(file.name));
    const mine = ++view.wish, isNewest = () => mine === view.wish;
    const meterAt = (share) => {
      if (isNewest()) view.share = share;
      update();
    };
    meterAt(0);
    let isAdopted = false;
    await problem.run(async () => {
      const picture = await upload("api/v1/pictures" + query({ name: file.name?.slice(0, kMostName) }), file, meterAt);
      state.uploads.set(picture.id, { name: file.name, ...picture });
      const settings = isNewest() && !isDemo && await settingsOf(file);
      const answer = settings ? await askAgain(settings) : "original";
      if (!isNewest()) return;
      if (answer === "again") onAgain(settings);
      if (answer !== "original") return;
      isAdopted = true;
      Object.assign(draft, { picture: picture.id, learned: null, source: "", suggestion: "", captionJob: null });
      if (!isDemo) onPicture();
      edited();
    });
    if (isNewest()) choose.value = camera.value = "";
    meterAt(null);
    return isAdopted;
  }

  function update() {
    const url = pictureUrl(draft.picture || state.learned.get(draft.learned)?.picture);
    showImage(image, url);
    drop.classList.toggle("full", Boolean(url));
    show(invitation, !url);
    show(meter, view.share !== null);
    meter.value = view.share || 0;
    setText(chooseLabel, url ? texts.form.replace : texts.form.choose);
    const known = draft.picture && knownUpload(draft.picture);
    setText(facts, view.share !== null ? texts.form.uploading(view.share) : known ? factsOf(known) : "");
  }

  return { node, update, take };
}

/** One that could not be read is not asked for again. */
function showImage(image, url) {
  if (!url) show(image, false);
  else if (image.getAttribute("src") !== url) {
    image.src = url;
    show(image, true);
  }
}

/** What opens the browser's choice of files. */
function fileInput(id, label, take, more = {}) {
  const input = h("input", { type: "file", accept: "image/*", class: "unseen", id, "aria-label": label, ...more,
    on: { change: () => take(input.files?.[0]) } });
  return input;
}

/** Pictures that are dropped on the page, or pasted into it. */
function listenToFiles(drop, take) {
  const dragged = (event, isOver) => {
    if (![...(event.dataTransfer?.types || [])].includes("Files")) return;
    event.preventDefault();
    drop.classList.toggle("over", isOver);
  };
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
}

/** What the server says of the draft's picture, which may be gone there. */
function knownUpload(id) {
  const known = state.uploads.get(id);
  if (!known) {
    state.uploads.set(id, {});
    readPicture(id).catch((problem) => {
      if (problem instanceof ApiError && problem.status === 404) draft.picture = null;
      else note(problem);
      changed();
    });
  }
  return known;
}

function factsOf(picture) {
  const line = [picture.name, picture.width && texts.form.size(picture),
    picture.frame && texts.form.modelSize(picture.frame)].filter(Boolean).join(" · ");
  const warnings = [...(picture.notes || []), picture.alpha && texts.form.transparent("white"), picture.frame && picture.width < picture.frame.width && texts.form.upscaled];
  return [line, ...warnings].filter(Boolean).join(". ");
}

/** What one of our own images was made with; null for any other picture. */
async function settingsOf(file) {
  if (file.type !== "image/png") return null;
  return upload("api/v1/settings-of", file).catch((problem) => (problem instanceof ApiError ? null : Promise.reject(problem)));
}

/** One of our own images: its settings, and whether to draw it again or edit it. */
function askAgain({ request, unknown = [] }) {
  const rows = Object.entries(texts.ours.labels).filter(([key]) => request[key] !== undefined)
    .map(([key, label]) => h("div", {}, h("dt", { text: label }), h("dd", { text: [request[key]].flat().join(", ") })));
  const buttons = [{ label: texts.ours.original, value: "original" }, { label: texts.cancelWord, value: null }];
  const canAgain = request.learned || request.picture;
  return ask({
    title: texts.ours.title,
    content: [h("dl", { class: "facts" }, ...rows), ...unknown.map((what) => h("p", { class: "warning", text: texts.ours.missing(what) }))],
    buttons: canAgain ? [{ label: texts.ours.again, value: "again", kind: "primary" }, ...buttons] : buttons,
  });
}
