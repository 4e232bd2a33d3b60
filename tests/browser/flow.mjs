// The whole way: a picture by file, drop and paste; its caption; an edit with the automatic choice, reloaded at every
// stage and seen in a second tab; a sweep and a story without learning again.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { assertAccessible, assertNoProblems, demoFile, kSource, kTarget, openBrowser, openPage } from "./harness.mjs";

const bytes = () => [...readFileSync(demoFile)];

/** As a file that is dropped on, or pasted into, the page. */
async function give(page, kind) {
  await page.evaluate(([kind, bytes]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], "walking.png", { type: "image/png" }));
    const event = kind === "drop" ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
                                  : new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
  }, [kind, bytes()]);
}

const captionOf = (page) => page.locator("#source").inputValue();

async function untilCaption(page) {
  await page.waitForFunction(() => /** @type {any} */ (document.getElementById("source")).value.trim() !== "", null, { timeout: 30000 });
  return captionOf(page);
}

export const blur = (page) => page.evaluate(() => /** @type {any} */ (document.activeElement)?.blur());
export const jobOf = (page) => new URL(page.url()).hash.split("/")[1];

export async function untilDone(server, id, seconds = 180) {
  for (const end = Date.now() + 1000 * seconds; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 250))) {
    const job = await server.get(`api/v1/jobs/${id}`);
    if (job.state !== "queued" && job.state !== "running") return job;
  }
  throw new Error(`job ${id} is not over after ${seconds} s`);
}

