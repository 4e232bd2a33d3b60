// The server is killed and started again under the open page, in the middle of a job.
import assert from "node:assert/strict";
import { jobOf, untilDone } from "./flow.mjs";
import { assertAccessible, assertNoProblems, openBrowser, openPage } from "./harness.mjs";

export default async function restart({ server, check, shots, left }) {
  const browser = await openBrowser();
  const page = await openPage(browser);

  await check("a killed server: the page says so, comes back by itself, and the job goes on", async () => {
    await page.goto(`${server.url}#job/${left.sweep}`);
    await page.getByRole("button", { name: "Use these settings" }).click();
    await page.locator("#form").getByLabel("Seeds").fill("2");
    await page.getByRole("button", { name: "Generate" }).click();
    await page.waitForFunction((id) => !location.hash.includes(id), left.sweep);
    const id = jobOf(page);
    await page.locator(".grid .cell.image").first().waitFor({ timeout: 60000 });
    await server.kill();
    const banner = page.locator(".banner", { hasText: "The server does not answer" });
    await banner.waitFor({ timeout: 10000 });
    await assertAccessible(page, "offline");
    await page.screenshot({ path: `${shots}/50-offline.png` });
    const before = (await page.locator(".grid .cell.image").count());
    assert.ok(before > 0);
    await server.start();
    await banner.waitFor({ state: "hidden", timeout: 15000 });
    const job = await untilDone(server, id);
    assert.equal(job.state, "done");
    assert.equal(job.pictures.filter((one) => one.entry.kind === "edit").length, 12);
    await page.waitForFunction(() => document.querySelector(".job-head .status")?.getAttribute("data-state") === "done", null, { timeout: 10000 });
    await page.screenshot({ path: `${shots}/51-back.png` });
  });

  await check("nothing failed on the way", async () => assertNoProblems(page));
  await browser.close();
}
