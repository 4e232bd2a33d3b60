// The form of a new edit: picture, caption, texts, how to search, and the settings behind it.
import { post } from "./api.js";
import { announce, button, buttons, field, h, hint, keyed, newId, option, problems, set, setText, show } from "./dom.js";
import { candidates, cost, differences, draft, edited, editTexts, guidance, request, sampler, settingsOf, steps, usualSteps } from "./draft.js";
import { createPictureField } from "./picture_field.js";
import { strategiesOf } from "./plan.js";
import { go } from "./route.js";
import { isOver, linkOf, note, state, takeJob, watch } from "./store.js";
import { texts } from "./texts.js";

const kMostText = 1000, kMostTokens = 75, kMostTargets = 20;

/** What of a text is over the model's length: roughly, a word or sign is a token or more. */
function cutOff(text) {
  const next = [...text.matchAll(/[\p{L}]+|\p{N}|[^\s\p{L}\p{N}]/gu)][kMostTokens];
  return next ? text.slice(next.index) : "";
}

const focusOn = (id) => document.getElementById(id)?.focus();

export function createForm() {
  const source = createSource(), targets = createTargets(), search = createSearch(), learnedNote = createLearnedNote();
  const picture = createPictureField({ onPicture: source.suggest, onAgain: (settings) => start(settings.request) });
  const costLine = h("p", { class: "cost" });
  const problem = problems(note);
  const run = h("button", { type: "submit", class: "primary", text: texts.form.run });
  const node = h("section", {}, h("h2", { text: texts.form.title }), h("form", { novalidate: true, on: { submit: send } }, picture.node,
    learnedNote.node, source.node, targets.node, search.node, h("div", { class: "send" }, run, costLine), problem.node));

  async function send(event) {
    event?.preventDefault();
    const missing = lacks(node);
    if (missing) {
      problem.say(missing[0]);
      return focusOn(missing[1]);
    }
    run.disabled = true;
    await start(request());
    run.disabled = false;
  }

  const start = (asked) => problem.run(() => ask(asked));

  /** Puts values into the draft, and that into the form. */
  function fill(values) {
    Object.assign(draft, values);
    source.fill();
    targets.fill();
    edited();
  }

  function update() {
    const learned = state.learned.get(draft.learned);
    learnedNote.update(learned);
    picture.update();
    source.update(Boolean(draft.learned), learned?.source);
    targets.update(learned?.source || draft.source);
    search.update();
    setText(costLine, costText());
  }

  async function demo() {
    if (!(await picture.take(await demoFile(), true))) return;  // another one was chosen meanwhile
    fill({ source: texts.banner.demoSource, targets: [texts.banner.demoTarget], mode: "best", candidates: null });
    await send();
  }

  return {
    node,
    update,
    demo,
    focusTarget: () => focusOn(draft.mode === "story" ? "story" : "target-0"),
    /** Takes a job's settings, or a saved edit, into the form. */
    use: (job) => fill(settingsOf(job)),
    useLearned: (item) => fill({ learned: item.id, picture: null, source: item.source || "" }),
  };
}

/** Asks for a job, and shows it. */
async function ask(asked) {
  const job = takeJob(await post("api/v1/jobs", asked));
  announce(texts.form.sent);
  go(linkOf(job));
}

const demoFile = async () => new File([await (await fetch("assets/demo.png")).blob()], "demo.png", { type: "image/png" });

/** What is missing in the form, in words, and where; null where it can be sent. */
function lacks(form) {
  if (!draft.picture && !draft.learned) return [texts.form.needPicture, "choose"];
  if (!draft.learned && draft.method !== "imagic" && !draft.source.trim()) return [texts.form.needSource, "source"];
  const wrong = [...form.querySelectorAll("input:invalid")].find((input) => input.offsetParent);
  if (wrong) return [texts.form.wrongNumber(wrong.labels?.[0]?.textContent, wrong.validationMessage), wrong.id];
  if (draft.mode !== "best" && draft.last < draft.first) return [texts.form.wrongRange, "last"];
  if (editTexts().length) return null;
  return draft.mode === "story" ? [texts.form.needStory, "story"] : [texts.form.needTarget, "target-0"];
}

/** How much the form asks for, and how long that takes. */
function costText() {
  if (!draft.picture && !draft.learned) return "";
  const { images, learns, learning, sampling } = cost();
  const line = texts.form.cost(images, learns, learning, sampling);
  return learns || draft.learned ? line : `${line}. ${texts.form.learnedNote}`;
}

/** That what was learned before is used, and a way back. */
function createLearnedNote() {
  const name = h("p"), node = h("div", {}, name, hint(texts.form.learnedNote), button(texts.form.forgetLearned, () => {
    draft.learned = null;
    edited();
  }, "quiet"));
  const update = (learned) => {
    show(node, draft.learned);
    setText(name, texts.form.learnedFrom(learned?.name || learned?.source || ""));
  };
  return { node, update };
}

