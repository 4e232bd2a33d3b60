// Every text that the page shows.

const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;
const number = (value) => String(Math.round(value * 1000) / 1000);

/** "48 s", "3 min 20 s", "1 h 5 min". */
function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return whole % 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${whole / 60} min`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}

function bytes(count) {
  if (count < 1e6) return `${Math.max(1, Math.round(count / 1e3))} kB`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(2)} GB`;
}

export const texts = {
  name: "Forgedit",
  skip: "Skip to the pictures",
  number,
  duration,
  bytes,
  close: "Close",
  cancelWord: "Cancel",

  nav: { label: "Pages", start: "Edit", gallery: "Gallery", learned: "Saved edits" },

  header: {
    asleep: "model not loaded",
    idle: "model loaded",
    busy: "working",
    running: (running, waiting) =>
      [running && `${running} running`, waiting && `${waiting} waiting`].filter(Boolean).join(", ") || "queue empty",
    paused: "queue paused",
  },

  banner: {
    label: "Messages",
    offline: "The server does not answer. The page tries again; nothing that was started is lost.",
    retry: "Try now",
    miniature: "To edit photographs, start the server with a Stable Diffusion model:",
    miniatureCommand: "forgedit serve --model DIR",
    noModel: (why) => `The server has no model: ${why}`,
    demo: "Run the demo",
    demoSource: "a man walking: dark skin tone on a blue background",
    demoTarget: "a man running: dark skin tone on a blue background",
    demoNote: "A walking man runs.",
  },

  token: {
    title: "Token",
    text: "It follows #token= in the address that the server printed, and is in the file DATA/token.",
    label: "Token",
    button: "Continue",
    wrong: "The server does not know this token.",
  },

  form: {
    title: "New edit",
    drop: "Drop a picture here, or paste one",
    choose: "Choose a picture",
    photo: "Take a photo",
    replace: "Replace",
    notPicture: (name) => `${name} is not a picture. PNG, JPEG, WebP, HEIC and AVIF work.`,
    uploading: (share) => `Uploading, ${Math.round(share * 100)} %`,
    pictureAlt: "the picture to edit",
    transparent: (background) => `It has transparent parts; the model sees them ${background}.`,
    size: (picture) => `${picture.width} × ${picture.height}`,
    modelSize: (frame) => `model: ${frame.grid_width} × ${frame.grid_height}`,
    upscaled: "It is smaller than the model's size and will be scaled up.",
    learnedFrom: (name) => `Learned: ${name}`,
    learnedNote: "No new fine-tuning: images start at once.",
    forgetLearned: "Use another picture",
    source: "Caption: what the picture shows",
    sourceHint: "The model learns the picture with it.",
    captioning: "Writing a caption …",
    captionFailed: (why) => `No caption: ${why}`,
    suggest: "Suggest a caption",
    reset: "Back to the suggestion",
    target: "Prompt: what the edit shows",
    targetNumber: (n) => `Prompt ${n}: what the edit shows`,
    targetHint: "Best: the caption's words, with the change in them.",
    copyCaption: "Start from the caption",
    addTarget: "Add a prompt",
    removeTarget: (n) => `Remove prompt ${n}`,
    change: ({ from, to }) => (from && to ? `${from} → ${to}` : from ? `without “${from}”` : `with “${to}”`),
    same: "Same as the caption: nothing will change.",
    long: (cut) => `Over 75 tokens: “${cut}” will probably be cut off.`,
    mode: "How to search",
    best: "Find the best",
    bestNote: "Searches strategies, strengths and seeds, scores every image, reports the best three.",
    noJudge: (why) => `No automatic choice here: ${why}`,
    sweep: "Sweep",
    sweepNote: "Every combination of the values below.",
    story: "Story",
    storyNote: "One prompt per line, in order, all from the same saved edit.",
    storyLabel: "Prompts of the story, one per line",
    candidates: "Candidates",
    strategies: "Forgetting strategies",
    first: "from",
    last: "to",
    step: "step",
    seeds: "Seeds",
    gamma: "γ (vector subtraction)",
    beta: "β (vector projection)",
    alpha: "α (identity)",
    interpolation: "Interpolation",
    vs: "vector subtraction (γ)",
    vp: "vector projection (α, β)",
    more: "Fine-tuning and sampling",
    method: "Method",
    samples: "Training samples",
    sampler: "Sampler",
    steps: "Steps",
    guidance: "Guidance scale",
    negative: "Negative prompt (what the edit does not show)",
    seed: "Seed",
    blend: "Blend",
    run: "Generate",
    cost: (images, learns, learning, sampling) => {
      const count = plural(images, "image", "images");
      if (!(learning + sampling >= 0)) return learns ? `Fine-tuning and ${count}` : count;
      return `About ${duration(learning + sampling)}: ` + (learns ? `fine-tuning ${duration(learning)}, ${count} ${duration(sampling)}` : count);
    },
    needPicture: "Choose a picture first.",
    needTarget: "Write what the edit shows.",
    needStory: "Write the prompts, one per line.",
    needSource: "Write what the picture shows.",
    wrongNumber: (label, why) => `${label}: ${why}`,
    wrongRange: "The last strength is less than the first.",
    sent: "Added to the queue.",
  },

  start: {
    newest: "Newest edits",
    how: [
      "Choose a picture, and correct the caption that is suggested.",
      "Write what the edit shows: the same words with the change in them.",
      "The model learns the picture once; then images fill a grid.",
      "Pick one, compare it with the original, and adjust it with sliders. No new fine-tuning.",
    ],
  },

  ours: {
    title: "This image was made by Forgedit",
    again: "Generate again",
    original: "Use as a new original",
    missing: (what) => `Not on this server: ${what}.`,
    labels: { target: "Prompt", source: "Caption", forget: "Strategy", gamma: "Strength γ", alpha: "Identity α", beta: "Edit β", seed: "Seed",
      seeds: "Seeds", sampler: "Sampler", steps: "Steps", guidance: "Guidance scale", blend: "Blend", method: "Method", samples: "Training samples",
      size: "Size" },
  },

  side: {
    title: "Jobs",
    none: "Nothing yet. Edits appear here, and stay after the page or the server is closed.",
    more: "Show older",
    learnedTitle: "Saved edits",
    learnedNone: "Learned weights are kept here for further edits.",
    queued: (place) => !place ? "waiting" : `waiting, number ${place.position}` +
      (place.starts_in === null ? "" : `, starts in about ${duration(place.starts_in)}`),
  },

  states: { queued: "waiting", running: "running", done: "done", failed: "failed", cancelled: "cancelled" },
  stages: { learning: "Fine-tuning", "generating images": "Generating images" },

  job: {
    loading: "Reading the job …",
    unknown: "There is no job with this address. It may have been deleted.",
    starting: "Loading the model",
    left: (seconds) => `${duration(seconds)} left`,
    step: (done, total) => `step ${done} of ${total}`,
    imagesOf: (done, total) => (total ? `${done} of ${plural(total, "image", "images")}` : plural(done, "image", "images")),
    from: "from",
    cancelText: "Finished images stay. Learned weights stay once they are complete.",
    cancelNow: "Cancel now",
    cancelAfter: "After this image",
    cancelling: "Cancelling …",
    retry: "Run again",
    remove: "Delete",
    removeTitle: "Delete this job and its images?",
    removeText: "This cannot be undone.",
    settings: "Use these settings",
    announce: { running: "started", done: "done", failed: "failed", cancelled: "cancelled", queued: "back in the queue" },
    said: (target, state) => `${target}: ${state}`,
    lossTitle: "Loss",
    lossLabel: (steps, total, loss) => `Training loss, step ${steps} of ${total}: ${loss.toFixed(4)}`,
    lossDone: (steps, loss) => `Training loss over ${steps} steps, at the end ${loss.toFixed(4)}`,
    learnWait: "The model learns the picture and its caption. Images follow.",
    errorIn: (message) => `Failed: ${message || ""}`,
  },

  grid: {
    label: "Images by strategy and strength",
    storyLabel: "Images by prompt and strength",
    seed: (seed) => `seed ${seed}`,
    seeds: "Seeds",
    targets: "Prompts",
    planned: "not generated yet",
    preview: (step, of) => `being generated, step ${step} of ${of}`,
    cell: (strategy, strength, seed, state) => `${strategy}, ${strength}, seed ${seed}${state ? ": " + state : ""}`,
    strength: (entry) =>
      entry.interpolation === "vp"
        ? `α ${number(entry.alpha)} β ${number(entry.beta)}`
        : entry.gamma === undefined ? "" : `γ ${number(entry.gamma)}`,
    best: (rank) => ["best", "2nd", "3rd"][rank],
    reconstruction: "Reconstruction",
    unlearned: "Untouched model",
  },

  best: {
    title: "The best three",
    soFar: "The best three so far",
    pick: (rank, reason) => `${["Best", "Second", "Third"][rank]}: ${reason}`,
  },

  scatter: {
    title: "Edit and kept",
    edit: (what) => `edit (${what}) →`,
    kept: (what) => `kept (${what}) ↑`,
    label: (count) => `${plural(count, "image", "images")} by how far they follow the prompt and how much they keep`,
    note: "Right: follows the prompt. Up: keeps the picture. Rings: no change towards the prompt.",
  },

  view: {
    before: "original",
    after: "edit",
    nearest: (label) => `nearest finished image: ${label}`,
    drawing: (step, of) => (of ? `generating, step ${step} of ${of}` : "generating"),
    slider: "How much of the original shows",
    mode: "Compare",
    modes: { slider: "Slider", side: "Side by side", difference: "Difference", edit: "Edit" },
    hold: "Hold: original",
    gone: "The file of this image is gone.",
    alt: (target, label) => `${target} (${label})`,
    originalAlt: "the original",
    star: "Star",
    starred: "Starred",
    png: "PNG",
    pngPlain: "PNG without settings",
    command: "Copy as command",
    curl: "Copy as curl",
    downloads: "More downloads",
    sheet: "Contact sheet",
    chart: "Chart",
    record: "Record (JSON)",
    zip: "All images (zip)",
    saved: "Saved edit (zip)",
    lora: "LoRA",
    loraBusy: "Exporting LoRA …",
    loraGet: (size) => `Download LoRA, ${size}`,
    facts: {
      strategy: "Strategy", strength: "Strength", seed: "Seed", sampler: "Sampler", steps: "Steps",
      guidance: "Guidance scale", negative: "Negative prompt", blend: "Blend", edit: "Edit", kept: "Kept",
    },
  },

  copied: "Copied",
  copyTitle: "Copy",
  copyText: "Press Ctrl+C to copy.",

  adjust: {
    title: "Adjust",
    missing: "This job's weights were deleted, so its images cannot be adjusted.",
    later: "The sliders appear with the first image.",
    target: "Prompt",
    gamma: "Strength γ",
    alpha: "Identity α",
    beta: "Edit β",
    blend: "Blend",
    blendHint: "Forgotten weights: 0 original, 1 learned.",
    strategy: "Strategy",
    seed: "Seed",
    nextSeed: "Next seed",
    sampler: "Sampling",
    quick: (steps) => `quick: DPM++ 2M, ${steps} steps`,
    published: (steps) => `published: DDIM, ${steps} steps`,
    guidance: "Guidance scale",
    tries: "Tries",
    noTries: "Images from the sliders are listed here.",
    undo: "Undo",
    redo: "Redo",
    tryLabel: (n, label) => `Try ${n}: ${label}`,
    pending: "generating",
  },

  gallery: {
    title: "Gallery",
    search: "Find in prompts",
    starred: "Starred only",
    picture: "Original",
    allPictures: "all",
    none: "No images yet.",
    noneFound: "No image matches.",
    more: "Show more",
    selected: (count) => `${plural(count, "image", "images")} selected`,
    select: (label) => `Select ${label}`,
    remove: "Hide",
    removed: (count) => `${plural(count, "image", "images")} hidden; deleting their job frees the disk`,
    undo: "Undo",
    open: (label) => `Open: ${label}`,
    star: (label) => `Star: ${label}`,
  },

  learned: {
    title: "Saved edits",
    none: "Nothing yet. Each edit keeps its learned weights, so that further edits start at once.",
    use: "Edit",
    name: "Name",
    pin: "Keep for good",
    pinHint: "Others are deleted, least used first, when the disk limit is reached.",
    facts: (item) =>
      [item.method, item.learning && `≤ ${item.learning.samples} samples`, item.bytes && bytes(item.bytes)].filter(Boolean).join(" · "),
    remove: "Delete",
    removeTitle: "Delete the weights learned of this picture?",
    removeText: "Its images stay. Further edits have to learn the picture again.",
  },

  keys: {
    title: "Keys",
    list: [
      ["/", "write what the edit shows"],
      ["Enter", "generate"],
      ["Esc", "close; sliders back"],
      ["← ↑ ↓ →", "move in the grid"],
      ["1 2 3", "the best three"],
      ["S", "star"],
      ["C", "next way to compare"],
      ["Space", "hold to see the original"],
      ["[ ]", "weaker, stronger"],
      ["Ctrl+Z", "undo the last try"],
      ["?", "this list"],
    ],
  },

  errors: {
    offline: "the server does not answer",
    status: (status) => `the server answered ${status}`,
  },
};
