// Eight tabs of one browser, which opens at most six connections to a server.
import assert from "node:assert/strict";
import { openBrowser, openPage } from "./harness.mjs";

export default async function tabs({ server, check, left }) {
  const browser = await openBrowser();
  await check("eight tabs all show the job, and the last one answers", async () => {
    const first = await openPage(browser);
    const pages = [first];
    // In a window of tabs, only one is visible; the browser tells the others so.
    const hide = (page) => page.evaluate(() => {
      Object.defineProperty(document, "hidden", { value: true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await first.goto(`${server.url}#job/${left.job}`);
    for (let i = 1; i < 8; ++i) {
      await hide(pages[pages.length - 1]);
      const page = await first.context().newPage();
      await page.goto(`${server.url}#job/${left.job}`);
      await page.locator(".best li").nth(2).waitFor({ timeout: 5000 });
      pages.push(page);
    }
    const start = Date.now();
    assert.equal(await pages[7].evaluate(async () => (await fetch("api/v1/jobs")).status), 200);
    assert.ok(Date.now() - start < 2000);
    await pages[0].evaluate(() => {
      Object.defineProperty(document, "hidden", { value: false, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    assert.equal(await pages[0].evaluate(async () => (await fetch("api/v1/jobs")).status), 200);
  });
  await browser.close();
}
