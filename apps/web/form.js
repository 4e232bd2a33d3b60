// The form of a new edit: picture, caption, texts, how to search, and the settings behind it.
import { post } from "./api.js";
import { announce, button, field, h, keyed, newId, option, problems, set, setText, show } from "./dom.js";
import { candidates, cost, differences, draft, editTexts, knownLearned, request, sampler, save, steps, takeSettings, usualSteps } from "./draft.js";
import { createPictureField } from "./picture_field.js";
import { strategiesOf } from "./plan.js";
import { go } from "./route.js";
import { changed, linkOf, note, state, takeJob, watch } from "./store.js";
import { texts } from "./texts.js";

const kMostText = 1000, kMostTokens = 77, kMostTargets = 20;

/** Roughly, from above: each word and each sign is one token or more. */
const tokens = (text) => (text.match(/[\p{L}]+|\p{N}|[^\s\p{L}\p{N}]/gu) || []).length + 2;

const focusOn = (id) => document.getElementById(id)?.focus();

export function createForm() {
  const picture = createPictureField({ onPicture: () => suggest(), onAgain: (settings) => start(settings.request) });
  const source = createSource(suggest);
  const targets = createTargets(refresh);
  const search = createSearch(refresh);
  const costLine = h("p", { class: "cost" });
  const problem = problems(note);
  const run = h("button", { type: "submit", class: "primary", text: texts.form.run });
  const learnedNote = h("div", {}, h("p"), h("p", { class: "hint", text: texts.form.learnedNote }),
    button(texts.form.forgetLearned, () => {
      draft.learned = null;
      edited();
    }, "quiet"));
  const form = h("form", { novalidate: true, on: { submit: (event) => {
    event.preventDefault();
    send();
  } } }, picture.node, learnedNote, source.node, targets.node, search.node, h("div", { class: "send" }, run, costLine), problem.node);
  const node = h("section", {}, h("h2", { text: texts.form.title }), form);

  function edited() {
    save();
    changed();
  }

  function refresh() {
    save();
    update();
  }

  async function suggest() {
    if (!draft.picture) return;
    try {
      const job = takeJob(await post("api/v1/jobs", { kind: "caption", picture: draft.picture }));
      draft.captionJob = job.id;
      watch(job.id);
      edited();
    } catch (error) {
      note(error);
      source.fail(error.message);
    }
  }

  /** What is missing, in words; null where the form can be sent. */
  function lacks() {
    if (!draft.picture && !draft.learned) return [texts.form.needPicture, "choose"];
    if (!draft.learned && draft.method !== "imagic" && !draft.source.trim()) return [texts.form.needSource, "source"];
    const wrong = [...node.querySelectorAll("input:invalid")].find((input) => input.offsetParent);
    if (wrong) return [texts.form.wrongNumber(wrong.labels?.[0]?.textContent, wrong.validationMessage), wrong.id];
    if (draft.mode !== "best" && draft.last < draft.first) return [texts.form.wrongRange, "last"];
    if (!editTexts().length) return [texts.form.needTarget, draft.mode === "story" ? "story" : "target-0"];
    return null;
  }

  async function send() {
    const missing = lacks();
    if (missing) {
      problem.say(missing[0]);
      return focusOn(missing[1]);
    }
    run.disabled = true;
    await start(request());
    run.disabled = false;
  }

  const start = (asked) => problem.run(async () => {
    const job = takeJob(await post("api/v1/jobs", asked));
    announce(texts.form.sent);
    go(linkOf(job));
  });

  function update() {
    const learned = draft.learned && state.learned.get(draft.learned);
    show(learnedNote, draft.learned);
    if (draft.learned) setText(learnedNote.firstElementChild, texts.form.learnedFrom(learned?.name || learned?.source || ""));
    picture.update();
    source.update(Boolean(draft.learned), learned?.source);
    targets.update(learned?.source || draft.source);
    search.update();
    const { images, learns } = cost();
    const line = draft.picture || draft.learned ? (learns ? texts.form.costLearn : texts.form.cost)(images) : "";
    setText(costLine, learns || draft.learned || !knownLearned() ? line : `${line}. ${texts.form.learnedNote}`);
  }

  return {
    node,
    update,
    focusTarget: () => focusOn(draft.mode === "story" ? "story" : "target-0"),
    /** Takes a job's settings, a saved edit, or the demo into the form. */
    use(job) {
      takeSettings(job);
      fillAll();
    },
    useLearned(item) {
      Object.assign(draft, { learned: item.id, picture: null, source: item.source || "" });
      fillAll();
    },
    async demo() {
      const answer = await fetch("assets/demo.png");
      await picture.take(new File([await answer.blob()], "demo.png", { type: "image/png" }), false);
      Object.assign(draft, { source: texts.banner.demoSource, targets: [texts.banner.demoTarget], mode: "best", candidates: null });
      fillAll();
      await send();
    },
  };

  function fillAll() {
    source.fill();
    targets.fill();
    edited();
  }
}

