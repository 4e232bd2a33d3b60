// A server of its own, a browser, and what the parts of the test share.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = path.dirname(fileURLToPath(import.meta.url));
const axeFile = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
export const demoFile = path.join(here, "../../assets/miniature/demo.png");

/** Words of the miniature's demo. */
export const kSource = "a man walking: dark skin tone on a blue background";
export const kTarget = "a man running: dark skin tone on a blue background";

export class Server {
  constructor(forgedit, options = []) {
    this.forgedit = forgedit;
    this.options = options;
    this.data = mkdtempSync(path.join(tmpdir(), "forgedit-browser-"));
    this.port = 0;
  }

  /** Starts, or starts again at the same port; resolves when it has printed its address. */
  start() {
    const options = ["serve", "--port", String(this.port), "--data", this.data, "--threads", "2", ...this.options];
    this.process = spawn(this.forgedit, options, { stdio: ["ignore", "pipe", "inherit"] });
    return new Promise((resolve, reject) => {
      this.process.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
      this.process.stdout.once("data", (line) => {
        this.url = String(line).trim().split("#")[0];
        this.port = Number(new URL(this.url).port);
        resolve(this.url);
      });
    });
  }

  kill(signal = "SIGKILL") {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return Promise.resolve();
    const gone = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill(signal);
    return gone;
  }

  async close() {
    await this.kill("SIGTERM");
    rmSync(this.data, { recursive: true, force: true });
  }

  async get(pathName) {
    const response = await fetch(this.url + pathName);
    assert.equal(response.status, 200, pathName);
    return response.json();
  }
}

export async function openBrowser(args = []) {
  return chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", ...args] });
}

/** A tab in a context of its own. Anything that a script throws, or the page's policy stops, fails the test. */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(error.stack));
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) page.problems.push(message.text());
  });
  return page;
}

export function assertNoProblems(page) {
  assert.deepEqual(page.problems, []);
}

export async function assertAccessible(page, what) {
  // Into the page's world by the debugger: the page's policy lets no other script in.
  await page.evaluate(readFileSync(axeFile, "utf8"));
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const list = found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).slice(0, 4).join(", ")}`);
  assert.deepEqual(list, [], what);
}

/** Nothing sticks out sideways. */
export async function assertFits(page, what) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(content <= window, `${what}: ${content} px of content in ${window}`);
}

/** What can be touched is at least 44 px in one direction, and 24 in the other. */
export async function assertTargets(page, what) {
  const small = await page.evaluate(() => [...document.querySelectorAll("button, a.button, nav a, input, select, textarea, summary")]
    .filter((one) => one.offsetParent && !one.closest(".unseen, .modes") && !one.classList.contains("unseen") && one.type !== "checkbox")
    .map((one) => [one.outerHTML.slice(0, 90), Math.round(one.getBoundingClientRect().width), Math.round(one.getBoundingClientRect().height)])
    .filter(([, width, height]) => Math.max(width, height) < 43.5 || Math.min(width, height) < 33));
  assert.deepEqual(small, [], what);
}
