// The image in the viewer: star, download, copy, and what is known of it.
import { patch, post } from "./api.js";
import { commandOf, curlOf } from "./commands.js";
import { copy } from "./dialogs.js";
import { button, buttons, h, keyed, set, setText, show } from "./dom.js";
import { changed, isOver, learnedOf, newestFirst, note, state, takeJob, watch } from "./store.js";
import { texts } from "./texts.js";

const kLoraRank = 16;

export function createActions() {
  const view = { job: null, picture: null };
  const lora = createLora();
  const star = button(texts.view.star, toggleStar, "star", { "aria-pressed": "false" });
  const png = h("a", { class: "button", download: true, text: texts.view.png });
  const command = button(texts.view.command, () => copy(commandOf(view.job, view.picture.entry)));
  const curl = button(texts.view.curl, () => copy(curlOf(view.picture.job || view.job, view.picture.entry)));
  const downloads = h("ul", { class: "downloads" });
  const more = h("details", {}, h("summary", { text: texts.view.downloads }), downloads, buttons(lora.node, curl));
  const facts = h("dl", { class: "facts" });
  const row = buttons(star, png, command);
  const node = h("div", { class: "actions" }, row, facts, more);

  async function toggleStar() {
    const { picture } = view;
    const owner = picture?.job;
    if (!owner) return;
    const held = owner.pictures.find((one) => one.stem === picture.stem);
    const wanted = !held.star;
    held.star = wanted;
    changed();
    try {
      await patch(`api/v1/gallery/${owner.id}/${encodeURIComponent(picture.stem)}`, { star: wanted });
    } catch (error) {
      held.star = !wanted;
      changed();
      note(error);
    }
  }

  function update(job, picture) {
    Object.assign(view, { job, picture });
    show(row, picture);
    for (const one of [facts, curl]) show(one, picture);
    const learned = learnedOf(job), base = `api/v1/jobs/${job.id}/`, over = isOver(job), given = lora.update(learned);
    const files = [
      over && job.kind === "edit" && [base + "sheet.png", texts.view.sheet],
      over && job.result?.choice && [base + "chart.png", texts.view.chart],
      over && job.kind === "edit" && [base + "edit.json", texts.view.record],
      over && job.kind === "edit" && [base + "all.zip", texts.view.zip],
      picture && [picture.url + "?metadata=none", texts.view.pngPlain],
      learned && [`api/v1/learned/${learned}/saved.zip`, texts.view.saved],
      ...(given || []).map((file) => [file.url, texts.view.loraGet(texts.bytes(file.bytes))]),
    ].filter(Boolean);
    show(more, files.length > 0);
    keyed(downloads, files, ([url]) => url, ([url]) => h("li", {}, h("a", { href: url, download: true })),
      (item, [, text]) => setText(item.firstElementChild, text));
    if (!picture) return;
    const held = picture.job?.pictures?.find((one) => one.stem === picture.stem);
    set(star, "aria-pressed", String(Boolean(held?.star)));
    setText(star, held?.star ? texts.view.starred : texts.view.star);
    set(png, "href", picture.url);
    fillFacts(facts, picture.entry);
  }

  return { node, update, star: toggleStar };
}

/** A button that has a LoRA made of what was learned, and saves it. */
function createLora() {
  const view = { learned: null, wanted: "" };
  const node = button(texts.view.lora, async () => {
    try {
      const job = takeJob(await post("api/v1/jobs", { kind: "export", learned: view.learned, to: "lora", rank: kLoraRank }));
      view.wanted = job.id;
      watch(job.id);
    } catch (error) {
      note(error);
    }
  });
  /** Returns its files, once they are there. */
  const update = (learned) => {
    view.learned = learned;
    const job = [...state.jobs.values()].filter((one) => one.kind === "export" && learnedOf(one) === learned).sort(newestFirst)[0];
    const files = job?.result?.files;
    if (files && job.state === "done" && job.id === view.wanted) {
      view.wanted = "";
      h("a", { href: files[0].url, download: true }).click();
    }
    show(node, learned && !files);
    node.disabled = Boolean(job && !isOver(job));
    setText(node, node.disabled ? texts.view.loraBusy : job?.state === "failed" ? texts.job.errorIn(job.error?.message) : texts.view.lora);
    return files;
  };
  return { node, update };
}

function fillFacts(list, entry) {
  const name = texts.view.facts, edit = entry.kind === "edit";
  const rows = [
    edit && [name.strategy, entry.strategy], edit && [name.strength, texts.grid.strength(entry)], [name.seed, entry.seed],
    [name.sampler, entry.sampler], [name.steps, entry.steps], [name.guidance, entry.guidance],
    entry.negative && [name.negative, entry.negative], entry.blend && [name.blend, entry.blend],
    Number.isFinite(entry.edit) && [name.edit, entry.edit.toFixed(3)], Number.isFinite(entry.kept) && [name.kept, entry.kept.toFixed(3)],
  ].filter((row) => row && row[1] !== undefined && row[1] !== "");
  keyed(list, rows, ([key]) => key, ([key]) => h("div", {}, h("dt", { text: key }), h("dd")),
    (row, [, value]) => setText(row.lastElementChild, String(value)));
}
