// Sliders on what was learned: the nearest image while one moves, a new one when it is let go, the newest wish wins.
import assert from "node:assert/strict";
import { blur } from "./flow.mjs";
import { assertNoProblems, openBrowser, openPage } from "./harness.mjs";

/** Moves a slider as a hand does: `input` on the way, `change` at the end. */
async function drag(page, name, values, letGo = true) {
  await page.getByRole("slider", { name, exact: true }).evaluate((slider, [values, letGo]) => {
    for (const value of values) {
      slider.value = value;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    }
    if (letGo) slider.dispatchEvent(new Event("change", { bubbles: true }));
  }, [values, letGo]);
}

/** The image in the viewer is finished. */
const untilDrawn = (page) =>
  page.waitForFunction(() => !document.querySelector(".view-label")?.checkVisibility(), null, { timeout: 60000 });

const drawsOf = async (server, learned) => (await server.get(`api/v1/jobs?kind=draw&learned=${learned}&limit=100`)).jobs;
const kStrength = "Strength γ";

export default async function adjust({ server, check, shots, left }) {
  const browser = await openBrowser();
  const page = await openPage(browser);
  await page.goto(`${server.url}#job/${left.job}`);

  await check("while a slider moves, the nearest finished image is shown and nothing is generated", async () => {
    await page.getByRole("slider", { name: kStrength, exact: true }).waitFor();
    const before = (await drawsOf(server, left.learned)).length;
    await drag(page, kStrength, ["0.9", "1.1", "1.35"], false);
    await page.getByText("nearest finished image").waitFor();
    await page.screenshot({ path: `${shots}/20-nearest.png` });
    await page.waitForTimeout(600);
    assert.equal((await drawsOf(server, left.learned)).length, before);
  });

  await check("when it is let go, an image is generated without learning", async () => {
    const start = Date.now();
    await drag(page, kStrength, ["1.35"]);
    await page.waitForURL(/\/try\//);
    await page.locator(".film .cell img[src*='api/v1']").first().waitFor({ timeout: 30000 });
    console.log(`# drawn ${((Date.now() - start) / 1000).toFixed(1)} s after it was let go`);
    await untilDrawn(page);
    const draw = await server.get(`api/v1/jobs/${new URL(page.url()).hash.split("/").pop()}?wait=10&version=0`);
    assert.equal(draw.request.gamma, 1.35);
    assert.equal(draw.parent, left.job);
    assert.equal(draw.state, "done");
    await page.screenshot({ path: `${shots}/21-drawn.png` });
  });

  await check("the newest wish wins", async () => {
    // Long enough on any machine for the next wish to come before the last one's image.
    await page.locator(".adjust").getByLabel("Sampling").selectOption("ddim 50");
    for (const value of ["0.5", "0.7", "1.55"]) {
      await drag(page, kStrength, [value]);
      await page.waitForTimeout(450);
    }
    await untilDrawn(page);
    const draws = await drawsOf(server, left.learned);
    const last = await server.get(`api/v1/jobs/${draws[0].id}`);
    assert.equal(last.request.gamma, 1.55);
    assert.equal(last.state, "done");
    assert.ok(draws.some((draw) => draw.error?.code === "superseded"), JSON.stringify(draws.map((draw) => [draw.state, draw.error])));
  });

  await check("strategy, seed, blend and text", async () => {
    await page.locator(".adjust").getByLabel("Strategy").selectOption("encoderattn");
    await page.waitForTimeout(400);
    await page.getByRole("button", { name: "Next seed" }).click();
    await drag(page, "Blend", ["0.3"]);
    await page.waitForTimeout(500);
    const id = new URL(page.url()).hash.split("/").pop();
    const draw = await server.get(`api/v1/jobs/${id}`);
    assert.deepEqual([draw.request.forget, draw.request.seed, draw.request.blend], ["encoderattn", draw.request.seed, 0.3]);
    assert.ok(draw.request.seed > 0);
  });

  await check("[ and ] make it weaker and stronger; undo goes back; tries are there after a reload", async () => {
    await untilDrawn(page);
    await blur(page);
    const address = page.url();
    await page.keyboard.press("]");
    await page.waitForFunction((old) => location.href !== old, address, { timeout: 10000 });
    await untilDrawn(page);
    await page.keyboard.press("Control+z");
    assert.equal(page.url(), address);
    const count = await page.locator(".film .cell").count();
    await page.reload();
    await page.waitForFunction((count) => document.querySelectorAll(".film .cell").length === count, count, { timeout: 15000 });
    await page.screenshot({ path: `${shots}/22-tries.png`, fullPage: true });
  });

  await check("the tries of a job do not stand under another one of the same learned picture", async () => {
    await page.goto(`${server.url}#job/${left.sweep}`);
    await page.locator(".grid .cell.image").first().waitFor();
    await page.waitForTimeout(500);
    assert.equal(await page.locator(".film .cell").count(), 0);
    await page.goto(`${server.url}#job/${left.job}`);
    await page.locator(".film .cell").first().waitFor();
  });

  await check("an image of the sliders leads from the gallery to them", async () => {
    await page.goto(`${server.url}#gallery`);
    await page.locator(".wall a[href*='/try/']").first().click();
    await page.waitForURL(/\/try\//);
    await page.getByRole("slider", { name: kStrength, exact: true }).waitFor();
    await page.goto(`${server.url}#job/${left.job}`);
  });

  await check("a LoRA is made and saved by one click", async () => {
    await page.getByText("More downloads").click();
    const saved = page.waitForEvent("download", { timeout: 180000 });  // a singular value decomposition of each layer
    await page.getByRole("button", { name: "LoRA", exact: true }).click();
    assert.equal((await saved).suggestedFilename(), "lora.safetensors");
    const link = page.getByRole("link", { name: /Download LoRA/ });
    await link.waitFor({ timeout: 60000 });
    const response = await fetch(new URL(await link.getAttribute("href"), server.url));
    assert.equal(response.status, 200);
    assert.ok((await response.arrayBuffer()).byteLength > 10000);
  });

  await check("what was learned can be named, and used for a new edit", async () => {
    await page.getByRole("link", { name: "Saved edits" }).first().click();
    const card = page.locator(".card").first();
    await card.getByLabel("Name").fill("walking man");
    await card.getByLabel("Name").press("Enter");
    await card.getByLabel("Name").blur();
    await page.waitForTimeout(300);
    await page.reload();
    await page.waitForFunction(() => document.querySelector(".card input")?.value === "walking man");
    await page.screenshot({ path: `${shots}/23-learned.png`, fullPage: true });
    await page.locator(".card").first().getByRole("button", { name: "Edit" }).click();
    await page.getByText("Learned: walking man").waitFor();
  });

  await check("nothing failed on the way", async () => assertNoProblems(page));
  await browser.close();
}
