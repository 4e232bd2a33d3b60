// @ts-check
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

  nav: { label: "Pages", edit: "Edit", gallery: "Gallery", learned: "Learned pictures" },

  header: {
    asleep: "model not loaded",
    awake: "model loaded",
    working: "working",
    idle: "idle",
    running: (running, waiting) =>
      [running && `${running} running`, waiting && `${waiting} waiting`].filter(Boolean).join(", ") || "queue empty",
    paused: "queue paused",
  },

  banner: {
    offline: "The server does not answer. The page tries again every few seconds; nothing that was started is lost.",
    retry: "Try now",
    miniature:
      "This is the miniature: a small model that ships with Forgedit and runs on a CPU. It knows 3D emoji on plain backgrounds at 128 × 128 pixels, and little else. To edit photographs, start the server with a Stable Diffusion model:",
    miniatureCommand: "forgedit serve --model DIR",
    demo: "Run the demo",
    demoNote: "A walking man runs; about 45 seconds on two cores.",
  },

  token: {
    title: "Token",
    text: "This server asks for its token. It stands behind #token= in the address that the server printed, and in the file DATA/token.",
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
    uploading: (share) => `Uploading, ${Math.round(share * 100)} %`,
    pictureAlt: "the picture to edit",
    transparent: (background) => `It has transparent parts; the model sees them ${background}.`,
    size: (picture) => `${picture.width} × ${picture.height}`,
    modelSize: (frame) => `model: ${frame.grid_width} × ${frame.grid_height}`,
    upscaled: "It is smaller than the model's size and will be scaled up.",
    learnedFrom: (name) => `Learned: ${name}`,
    learnedNote: "Nothing is learned again; images are generated at once.",
    forgetLearned: "Learn another picture",
    source: "What the picture shows",
    sourceHint: "A caption. The model learns the picture under these words.",
    captioning: "Writing a caption …",
    captionFailed: (why) => `No caption: ${why}`,
    suggest: "Suggest a caption",
    reset: "Back to the suggestion",
    target: "What the edit shows",
    targetNumber: (n) => `What edit ${n} shows`,
    targetHint: "The same words with the change in them works best.",
    copyCaption: "Start from the caption",
    addTarget: "Another text",
    removeTarget: (n) => `Remove text ${n}`,
    change: ({ from, to }) => (from && to ? `${from} → ${to}` : from ? `without “${from}”` : `with “${to}”`),
    same: "Same as the caption: nothing will change.",
    long: "Over 77 tokens: the end will probably be cut off.",
    mode: "How to search",
    best: "Find the best",
    bestNote: "Searches strategies, strengths and seeds, scores every image, and names the best three.",
    noJudge: (why) => `No automatic choice here: ${why}`,
    sweep: "Sweep",
    sweepNote: "Every combination of the values below.",
    story: "Story",
    storyNote: "One text a line, in order, all from the same learned picture.",
    storyLabel: "Texts of the story, one a line",
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
    more: "Learning and sampling",
    method: "Method",
    samples: "Training samples",
    sampler: "Sampler",
    steps: "Steps",
    guidance: "Guidance scale",
    seed: "Seed",
    blend: "Blend",
    run: "Generate",
    cost: (images, seconds) => `${plural(images, "image", "images")}${seconds ? `, about ${duration(seconds)}` : ""}`,
    costLearn: (images, seconds) =>
      `Learning and ${plural(images, "image", "images")}${seconds ? `, about ${duration(seconds)}` : ""}`,
    needPicture: "Choose a picture first.",
    needTarget: "Write what the edit shows.",
    needSource: "Write what the picture shows.",
    sent: "Added to the queue.",
  },

  start: {
    newest: "Newest edits",
    how: [
      "Choose a picture. A caption is suggested; change it until it is right.",
      "Write what the edit shows: the same words with the change in them.",
      "The model learns the picture once. Images appear in a grid as they are generated.",
      "Pick one, compare it with the original, and adjust it with sliders; nothing is learned again.",
    ],
  },

  ours: {
    title: "This image was made by Forgedit",
    again: "Draw again",
    original: "Use as a new original",
    missing: (what) => `Not on this server: ${what}.`,
  },

  side: {
    title: "Jobs",
    none: "Nothing yet. Edits appear here, and stay after the page or the server is closed.",
    more: "Show older",
    learnedTitle: "Learned pictures",
    learnedNone: "What a job learned is kept here for further edits.",
    queued: (position) => (position ? `waiting, number ${position}` : "waiting"),
    queuedFor: (position, seconds) => `waiting, number ${position}, starts in about ${duration(seconds)}`,
  },

  states: { queued: "waiting", running: "running", done: "done", failed: "failed", cancelled: "cancelled" },
  stages: { learning: "Learning", "generating images": "Generating images", loading: "Loading the model" },

  job: {
    loading: "Reading the job …",
    unknown: "There is no job with this address. It may have been deleted.",
    starting: "Loading the model",
    left: (seconds) => `${duration(seconds)} left`,
    step: (done, total) => `step ${done} of ${total}`,
    imagesOf: (done, total) => (total ? `${done} of ${plural(total, "image", "images")}` : plural(done, "image", "images")),
    from: "from",
    cancel: "Cancel",
    cancelTitle: "Cancel this job?",
    cancelText: "Finished images stay. What was learned stays once learning has ended.",
    cancelNow: "Cancel now",
    cancelAfter: "After this image",
    keepOn: "Keep running",
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
    errorIn: (message) => `Failed: ${message}`,
  },

  grid: {
    label: "Images by strategy and strength",
    storyLabel: "Images by text and strength",
    seed: (seed) => `seed ${seed}`,
    seeds: "Seeds",
    targets: "Texts",
    planned: "not generated yet",
    preview: (step, of) => `being generated, step ${step} of ${of}`,
    cell: (strategy, strength, seed, state) => `${strategy}, ${strength}, seed ${seed}${state ? ": " + state : ""}`,
    strength: (entry) =>
      entry.interpolation === "vp"
        ? `α ${number(entry.alpha)} β ${number(entry.beta)}`
        : entry.gamma === undefined ? "" : `γ ${number(entry.gamma)}`,
    best: (rank) => ["best", "2nd", "3rd"][rank],
    reconstruction: "Reconstruction",
    unlearned: "Before learning",
  },

  best: {
    title: "The best three",
    soFar: "The best three so far",
    pick: (rank, reason) => `${["Best", "Second", "Third"][rank]}: ${reason}`,
  },

  scatter: {
    title: "Edit against kept",
    edit: (what) => `edit (${what}) →`,
    kept: (what) => `kept (${what}) ↑`,
    label: (count) => `${plural(count, "image", "images")} by how far they follow the text and how much they keep`,
    note: "Right: follows the text. Up: keeps the picture. Rings do not count as edits.",
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
    png_title: "Download the PNG file; its settings are inside",
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
    loraGet: (size) => `Download LoRA${size ? `, ${size}` : ""}`,
    facts: {
      strategy: "Strategy", strength: "Strength", seed: "Seed", sampler: "Sampler", steps: "Steps",
      guidance: "Guidance scale", blend: "Blend", edit: "Edit", kept: "Kept", size: "Size",
    },
  },

  copied: "Copied",
  copyTitle: "Copy",
  copyText: "Press Ctrl+C to copy.",

  adjust: {
    title: "Adjust",
    missing: "What this job learned is not kept, so that its images cannot be adjusted.",
    later: "Sliders come alive when learning has ended.",
    target: "Text",
    gamma: "Strength γ",
    alpha: "Identity α",
    beta: "Edit β",
    blend: "Blend",
    blendHint: "Of the forgotten weights: 0 original, 1 learned.",
    strategy: "Strategy",
    seed: "Seed",
    nextSeed: "Next seed",
    sampler: "Sampling",
    quick: (steps) => `quick: DPM++ 2M, ${steps} steps`,
    published: (steps) => `published: DDIM, ${steps} steps`,
    guidance: "Guidance scale",
    tries: "Tries",
    noTries: "Images that you generate with the sliders are listed here.",
    undo: "Undo",
    redo: "Redo",
    tryLabel: (n, label) => `Try ${n}: ${label}`,
    pending: "generating",
  },

  gallery: {
    title: "Gallery",
    search: "Find in texts",
    starred: "Starred only",
    picture: "Original",
    allPictures: "all",
    none: "No images yet.",
    noneFound: "No image matches.",
    more: "Show more",
    selected: (count) => `${plural(count, "image", "images")} selected`,
    select: (label) => `Select ${label}`,
    remove: "Delete",
    removed: (count) => `${plural(count, "image", "images")} deleted`,
    undo: "Undo",
    open: (label) => `Open: ${label}`,
    star: (label) => `Star: ${label}`,
  },

  learned: {
    title: "Learned pictures",
    none: "Nothing learned yet. Each edit keeps what it learned, so that further edits start at once.",
    use: "Edit",
    name: "Name",
    pin: "Keep for good",
    pinHint: "Others are deleted, least used first, when the disk limit is reached.",
    facts: (item) =>
      [item.learning?.method, item.learning && `${item.learning.samples} samples`, item.bytes && bytes(item.bytes)].filter(Boolean).join(" · "),
    remove: "Delete",
    removeTitle: "Delete what was learned of this picture?",
    removeText: "Its images stay. Further edits of the picture have to learn it again.",
  },

  keys: {
    title: "Keys",
    list: [
      ["/", "write what the edit shows"],
      ["Enter", "generate"],
      ["Esc", "close, or cancel the job"],
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