/** The caption: suggested, and the user's to change. */
function createSource(suggest) {
  const area = h("textarea", { id: "source", rows: 2, maxlength: kMostText, value: draft.source, on: { input: () => {
    draft.source = area.value;
    save();
    changed();
  } } });
  const status = h("p", { class: "hint busy", role: "status" });
  const again = button(texts.form.suggest, suggest, "quiet");
  const reset = button(texts.form.reset, () => {
    draft.source = draft.suggestion;
    fill();
    save();
    changed();
  }, "quiet");
  const node = h("div", {}, field(texts.form.source, area, texts.form.sourceHint), status, h("div", { class: "buttons" }, again, reset));

  function fill() {
    area.value = draft.source;
  }

  function takeCaption() {
    const job = draft.captionJob && state.jobs.get(draft.captionJob);
    if (!job || !["done", "failed", "cancelled"].includes(job.state)) return;
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
    save();
  }

  return {
    node,
    fill,
    fail: (why) => setText(status, texts.form.captionFailed(why)),
    update(isLearned, learnedSource) {
      if (draft.captionJob && !state.jobs.get(draft.captionJob)?.read) watch(draft.captionJob);
      takeCaption();
      status.classList.toggle("spins", Boolean(draft.captionJob));
      if (draft.captionJob) setText(status, texts.form.captioning);
      area.readOnly = isLearned;
      if (isLearned && learnedSource && area.value !== learnedSource) area.value = learnedSource;
      show(again, Boolean(draft.picture) && !draft.captionJob && !draft.suggestion);
      show(reset, !isLearned && Boolean(draft.suggestion) && draft.source !== draft.suggestion);
    },
  };
}

/** The texts of the edit, each with what it changes. */
function createTargets(refresh) {
  const list = h("div", { class: "targets" });
  const copyCaption = button(texts.form.copyCaption, () => {
    draft.targets[0] = draft.source;
    fill();
    refresh();
    focusOn("target-0");
  }, "quiet");
  const add = button(texts.form.addTarget, () => {
    draft.targets.push("");
    fill();
    refresh();
    focusOn(`target-${draft.targets.length - 1}`);
  }, "quiet");
  const story = h("textarea", { id: "story", rows: 5, value: draft.story, on: { input: () => {
    draft.story = story.value;
    refresh();
  } } });
  const storyField = field(texts.form.storyLabel, story);
  const several = h("div", {}, list, h("div", { class: "buttons" }, copyCaption, add));
  const node = h("div", {}, several, storyField);

  function row(text, i) {
    const input = h("textarea", { id: `target-${i}`, rows: 2, maxlength: kMostText, value: text, enterkeyhint: "go", on: {
      input: () => {
        draft.targets[i] = input.value;
        refresh();
      },
      keydown: (event) => {
        if (event.key !== "Enter" || event.isComposing) return;
        event.preventDefault();
        input.form.requestSubmit();
      } } });
    const change = h("p", { class: "hint change", id: newId("change") });
    set(input, "aria-describedby", change.id);
    const away = button("×", () => {
      draft.targets.splice(i, 1);
      fill();
      refresh();
    }, "quiet", { "aria-label": texts.form.removeTarget(i + 1) });
    return h("div", { class: "field" }, h("label", { for: input.id,
      text: draft.targets.length > 1 ? texts.form.targetNumber(i + 1) : texts.form.target }),
      h("div", { class: "with-button" }, input, draft.targets.length > 1 ? away : null), change);
  }

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
        setText(line, tokens(target) > kMostTokens ? texts.form.long : text);
        line.classList.toggle("changes", Boolean(changes?.length));
      });
    },
  };
}

