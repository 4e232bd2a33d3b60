// Jobs that wait: when they start, and that their places stay true. And pictures that overtake each other.
import assert from "node:assert/strict";
import { kTarget, assertAccessible, assertFits, assertNoProblems, openBrowser, openPage } from "./harness.mjs";

async function send(server, method, path, body) {
  const response = await fetch(server.url + path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  assert.ok(response.ok, `${path}: ${response.status}`);
  return response.json();
}

/** A picture that is one colour. */
const plain = (page, colour) => page.evaluate((colour) => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const context = canvas.getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 64, 64);
  return canvas.toDataURL("image/png").split(",")[1];
}, colour).then((text) => Buffer.from(text, "base64"));

export default async function queue({ server, check, shots, left }) {
  const browser = await openBrowser();
  const page = await openPage(browser);

  await check("a job that waits says when it starts, and its place stays true", async () => {
    await send(server, "PATCH", "api/v1/queue", { paused: true });
    const sweep = { learned: left.learned, targets: [kTarget], forget: ["donotforget"], gamma: [0.7, 0.8, 0.9, 1.1], sampler: "ddim", steps: 50 };
    const jobs = [];
    for (let i = 0; i < 3; ++i) jobs.push(await send(server, "POST", "api/v1/jobs", { ...sweep, seeds: [40 + i] }));
    await page.goto(`${server.url}#job/${jobs[2].id}`);
    const status = page.locator(".job-head .status");
    await page.waitForFunction(() => /number 3/.test(document.querySelector(".job-head .status")?.textContent || ""));
    await send(server, "POST", `api/v1/jobs/${jobs[1].id}/cancel`, {});
    await page.waitForFunction(() => /number 2/.test(document.querySelector(".job-head .status")?.textContent || ""), null, { timeout: 3000 });
    await send(server, "PATCH", "api/v1/queue", { paused: false });
    await page.waitForFunction(() => /number 1, starts in about \d/.test(document.querySelector(".job-head .status")?.textContent || ""), null,
      { timeout: 20000 });
    console.log(`# ${await status.textContent()}`);
    await page.screenshot({ path: `${shots}/60-queue.png` });
    for (const job of jobs) await send(server, "POST", `api/v1/jobs/${job.id}/cancel`, {});
  });

  await check("a long text leaves the page its shape", async () => {
    const long = await send(server, "POST", "api/v1/jobs", { learned: left.learned, targets: ["a man running ".repeat(40) + "x".repeat(300)], gamma: [1] });
    await send(server, "POST", `api/v1/jobs/${long.id}/cancel`, {});
    for (const [name, width, height] of [["desktop", 1440, 900], ["narrow", 320, 640]]) {
      await page.setViewportSize({ width, height });
      await page.goto(`${server.url}#job/${long.id}`);
      await page.getByRole("button", { name: "Run again" }).waitFor();
      await page.screenshot({ path: `${shots}/61-long-${name}.png` });
      await assertFits(page, name);
      await assertAccessible(page, name);
      const head = await page.locator(".job-head").boundingBox();
      assert.ok(head.height < 420, `${name}: ${head.height}`);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  await check("of two pictures the newest is taken, though it is sent faster", async () => {
    await page.goto(server.url);
    await page.locator("#choose").waitFor({ state: "attached" });
    const [red, blue] = [await plain(page, "red"), await plain(page, "blue")];
    let held = 0;
    await page.route("**/api/v1/pictures?*", async (route) => {
      if (++held === 1) await new Promise((resolve) => setTimeout(resolve, 1500));
      await route.continue();
    });
    await page.setInputFiles("#choose", { name: "red.png", mimeType: "image/png", buffer: red });
    await page.setInputFiles("#choose", { name: "blue.png", mimeType: "image/png", buffer: blue });
    await page.locator(".picture-field .hint", { hasText: "blue.png" }).waitFor();
    await page.waitForTimeout(2000);
    assert.match(await page.locator(".picture-field .hint").textContent(), /blue\.png/);
    await page.unroute("**/api/v1/pictures?*");
  });

  await check("nothing failed on the way", async () => assertNoProblems(page));
  await browser.close();
}
