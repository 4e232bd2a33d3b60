// Pages of others, in a real browser: DNS rebinding, the neighbour's port, a sandboxed frame; and texts that look like markup.
import assert from "node:assert/strict";
import http from "node:http";
import { assertNoProblems, openBrowser, openPage } from "./harness.mjs";

/** A page of somebody else, on another port of this machine. */
async function neighbour(html) {
  const server = http.createServer((request, response) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.end(request.url === "/" ? html : "");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${/** @type {any} */ (server.address()).port}/`, close: () => server.close() };
}

/** What became of a page's requests to the server: the status, or why the browser kept the answer to itself. */
function answersTo(page, server) {
  const list = [];
  const isOurs = (request) => new URL(request.url()).port === String(server.port);
  page.on("response", (response) => isOurs(response.request()) && list.push(response.status()));
  page.on("requestfailed", (request) => isOurs(request) && list.push(request.failure().errorText));
  return list;
}

const isRefused = (answer) => answer === 403 || /BLOCKED_BY_RESPONSE|ERR_FAILED|ERR_ABORTED/.test(answer);

const kPost = (url) => `fetch("${url}api/v1/jobs", {method: "POST", mode: "no-cors", body: '{"kind":"caption"}'}).catch(() => {})`;
const countJobs = async (server) => (await server.get("api/v1/jobs?limit=200")).jobs.length;

export default async function attacks({ server, check, left }) {
  const browser = await openBrowser();
  const before = await countJobs(server);

  await check("DNS rebinding: every path answers 403", async () => {
    const rebound = await openBrowser(["--host-resolver-rules=MAP evil.example 127.0.0.1"]);
    const page = await openPage(rebound);
    for (const path of ["", "assets/main.js", "api/v1/jobs", "healthz"]) {
      const response = await page.goto(`http://evil.example:${server.port}/${path}`);
      assert.equal(response.status(), 403, path);
    }
    await rebound.close();
  });

  await check("a page on another port can neither post nor read", async () => {
    const page = await openPage(browser);
    const other = await neighbour("<title>other</title>");
    const answers = answersTo(page, server);
    await page.goto(other.url);
    await page.evaluate(kPost(server.url));
    await page.evaluate(`fetch("${server.url}api/v1/jobs", {mode: "no-cors"}).catch(() => {})`);
    assert.equal(await page.evaluate(`fetch("${server.url}api/v1/jobs").then(() => "read", () => "refused")`), "refused");
    assert.equal(await page.evaluate(`new Promise((resolve) => { const image = new Image(); image.onload = () => resolve("seen"); image.onerror = () => resolve("refused");
      image.src = "${server.url}api/v1/jobs/${left.job}/sheet.png"; })`), "refused");
    assert.ok(answers.length >= 4 && answers.every(isRefused), JSON.stringify(answers));
    other.close();
    await page.context().close();
  });

  await check("a sandboxed frame (origin null) cannot post; the page cannot be framed", async () => {
    const page = await openPage(browser);
    const other = await neighbour("<title>other</title>");
    await page.goto(other.url);
    const answers = answersTo(page, server);
    const addFrame = (attributes) => page.evaluate((attributes) => {
      document.body.append(Object.assign(document.createElement("iframe"), attributes));
    }, attributes);
    await addFrame({ sandbox: "allow-scripts", srcdoc: `<script>${kPost(server.url)}</script>` });
    await page.waitForTimeout(1000);
    assert.ok(answers.length >= 1 && answers.every(isRefused), JSON.stringify(answers));
    await addFrame({ src: server.url });
    await page.waitForTimeout(1000);
    const frame = page.frames().find((one) => one.url().startsWith(server.url));
    assert.equal(frame ? await frame.locator("#layout").count().catch(() => 0) : 0, 0);
    other.close();
    await page.context().close();
  });

  await check("no job came of it", async () => assert.equal(await countJobs(server), before));

  await check("texts that look like markup stay texts", async () => {
    const target = `<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>`;
    const response = await fetch(server.url + "api/v1/jobs", { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ learned: left.learned, targets: [target], gamma: [1], steps: 2, sampler: "dpm++" }) });
    const job = await response.json();
    assert.equal(response.status, 201, JSON.stringify(job));
    const page = await openPage(browser);
    await page.goto(`${server.url}#job/${job.id}`);
    await page.getByRole("heading", { name: target }).waitFor();
    await page.goto(`${server.url}#job/${job.id}/${encodeURIComponent(target)}`);
    await page.goto(`${server.url}#gallery`);
    await page.waitForTimeout(500);
    assert.equal(await page.evaluate(() => globalThis.hurt), undefined);
    assertNoProblems(page);
    await page.context().close();
  });

  await browser.close();
}