/** The caption: suggested, and the user's to change. */
function createSource() {
  const area = h("textarea", { id: "source", rows: 2, maxlength: kMostText, value: draft.source, on: { input: () => {
    draft.source = area.value;
    edited();
  } } });
  const status = h("p", { class: "hint busy", role: "status" });
  const again = button(texts.form.suggest, suggest, "quiet");
  const reset = button(texts.form.reset, () => {
    draft.source = draft.suggestion;
    fill();
    edited();
  }, "quiet");
  const node = h("div", {}, field(texts.form.source, area, texts.form.sourceHint), status, buttons(again, reset));
  const fill = () => (area.value = draft.source);

  async function suggest() {
    try {
      const job = takeJob(await post("api/v1/jobs", { kind: "caption", picture: draft.picture }));
      draft.captionJob = job.id;
      watch(job.id);
      edited();
    } catch (error) {
      note(error);
      setText(status, texts.form.captionFailed(error.message));
    }
  }

  function takeCaption() {
    const job = state.jobs.get(draft.captionJob);
    if (!job || !isOver(job)) return;
    const caption = job.result?.caption;
    if (job.state === "done" && !caption) return void watch(job.id);
    draft.captionJob = null;
    if (caption) {
      const isTouched = draft.source.trim() && draft.source !== draft.suggestion;
      draft.suggestion = caption;
      if (!isTouched) draft.source = caption;
      fill();
    }
    setText(status, caption ? "" : texts.form.captionFailed(job.error?.message || texts.states[job.state]));
    edited();
  }

  return {
    node,
    fill,
    suggest,
    update(isLearned, learnedSource) {
      if (draft.captionJob && !state.jobs.get(draft.captionJob)?.read) watch(draft.captionJob);
      takeCaption();
      status.classList.toggle("spins", Boolean(draft.captionJob));
      if (draft.captionJob) setText(status, texts.form.captioning);
      area.readOnly = isLearned;
      if (isLearned && learnedSource && area.value !== learnedSource) area.value = learnedSource;
      show(again, draft.picture && !draft.captionJob && !draft.suggestion);
      show(reset, !isLearned && draft.suggestion && draft.source !== draft.suggestion);
    },
  };
}

/** The texts of the edit, each with what it changes. */
function createTargets() {
  const list = h("div", { class: "targets" });
  const copyCaption = button(texts.form.copyCaption, () => {
    draft.targets[0] = draft.source;
    fill();
    edited();
    focusOn("target-0");
  }, "quiet");
  const add = button(texts.form.addTarget, () => {
    draft.targets.push("");
    fill();
    edited();
    focusOn(`target-${draft.targets.length - 1}`);
  }, "quiet");
  const story = h("textarea", { id: "story", rows: 5, value: draft.story, on: { input: () => {
    draft.story = story.value;
    edited();
  } } });
  const storyField = field(texts.form.storyLabel, story);
  const several = h("div", {}, list, buttons(copyCaption, add));
  const node = h("div", {}, several, storyField);

  const row = (text, i) => targetRow(text, i, () => {
    draft.targets.splice(i, 1);
    fill();
    edited();
  });

  function fill() {
    if (!draft.targets.length) draft.targets = [""];
    list.replaceChildren(...draft.targets.map(row));
    story.value = draft.story;
  }

  fill();
  return {
    node,
    fill,
    update(source) {
      show(several, draft.mode !== "story");
      show(storyField, draft.mode === "story");
      show(copyCaption, Boolean(source) && !draft.targets[0]);
      show(add, draft.targets.length < kMostTargets);
      [...list.querySelectorAll(".change")].forEach((line, i) => {
        const target = (draft.targets[i] || "").trim();
        const changes = source && target ? differences(source, target) : null;
        const text = !changes ? texts.form.targetHint : changes.length ? changes.map(texts.form.change).join(", ") : texts.form.same;
        const cut = cutOff(target);
        setText(line, cut ? texts.form.long(cut) : text);
        line.classList.toggle("error", Boolean(cut));
        line.classList.toggle("changes", Boolean(changes?.length));
      });
    },
  };
}

/** One text of the edit; `remove` where it is one of several. */
function targetRow(text, i, remove) {
  const isAlone = draft.targets.length < 2;
  const input = h("textarea", { id: `target-${i}`, rows: 2, maxlength: kMostText, value: text, enterkeyhint: "go", on: {
    input: () => {
      draft.targets[i] = input.value;
      edited();
    },
    keydown: (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      input.form.requestSubmit();
    } } });
  const change = h("p", { class: "hint change", id: newId("change") });
  set(input, "aria-describedby", change.id);
  const away = isAlone ? null : button("×", remove, "quiet", { "aria-label": texts.form.removeTarget(i + 1) });
  return h("div", { class: "field" }, h("label", { for: input.id, text: isAlone ? texts.form.target : texts.form.targetNumber(i + 1) }),
    h("div", { class: "with-button" }, input, away), change);
}

