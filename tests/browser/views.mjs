// Every screen on a desktop, a phone and 320 px, in light and dark: nothing sticks out, and axe finds nothing.
import { assertAccessible, assertFits, assertNoProblems, assertTargets, openBrowser, openPage } from "./harness.mjs";

const kViews = {
  desktop: { viewport: { width: 1440, height: 900 } },
  wide: { viewport: { width: 1920, height: 1080 } },
  tablet: { viewport: { width: 900, height: 1100 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  narrow: { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true },
};

export default async function views({ server, check, shots, left }) {
  const browser = await openBrowser();
  const screens = { start: "", job: `#job/${left.job}`, sweep: `#job/${left.sweep}`, gallery: "#gallery", learned: "#learned" };
  for (const [name, options] of Object.entries(kViews)) {
    for (const colorScheme of name === "wide" || name === "tablet" ? ["light"] : ["light", "dark"]) {
      await check(`${name}, ${colorScheme}: axe finds nothing, nothing sticks out, targets are large enough`, async () => {
        const page = await openPage(browser, { ...options, colorScheme, reducedMotion: "reduce" });
        for (const [screen, hash] of Object.entries(screens)) {
          await page.goto(server.url + hash);
          await page.waitForLoadState("load");
          await page.waitForFunction(() => document.querySelector("#side .jobs li, #main .wall li, #main .card"));
          await page.waitForTimeout(400);
          await page.screenshot({ path: `${shots}/30-${name}-${colorScheme}-${screen}.png`, fullPage: screen !== "gallery" });
          await assertFits(page, screen);
          await assertTargets(page, screen);
          await assertAccessible(page, screen);
        }
        assertNoProblems(page);
        await page.context().close();
      });
    }
  }
  await browser.close();
}