export default async function flow({ server, check, shots, left }) {
  const browser = await openBrowser();
  const page = await openPage(browser, { permissions: ["clipboard-read", "clipboard-write"] });
  const shot = (name, options = { fullPage: true }) => page.screenshot({ path: `${shots}/${name}.png`, ...options });

  await check("the page answers at once, and says what the miniature knows", async () => {
    const start = Date.now();
    await page.goto(server.url);
    await page.getByRole("button", { name: "Run the demo" }).waitFor({ timeout: 5000 });
    assert.ok(Date.now() - start < 5000);
    await assertAccessible(page, "start");
    await shot("01-start");
  });

  await check("a picture can be chosen; a caption is suggested", async () => {
    await page.setInputFiles("#choose", demoFile);
    assert.equal(await untilCaption(page), kSource);
    await shot("02-picture");
  });

  for (const kind of ["paste", "drop"]) {
    await check(`a picture can be given by ${kind}`, async () => {
      await page.fill("#source", "");
      await give(page, kind);
      assert.equal(await untilCaption(page), kSource);
    });
  }

  await check("a caption that was written is not overwritten, and the suggestion comes back", async () => {
    await page.fill("#source", "something else");
    await page.reload();
    assert.equal(await captionOf(page), "something else");
    await page.getByRole("button", { name: "Back to the suggestion" }).click();
    assert.equal(await captionOf(page), kSource);
  });

  await check("what is missing is said, and the field that lacks it has the focus", async () => {
    await page.getByRole("button", { name: "Generate" }).click();
    await page.getByText("Write what the edit shows.").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.id), "target-0");
  });

  const started = Date.now();
  await check("an edit starts; the loss is drawn while it learns", async () => {
    await page.fill("#target-0", kTarget);
    assert.equal(await page.getByLabel("Candidates").inputValue(), "10");
    await page.getByLabel("Candidates").fill("6");
    await page.getByText("walking → running").waitFor();
    await page.locator(".cost", { hasText: /^About .*: fine-tuning .*, 6 images / }).waitFor();
    console.log(`# ${await page.locator(".cost").textContent()}`);
    await page.getByRole("button", { name: "Generate" }).click();
    await page.waitForURL(/#job\//);
    left.job = jobOf(page);
    await page.locator(".chart .mean").first().waitFor({ state: "attached", timeout: 60000 });
    await shot("03-learning");
  });

  await check("reload while it learns: the curve is there from its first step", async () => {
    const untilPoints = (timeout) =>
      page.waitForFunction(() => (document.querySelector(".chart .mean")?.getAttribute("points") || "").split(" ").length >= 4, null, { timeout });
    await untilPoints(60000);
    await page.reload();
    await untilPoints(3000);
  });

  await check("a second tab shows the same job", async () => {
    const other = await page.context().newPage();
    await other.goto(`${server.url}#job/${left.job}`);
    await other.getByRole("heading", { name: kTarget }).waitFor();
    await other.close();
  });

  await check("images appear one by one, the first as previews", async () => {
    await page.locator(".grid .cell.preview, .view.preview").first().waitFor({ timeout: 180000 });
    await shot("04-preview");
    await page.locator(".grid .cell.image").first().waitFor({ timeout: 60000 });
    await page.reload();
    await page.locator(".grid .cell.image").first().waitFor({ timeout: 10000 });
    await shot("05-images");
  });

  await check("the best three have their reasons, and points in the chart", async () => {
    const job = await untilDone(server, left.job);
    left.seconds = (job.ended - job.started) / 1000;
    console.log(`# the edit took ${left.seconds.toFixed(1)} s, ${((Date.now() - started) / 1000).toFixed(1)} s with all reloads`);
    assert.equal(job.state, "done");
    left.learned = job.result.learned;
    await page.locator(".best li").nth(2).waitFor({ timeout: 10000 });
    assert.ok(await page.locator(".scatter .dot").count() >= 3);
    await page.reload();
    await page.locator(".best li").nth(2).waitFor({ timeout: 10000 });
    await shot("06-done");
    await shot("06-done-window", {});
    await assertAccessible(page, "job");
  });

  await check("a point of the chart, a cell and the viewer show the same image", async () => {
    await page.locator(".scatter .dot").last().click();
    await page.waitForURL(/#job\/[^/]+\/.+/);
    const stem = decodeURIComponent(new URL(page.url()).hash.split("/")[2]);
    assert.equal(await page.locator(`.grid .cell[aria-pressed=true]`).getAttribute("data-stem"), stem);
    assert.ok((await page.locator(".view .after").getAttribute("src")).includes(encodeURIComponent(stem).slice(0, 10)));
  });

  await check("compare: side by side, difference, slider", async () => {
    for (const mode of ["Side by side", "Difference", "Edit", "Slider"]) {
      await page.getByRole("button", { name: mode, exact: true }).click();
      await shot(`07-${mode.toLowerCase().replaceAll(" ", "-")}`, {});
    }
    const slider = page.getByRole("slider", { name: "How much of the original shows" });
    await slider.focus();
    for (let i = 0; i < 4; ++i) await page.keyboard.press("PageUp");
    assert.notEqual(await slider.inputValue(), "50");
  });

  await check("copy as command", async () => {
    await page.getByRole("button", { name: "Copy as command" }).click();
    const text = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(text, /^forgedit edit --source 'a man walking: .*' --forget \S+ --gamma [\d.]+ --sampler ddim --steps 20 .*--seeds [\d,]+ .*--draw-batch 1 -- demo\.png 'a man running: .*'$/);
  });

  await check("downloads are files", async () => {
    await page.getByText("More downloads").click();
    for (const href of await page.locator(".downloads a, a.button[download]").evaluateAll((links) => links.map((link) => link.href))) {
      const response = await fetch(href);
      assert.equal(response.status, 200, href);
      assert.ok((await response.arrayBuffer()).byteLength > 500, href);
    }
  });

  await check("a sweep of what was learned starts at once; its cells are there before their images", async () => {
    await page.getByRole("button", { name: "Use these settings" }).click();
    await page.locator("label[for=mode-sweep]").click();
    await page.locator(".more summary").first().click();
    await page.locator("#form").getByText("encoderattn", { exact: true }).click();
    await page.getByLabel("from", { exact: true }).fill("0.8");
    await page.getByLabel("to", { exact: true }).fill("1.2");
    await page.locator(".cost", { hasText: "No new fine-tuning" }).waitFor();
    await page.getByRole("button", { name: "Generate" }).click();
    await page.waitForFunction((id) => !location.hash.includes(id), left.job);
    left.sweep = jobOf(page);
    await page.locator(".grid .cell").nth(5).waitFor({ timeout: 10000 });
    await page.locator(".grid .cell.image").first().waitFor({ timeout: 60000 });
    await shot("08-sweep");
    const job = await untilDone(server, left.sweep);
    assert.equal(job.pictures.filter((one) => one.entry.kind === "edit").length, 6);
    assert.equal(job.request.learned, left.learned);
  });

  await check("a story has a row for each text", async () => {
    await page.locator("label[for=mode-story]").click();
    await page.fill("#story", " ");
    await page.getByRole("button", { name: "Generate" }).click();
    await page.getByText("Write the prompts, one per line.").waitFor();
    await page.fill("#story", "a man running: dark skin tone on a yellow background\na man walking: dark skin tone on a red background");
    await page.getByLabel("from", { exact: true }).fill("1");
    await page.getByLabel("to", { exact: true }).fill("1");
    await page.locator("#form").getByText("encoderattn", { exact: true }).click();
    await page.getByRole("button", { name: "Generate" }).click();
    await page.waitForFunction((id) => !location.hash.includes(id), left.sweep);
    const job = await untilDone(server, jobOf(page));
    assert.equal(job.state, "done", JSON.stringify(job.error));
    await page.locator(".grid tbody tr").nth(1).locator(".cell.image").first().waitFor();
    await shot("09-story");
  });

  await check("the gallery: stars, texts, and deleting with a way back", async () => {
    await page.goto(`${server.url}#job/${left.job}`);
    await page.locator(".best li").first().waitFor();
    await blur(page);
    await page.keyboard.press("s");
    await page.getByRole("button", { name: "Starred" }).waitFor();
    await page.getByRole("link", { name: "Gallery" }).click();
    await page.locator(".wall li").nth(8).waitFor();
    await assertAccessible(page, "gallery");
    await shot("10-gallery");
    const count = await page.locator(".wall li").count();
    await page.getByLabel("Starred only").check();
    await page.waitForFunction(() => document.querySelectorAll(".wall li").length === 1);
    await page.getByLabel("Starred only").uncheck();
    await page.getByLabel("Find in prompts").fill("yellow");
    await page.waitForFunction(() => document.querySelectorAll(".wall li").length === 1);
    await page.getByLabel("Find in prompts").fill("");
    await page.waitForFunction((count) => document.querySelectorAll(".wall li").length === count, count);
    await page.locator(".wall .pick input").first().check();
    await page.getByRole("button", { name: "Hide" }).click();
    await page.waitForFunction((count) => document.querySelectorAll(".wall li").length === count - 1, count);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.waitForFunction((count) => document.querySelectorAll(".wall li").length === count, count);
  });

  await check("one of our own images is recognised, and can be drawn again", async () => {
    const job = await server.get(`api/v1/jobs/${left.job}`);
    const picture = Buffer.from(await (await fetch(server.url + job.pictures.find((one) => one.entry.kind === "edit").url)).arrayBuffer());
    await page.goto(server.url);
    await page.setInputFiles("#choose", { name: "ours.png", mimeType: "image/png", buffer: picture });
    await page.getByRole("dialog").getByText("This image was made by Forgedit").waitFor();
    await page.getByRole("dialog").getByText("Strength γ").waitFor();
    await assertAccessible(page, "draw again");
    await shot("11-ours", {});
    await page.getByRole("button", { name: "Generate again" }).click();
    await page.waitForURL(/#job\//);
    assert.equal((await untilDone(server, jobOf(page))).state, "done");
  });

  await check("nothing failed on the way", async () => assertNoProblems(page));
  await browser.close();
}
