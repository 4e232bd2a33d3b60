// Everything without a pointer: from the top of the page to an edit, through the grid, and to its end.
import assert from "node:assert/strict";
import { blur, jobOf, untilDone } from "./flow.mjs";
import { assertAccessible, assertNoProblems, openBrowser, openPage } from "./harness.mjs";

const focused = (page) => page.evaluate(() => document.activeElement?.id || document.activeElement?.className || document.activeElement?.tagName);

export default async function keyboard({ server, check, shots, left }) {
  const browser = await openBrowser();
  const page = await openPage(browser);
  await page.goto(`${server.url}#job/${left.sweep}`);
  await page.locator(".grid .cell.image").nth(5).waitFor();

  await check("Tab comes to the skip link first, and sees where it is", async () => {
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "skip");
    await page.keyboard.press("Enter");
    assert.equal(await focused(page), "main");
  });

  await check("all controls can be reached by Tab", async () => {
    await blur(page);
    const seen = new Set();
    for (let i = 0; i < 120; ++i) {
      await page.keyboard.press("Tab");
      seen.add(await page.evaluate(() => {
        const one = document.activeElement;
        return one?.getAttribute("aria-label") || one?.id || one?.textContent?.trim().slice(0, 40) || "";
      }));
    }
    for (const wanted of ["How much of the original shows", "Copy as command", "Generate", "target-0"]) assert.ok(seen.has(wanted), `${wanted}: ${[...seen].join(" | ")}`);
  });

  await check("arrows move in the grid, and the viewer follows", async () => {
    await page.locator(".grid .cell.image").first().focus();
    const before = page.url();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    await page.waitForFunction((old) => location.href !== old, before);
    const stem = await page.evaluate(() => /** @type {any} */ (document.activeElement)?.dataset.stem);
    assert.equal(decodeURIComponent(new URL(page.url()).hash.split("/")[2]), stem);
    await page.screenshot({ path: `${shots}/40-keyboard.png` });
  });

  await check("Space shows the original as long as it is held, C changes the way to compare", async () => {
    await blur(page);
    await page.keyboard.down(" ");
    await page.locator(".view.held").waitFor();
    await page.keyboard.up(" ");
    assert.equal(await page.locator(".view.held").count(), 0);
    await page.keyboard.press("c");
    assert.equal(await page.locator(".view").getAttribute("data-mode"), "side");
  });

  await check("? lists the keys; Esc closes the list and gives the focus back", async () => {
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await assertAccessible(page, "keys");
    await page.keyboard.press("Escape");
    assert.equal(await page.getByRole("dialog").count(), 0);
  });

  await check("1, 2, 3 are the best three", async () => {
    await page.goto(`${server.url}#job/${left.job}`);
    await page.locator(".best li").nth(2).waitFor();
    await page.keyboard.press("3");
    await page.waitForURL(/#job\/[^/]+\/./);
    await page.locator(".best li").nth(2).locator(".cell[aria-pressed=true]").waitFor();
  });

  await check("Esc takes sliders back, and asks for nothing", async () => {
    await page.goto(`${server.url}#job/${left.job}`);
    const slider = page.getByRole("slider", { name: "Strength γ", exact: true });
    await slider.waitFor();
    const before = await slider.inputValue();
    await slider.evaluate((one) => {
      one.focus();
      one.value = "1.95";
      one.dispatchEvent(new Event("input", { bubbles: true }));
    });
    await page.getByText("nearest finished image").waitFor();
    await page.keyboard.press("Escape");
    await page.waitForFunction((value) => [...document.querySelectorAll(".slider input")].some((one) => one.value === value), before);
    await page.getByText("nearest finished image").waitFor({ state: "hidden" });
    assert.equal(await slider.inputValue(), before);
  });

  await check("/ goes to the text, Enter generates; a job is cancelled by its button, not by Esc", async () => {
    await page.getByRole("button", { name: "Use these settings" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement?.id === "target-0");
    await blur(page);
    await page.keyboard.press("/");
    assert.equal(await focused(page), "target-0");
    await page.keyboard.press("Control+a");
    await page.keyboard.type("a man walking: dark skin tone on a green background");
    const old = jobOf(page);
    await page.keyboard.press("Enter");
    await page.waitForFunction((id) => !location.hash.includes(id), old);
    await blur(page);
    await page.locator(".job-head .status").waitFor();
    await page.keyboard.press("Escape");
    assert.equal(await page.getByRole("dialog").count(), 0);
    await page.getByRole("button", { name: "Cancel now" }).focus();
    await page.keyboard.press("Enter");
    assert.equal((await untilDone(server, jobOf(page), 30)).state, "cancelled");
    await page.getByRole("button", { name: "Run again" }).waitFor();
  });

  await check("nothing failed on the way", async () => assertNoProblems(page));
  await browser.close();
}