/** Find the best, a sweep, or a story; and their settings. */
function createSearch(refresh) {
  const radios = ["best", "sweep", "story"].map((mode) => h("input",
    { type: "radio", name: "mode", value: mode, id: `mode-${mode}`, checked: draft.mode === mode,
    on: { change: () => {
      draft.mode = mode;
      refresh();
    } } }));
  const modes = h("fieldset", { class: "modes" }, h("legend", { text: texts.form.mode }),
    ...radios.flatMap((radio) => [radio, h("label", { for: radio.id, text: texts.form[radio.value] })]));
  const hint = h("p", { class: "hint" });
  const controls = new Map();
  const bound = (key, label, attributes, usual) => {
    const input = h("input", { type: "number", inputmode: "decimal", required: true, ...attributes, on: { input: () => {
      if (input.value === "" || !input.checkValidity()) return;
      draft[key] = Number(input.value);
      refresh();
    } } });
    controls.set(key, () => document.activeElement !== input && (input.value = String(usual ? usual() : draft[key])));
    return field(label, input);
  };
  const select = (key, label, options, usual) => {
    const input = h("select", { on: { change: () => {
      draft[key] = input.value;
      if (key === "sampler") draft.steps = usualSteps(input.value);
      refresh();
    } } }, ...options.map(([value, text]) => option(value, text)));
    controls.set(key, () => (input.value = usual ? usual() : draft[key]));
    return field(label, input);
  };
  const negative = h("input", { type: "text", autocomplete: "off", maxlength: kMostText, on: { input: () => {
    draft.negative = negative.value;
    refresh();
  } } });
  controls.set("negative", () => document.activeElement !== negative && (negative.value = draft.negative));
  const strengthStep = { min: 0, max: 3, step: 0.05 };
  const strategies = createStrategies(refresh);
  const auto = h("div", { class: "fields" }, bound("candidates", texts.form.candidates, { min: 3, max: 200, step: 1 }, candidates));
  const alpha = bound("alpha", texts.form.alpha, strengthStep);
  const strengthLegend = h("legend");
  const sweep = h("div", {}, strategies.node,
    h("fieldset", { class: "fields three" }, strengthLegend, bound("first", texts.form.first, strengthStep),
      bound("last", texts.form.last, strengthStep),
      bound("step", texts.form.step, { min: 0.05, max: 2, step: 0.05 })),
    h("div", { class: "fields" }, bound("seeds", texts.form.seeds, { min: 1, max: 20, step: 1 }),
      select("interpolation", texts.form.interpolation, [["vs", texts.form.vs], ["vp", texts.form.vp]]), alpha));
  const learning = h("div", { class: "fields" }, select("method", texts.form.method,
    ["vanilla", "dreambooth", "imagic"].map((name) => [name, name])), bound("samples", texts.form.samples, { min: 0, max: 100000, step: 1 }));
  const more = h("details", { class: "more" }, h("summary", { text: texts.form.more }), learning, h("div", { class: "fields" },
    select("sampler", texts.form.sampler, [["ddim", "DDIM"], ["dpm++", "DPM++ 2M"]], sampler),
      bound("steps", texts.form.steps, { min: 1, max: 999, step: 1 }, steps),
    bound("guidance", texts.form.guidance, { min: 0, max: 100, step: 0.5 }), bound("seed", texts.form.seed, { min: 0, step: 1 }),
    bound("blend", texts.form.blend, { min: 0, max: 1, step: 0.1 })), field(texts.form.negative, negative));
  const node = h("div", {}, modes, hint, auto, sweep, more);
  return {
    node,
    update() {
      const judge = state.info?.judge, noJudge = judge?.there === false;
      radios[0].disabled = noJudge;
      if (noJudge && draft.mode === "best") draft.mode = "sweep";
      for (const radio of radios) radio.checked = radio.value === draft.mode;
      setText(hint, noJudge ? texts.form.noJudge(judge.why_not) : texts.form[draft.mode + "Note"]);
      show(auto, draft.mode === "best");
      show(sweep, draft.mode !== "best");
      show(alpha, draft.interpolation === "vp");
      setText(strengthLegend, draft.interpolation === "vp" ? texts.form.beta : texts.form.gamma);
      show(learning, !draft.learned);
      strategies.update();
      for (const refill of controls.values()) refill();
    },
  };
}

function createStrategies(refresh) {
  const box = h("div");
  const node = h("details", { class: "more" }, h("summary"), box);
  const check = ({ name, summary }) => {
    const input = h("input", { type: "checkbox", id: newId("strategy"), on: { change: () => {
      const rest = draft.strategies.filter((one) => one !== name);
      draft.strategies = input.checked ? [...rest, name] : rest.length ? rest : [name];
      refresh();
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
