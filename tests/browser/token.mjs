// A server that asks for a token: the page takes it from the address once, or asks for it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { assertAccessible, assertFits, assertNoProblems, openBrowser, openPage, Server } from "./harness.mjs";

const kToken = "a-token-of-the-browser-tests-0123456789";

export default async function token({ forgedit, check, shots }) {
  const folder = mkdtempSync(path.join(tmpdir(), "forgedit-token-"));
  writeFileSync(path.join(folder, "tokens"), kToken + "\n", { mode: 0o600 });
  const server = new Server(forgedit, ["--tokens", path.join(folder, "tokens")]);
  const browser = await openBrowser();
  const isIn = (page) => page.getByRole("button", { name: "Choose a picture" }).or(page.locator(".drop")).first().waitFor();
  await server.start();

  await check("without a token the page asks for it; a wrong one is refused", async () => {
    const page = await openPage(browser, { viewport: { width: 390, height: 844 } });
    await page.goto(server.url);
    await page.getByLabel("Token").fill("wrong-token");
    await assertAccessible(page, "token");
    await assertFits(page, "token");
    await page.screenshot({ path: `${shots}/60-token.png` });
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "token" }).waitFor();
    await page.getByLabel("Token").fill(kToken);
    await page.keyboard.press("Enter");
    await isIn(page);
    assertNoProblems(page);
  });

  await check("the token behind # becomes a cookie that scripts cannot read, and leaves the address", async () => {
    const page = await openPage(browser);
    await page.goto(`${server.url}#token=${kToken}`);
    await isIn(page);
    assert.equal(await page.evaluate(() => location.href.includes("token")), false);
    assert.equal(await page.evaluate(() => document.cookie), "");
    const [cookie] = await page.context().cookies();
    assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, "Strict"]);
    await page.reload();
    await isIn(page);
    assertNoProblems(page);
  });

  await browser.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
}
