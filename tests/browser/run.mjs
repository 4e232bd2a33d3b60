// Runs the parts one after the other against one server: run.sh has the arguments.
import { Server } from "./harness.mjs";

const kParts = ["flow", "adjust", "views", "keyboard", "tabs", "queue", "restart", "attacks", "token"];

const [forgedit, shots, ...wanted] = process.argv.slice(2);
const server = new Server(forgedit);
let failed = 0, count = 0;

/** One check; the ones after a failed one still run. */
async function check(name, work) {
  const start = Date.now();
  count++;
  try {
    await work();
    console.log(`ok ${count} - ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    console.log(`not ok ${count} - ${name}\n${String(error.stack).replace(/^/gm, "  ")}`);
  }
}

const started = Date.now();
await server.start();
// What a part leaves for those after it: the id of a finished edit, and of what it learned.
const left = {};
try {
  for (const part of kParts.filter((name) => !wanted.length || (name === "flow" && !wanted.includes("token")) || wanted.includes(name))) {
    await (await import(`./${part}.mjs`)).default({ server, forgedit, check, shots, left });
  }
} finally {
  await server.close();
}
console.log(`1..${count}`);
console.log(`# ${count - failed} of ${count} in ${((Date.now() - started) / 1000).toFixed(0)} s; screenshots in ${shots}`);
process.exit(failed ? 1 : 0);
