// node openai_client.mjs ADDRESS PICTURE: OpenAI's own client against a server whose model is tests/golden/tiny-sd.
import assert from 'node:assert/strict';
import { File } from 'node:buffer';
import { readFile } from 'node:fs/promises';

// Debian's node 18 has it here only.
globalThis.File ??= File;
const { default: OpenAI, toFile } = await import('openai');

const [address, file] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${address}v1`, apiKey: 'none', maxRetries: 0 });
const bytes = await readFile(file);
const picture = () => toFile(bytes, 'picture.png', { type: 'image/png' });
const signature = '89504e470d0a1a0a';
const small = { source: 'a square', size: '64x64', gamma: 0.8 };

const edit = async (more, options) =>
  client.images.edit({ image: await picture(), prompt: 'a red square', ...small, ...more }, options);
const refused = async (more) => {
  try {
    await edit(more);
  } catch (error) {
    return error;
  }
  assert.fail(`${JSON.stringify(Object.keys(more))} was taken`);
};

const models = [];
for await (const model of client.models.list()) models.push(model.id);
assert(models.includes('forgedit'), `models: ${models}`);

const answer = await edit({ n: 2, model: 'forgedit' });
assert.equal(answer.data.length, 2);
assert.equal(answer.size, '64x64');
for (const { b64_json } of answer.data) {
  assert.equal(Buffer.from(b64_json, 'base64').subarray(0, 8).toString('hex'), signature);
}
assert(answer.data[0].b64_json !== answer.data[1].b64_json, 'two seeds give two pictures');

const again = await edit({ response_format: 'url', seed: 0 });
const fetched = Buffer.from(await (await fetch(again.data[0].url)).arrayBuffer());
assert.equal(fetched.subarray(0, 8).toString('hex'), signature);
assert(fetched.toString('base64') === answer.data[0].b64_json, 'the same seed gives the same picture');

for (const [field, more] of [
  ['stream', { stream: true }],
  ['image', { image: [await picture(), await picture()] }],
  ['n', { n: 11 }],
  ['input_fidelity', { input_fidelity: 'high' }],
  ['forget', { forget: 'nothing' }],
]) {
  const error = await refused(more);
  assert(error instanceof OpenAI.BadRequestError, `${field}: ${error}`);
  assert.equal(error.param, field);
  assert.equal(error.type, 'invalid_request_error');
}
const model = await refused({ model: 'gpt-image-1' });
assert(model instanceof OpenAI.NotFoundError, `${model}`);
assert.equal(model.code, 'model_not_found');

// A client that leaves cancels its job.
const stop = new AbortController();
const leaving = edit({ n: 10, prompt: 'a blue square', size: '256x256' }, { signal: stop.signal });
setTimeout(() => stop.abort(), 1500);
await assert.rejects(leaving, OpenAI.APIUserAbortError);
let state = '';
for (let i = 0; i < 100 && state !== 'cancelled'; i++) {
  await new Promise((done) => setTimeout(done, 100));
  state = (await (await fetch(`${address}api/v1/jobs?limit=1`)).json()).jobs[0].state;
}
assert.equal(state, 'cancelled');
console.log('the openai client: all passed');