/** Find the best, a sweep, or a story; and their settings. */
function createSearch() {
  const modes = createModes(), controls = createControls(), strategies = createStrategies();
  const { number, text, select } = controls;
  const auto = h("div", { class: "fields" }, number("candidates", { min: 3, max: 200, step: 1 }, candidates));
  const strength = { min: 0, max: 3, step: 0.05 };
  const alpha = number("alpha", strength), strengthLegend = h("legend");
  const sweep = h("div", {}, strategies.node,
    h("fieldset", { class: "fields three" }, strengthLegend, number("first", strength), number("last", strength),
      number("step", { min: 0.05, max: 2, step: 0.05 })),
    h("div", { class: "fields" }, number("seeds", { min: 1, max: 20, step: 1 }),
      select("interpolation", [["vs", texts.form.vs], ["vp", texts.form.vp]]), alpha));
  const learning = h("div", { class: "fields" }, select("method", ["vanilla", "dreambooth", "imagic"].map((name) => [name, name])),
    number("samples", { min: 0, max: 100000, step: 1 }));
  const more = h("details", { class: "more" }, h("summary", { text: texts.form.more }), learning, h("div", { class: "fields" },
    select("sampler", [["ddim", "DDIM"], ["dpm++", "DPM++ 2M"]], sampler), number("steps", { min: 1, max: 999, step: 1 }, steps),
    number("guidance", { min: 0, max: 100, step: 0.5 }, guidance), number("seed", { min: 0, step: 1 }), number("blend", { min: 0, max: 1, step: 0.1 })), text("negative"));
  const update = () => {
    modes.update();
    show(auto, draft.mode === "best");
    show(sweep, draft.mode !== "best");
    show(alpha, draft.interpolation === "vp");
    setText(strengthLegend, draft.interpolation === "vp" ? texts.form.beta : texts.form.gamma);
    show(learning, !draft.learned);
    strategies.update();
    controls.fill();
  };
  return { node: h("div", {}, ...modes.nodes, auto, sweep, more), update };
}

/** Controls of the draft's values by key; `usual` gives the value where it has none. */
function createControls() {
  const refills = [];
  const control = (key, attributes, read, usual) => {
    const input = h("input", { ...attributes, on: { input: () => {
      const value = read(input);
      if (value === undefined) return;
      draft[key] = value;
      edited();
    } } });
    refills.push(() => document.activeElement !== input && (input.value = String(usual ? usual() : draft[key])));
    return field(texts.form[key], input);
  };
  const number = (key, attributes, usual) => control(key, { type: "number", inputmode: "decimal", required: true, ...attributes },
    ({ value, validity }) => (value && validity.valid ? Number(value) : undefined), usual);
  const text = (key) => control(key, { autocomplete: "off", maxlength: kMostText }, ({ value }) => value);
  const select = (key, options, usual) => {
    const input = h("select", { on: { change: () => {
      draft[key] = input.value;
      if (key === "sampler") draft.steps = usualSteps(input.value);
      edited();
    } } }, ...options.map(([value, text]) => option(value, text)));
    refills.push(() => (input.value = usual ? usual() : draft[key]));
    return field(texts.form[key], input);
  };
  return { number, text, select, fill: () => refills.forEach((refill) => refill()) };
}

/** The three ways to search, and what the chosen one does. */
function createModes() {
  const radios = ["best", "sweep", "story"].map((value) => h("input", { type: "radio", name: "mode", value, id: `mode-${value}`, on: { change: () => {
    draft.mode = value;
    edited();
  } } }));
  const about = hint();
  const node = h("fieldset", { class: "modes" }, h("legend", { text: texts.form.mode }),
    ...radios.flatMap((radio) => [radio, h("label", { for: radio.id, text: texts.form[radio.value] })]));
  const update = () => {
    const judge = state.info?.judge, noJudge = judge?.there === false;
    radios[0].disabled = noJudge;
    if (noJudge && draft.mode === "best") draft.mode = "sweep";
    for (const radio of radios) radio.checked = radio.value === draft.mode;
    setText(about, noJudge ? texts.form.noJudge(judge.why_not) : texts.form[draft.mode + "Note"]);
  };
  return { nodes: [node, about], update };
}

function createStrategies() {
  const box = h("div");
  const node = h("details", { class: "more" }, h("summary"), box);
  const check = ({ name, summary }) => {
    const input = h("input", { type: "checkbox", id: newId("strategy"), on: { change: () => {
      const rest = draft.strategies.filter((one) => one !== name);
      draft.strategies = input.checked ? [...rest, name] : rest.length ? rest : [name];
      edited();
    } } });
    return h("div", { class: "check" }, input, h("label", { for: input.id }, h("span", { text: name }), h("span", { class: "hint", text: summary })));
  };
  const update = () => {
    const method = state.learned.get(draft.learned)?.method || draft.method;
    keyed(box, strategiesOf(method), (one) => method + one.name, check,
      (row, one) => (row.firstElementChild.checked = draft.strategies.includes(one.name)));
    setText(node.firstElementChild, `${texts.form.strategies}: ${draft.strategies.join(", ")}`);
  };
  return { node, update };
}
