// node attack_server.mjs ADDRESS PROCESS PICTURE: see attack_server.sh.
import { readFileSync } from 'node:fs';
import net from 'node:net';
import zlib from 'node:zlib';

const [address, pid, file] = process.argv.slice(2);
const { hostname, port } = new URL(address);
const own = `${hostname}:${port}`;
const picture = readFileSync(file);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const memory = () => Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
const peak = () => Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
let failures = 0;
const check = (holds, what) => {
  if (holds) return;
  failures += 1;
  console.log(`FAILED: ${what}`);
};

const open = () =>
  new Promise((done, fail) => {
    const socket = net.connect(port, hostname, () => done(socket));
    socket.on('error', fail);
  });
/** What the server answers to bytes; '' where it closes without a word. `more` gives further parts until it returns null. */
async function say(bytes, { more = null, wait = 5000 } = {}) {
  const socket = await open();
  socket.removeAllListeners('error');
  let answer = '';
  let over = false;
  const end = new Promise((done) => {
    socket.on('data', (data) => { if (answer.length < 65536) answer += data.toString('latin1'); });
    for (const event of ['close', 'end', 'error']) socket.on(event, () => { over = true; done(); });
  });
  socket.write(bytes);
  let sent = bytes.length;
  for (let part; more && !over && (part = more(sent)) !== null;) {
    sent += part.length;
    if (!socket.write(part)) await Promise.race([new Promise((done) => socket.once('drain', done)), end, sleep(wait)]);
  }
  await Promise.race([end, sleep(wait)]);
  socket.destroy();
  return { answer, status: Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] || 0), sent, over };
}
const head = (line, fields = {}) =>
  `${line} HTTP/1.1\r\n${Object.entries({ Host: own, Connection: 'close', ...fields }).map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n`;

async function refused() {
  const json = { 'Content-Type': 'application/json' };
  const post = (fields, body = '{}') => head('POST /api/v1/jobs', { ...json, 'Content-Length': body.length, ...fields }) + body;
  const deep = `{"picture": ${'['.repeat(50000)}`;
  const big = { ...json, 'Content-Type': 'image/png' };
  const rows = [
    ['its own page', post({ Origin: `http://${own}`, 'Sec-Fetch-Site': 'same-origin' }), 400],
    ['a name bent to this address (rebinding), GET', head('GET /api/v1/jobs', { Host: `evil.example:${port}` }), 403],
    ['the same, POST with the Origin of that name', post({ Host: `evil.example:${port}`, Origin: `http://evil.example:${port}` }), 403],
    ['the same, /healthz', head('GET /healthz', { Host: 'evil.example' }), 403],
    ['a page of another port', post({ Origin: 'http://127.0.0.1:18702', 'Sec-Fetch-Site': 'same-site' }), 403],
    ['the same without an Origin (GET, no-cors)', head('GET /api/v1/jobs', { 'Sec-Fetch-Site': 'same-site' }), 403],
    ['Origin: null', post({ Origin: 'null' }), 403],
    ['Origin: null from a sandboxed frame', post({ Origin: 'null', 'Sec-Fetch-Site': 'cross-site' }), 403],
    ['an allowed name with another port', head('GET /api/v1/jobs', { Host: 'edits.example:1' }), 403],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 403],
    ['two of them', `GET / HTTP/1.1\r\nHost: ${own}\r\nHost: evil.example\r\n\r\n`, 403],
    ['a preflight from elsewhere', head('OPTIONS /api/v1/jobs', { Origin: 'https://evil.example' }), 403],
    ['Content-Length and chunked', head('POST /api/v1/jobs', { ...json, 'Content-Length': 5, 'Transfer-Encoding': 'chunked' }) + '0\r\n\r\n', 400],
    ['two Content-Lengths', `POST /api/v1/jobs HTTP/1.1\r\nHost: ${own}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 400],
    ['Transfer-Encoding: xchunked', head('POST /api/v1/jobs', { ...json, 'Transfer-Encoding': 'xchunked' }) + '0\r\n\r\n', 400],
    ['a negative Content-Length', head('POST /api/v1/jobs', { ...json, 'Content-Length': '-1' }), 400],
    ['bytes that are no HTTP', Buffer.from([0, 255, 13, 10, 13, 10]), 400],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['an address with a server in it', head('GET http://evil.example/'), 400],
    ['an address of 3,000 bytes', head(`GET /${'a'.repeat(3000)}`), 414],
    ['101 headers', head('GET /', Object.fromEntries([...Array(100)].map((_, i) => [`X-${i}`, 1]))), 431],
    ['a Content-Length of 1 TB', head('POST /api/v1/pictures', { ...big, 'Content-Length': 1e12 }), 413],
    ['a chunk of 2^63 bytes', head('POST /api/v1/pictures', { ...big, 'Transfer-Encoding': 'chunked' }) + '7fffffffffffffff\r\n', 413],
    ['200 overlapping ranges', head('GET /', { Range: `bytes=${[...Array(200)].map(() => '0-').join(',')}` }), 200],
    ['a path out of the folder', head('GET /assets/../../../etc/passwd'), 404],
    ['the same, encoded', head('GET /api/v1/jobs/..%2f..%2fetc%2fpasswd'), 404],
    ['a byte 0 in the address', head('GET /api/v1/jobs/%00'), 400],
    ['JSON 50,000 deep', post({ 'Content-Length': deep.length }, deep), 400],
    ['no picture', head('POST /api/v1/pictures', { 'Content-Type': 'image/png', 'Content-Length': 2 }) + 'ab', 415],
    ['a PNG of 400 million pixels in 30 kB', upload(bomb(20000, 20000)), 422],
    ['a PNG with settings 200,000 deep', upload(deep_settings(), 'image/png', '/api/v1/settings-of'), 422],
    ['half a picture', upload(picture.subarray(0, picture.length / 2)), 422],
    ['a form without an end', upload(Buffer.from('--XX\r\n\r\n'), 'multipart/form-data; boundary=XX'), 400],
    ['a form of 17 fields', upload(form(17), 'multipart/form-data; boundary=XX', '/v1/images/edits'), 400],
  ];
  let right = 0;
  for (const [what, bytes, expected] of rows) {
    const { status, answer } = await say(bytes);
    check(status === expected, `${what}: ${status || 'no answer'}, expected ${expected}: ${answer.slice(-200)}`);
    right += status === expected;
  }
  console.log(`answers: ${right} of ${rows.length} as expected`);
}

function form(count) {
  return Buffer.from(`${[...Array(count)].map((_, i) => `--XX\r\nContent-Disposition: form-data; name=f${i}\r\n\r\nx\r\n`).join('')}--XX--`);
}
function upload(bytes, type = 'image/png', path = '/api/v1/pictures') {
  return Buffer.concat([Buffer.from(head(`POST ${path}`, { 'Content-Type': type, 'Content-Length': bytes.length })), bytes]);
}
/** A PNG's chunk. */
function chunk(type, data) {
  const table = [...Array(256)].map((_, n) => { for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1; return n >>> 0; });
  const crc = (data) => { let c = 0xffffffff; for (const byte of data) c = table[(c ^ byte) & 255] ^ (c >>> 8); return (c ^ 0xffffffff) >>> 0; };
  const body = Buffer.concat([Buffer.from(type), data]);
  const all = Buffer.alloc(body.length + 8);
  all.writeUInt32BE(data.length, 0);
  body.copy(all, 4);
  all.writeUInt32BE(crc(body), body.length + 4);
  return all;
}
/** A PNG of one colour, with further chunks. */
function bomb(width, height, more = Buffer.alloc(0)) {
  const size = Buffer.alloc(13);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  size[8] = 1;  // one bit, grey
  const rows = zlib.deflateSync(Buffer.alloc((width / 8 + 1) * height), { level: 9 });
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', size), more, chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))]);
}
function deep_settings() {
  const text = `{"edit": {"kind": "edit", "seed": 1}, "deep": ${'['.repeat(200000)}${']'.repeat(200000)}}`;
  return bomb(8, 8, chunk('zTXt', Buffer.concat([Buffer.from('forgedit\0\0', 'latin1'), zlib.deflateSync(text)])));
}

/** Clients that never stop: how much the server takes of each. */
async function endless() {
  const most = 64 << 20;
  const part = Buffer.alloc(64 << 10, 'a');
  const until = (bytes) => (sent) => (sent < most ? bytes : null);
  const chunked = head('POST /api/v1/pictures', { 'Content-Type': 'image/png', 'Transfer-Encoding': 'chunked' });
  const rows = [
    ['endless header line', `GET / HTTP/1.1\r\nX: `, part],
    ['endless headers', `GET / HTTP/1.1\r\n`, Buffer.from('X: 1\r\n'.repeat(10000))],
    ['endless address', 'GET /', part],
    ['chunked without end', chunked, Buffer.concat([Buffer.from('10000\r\n'), part, Buffer.from('\r\n')])],
    ['endless chunk extension', `${chunked}1;`, part],
    ['endless trailers', `${chunked}1\r\na\r\n0\r\n`, Buffer.from('X: 1\r\n'.repeat(10000))],
  ];
  for (const [what, start, bytes] of rows) {
    const before = memory();
    const { sent, status, over } = await say(start, { more: until(bytes), wait: 15000 });
    check(over, `${what}: still open`);
    check(memory() < before + 64, `${what}: ${memory().toFixed(0)} MiB`);
    console.log(`${what}: ends after ${(sent / 1048576).toFixed(1)} MiB with ${status || 'no answer'}, resident ${memory().toFixed(1)} MiB`);
  }
}

async function health(times) {
  const took = [];
  for (let i = 0; i < times; i++) {
    const begin = performance.now();
    const { status } = await say(head('GET /healthz'));
    took.push(performance.now() - begin);
    check(status === 200, `/healthz: ${status}`);
    await sleep(20);
  }
  took.sort((a, b) => a - b);
  return { median: took[times >> 1], worst: took[times - 1] };
}
const told = ({ median, worst }) => `/healthz median ${median.toFixed(1)} ms, worst ${worst.toFixed(1)} ms`;

/** 200 streams that nobody reads, and 300 clients that send a byte a second. */
async function crowd() {
  const alone = await health(100);
  const before = memory();
  console.log(`alone: ${told(alone)}, resident ${before.toFixed(1)} MiB`);
  const streams = [], slow = [];
  for (let i = 0; i < 200; i++) {
    const socket = await open();
    socket.write(head('GET /api/v1/events'));
    socket.once('data', () => socket.pause());
    streams.push(socket);
  }
  for (let i = 0; i < 300; i++) {
    const socket = await open();
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nX: ');
    slow.push(socket);
  }
  const timer = setInterval(() => slow.forEach((socket) => socket.writable && socket.write('a')), 1000);
  const with_them = await health(200);
  const crowded = memory();
  console.log(`200 streams and 300 slow clients: ${told(with_them)}, resident ${crowded.toFixed(1)} MiB`);
  check(with_them.worst < 100, `/healthz took ${with_them.worst} ms`);
  check(crowded < before + 32, `resident memory grew from ${before} to ${crowded} MiB`);
  for (let i = 200; i < 256; i++) {
    const socket = await open();
    socket.write(head('GET /api/v1/events'));
    streams.push(socket);
  }
  await sleep(300);
  const one_more = await say(head('GET /api/v1/events'), { wait: 2000 });
  check(one_more.status === 429, `the 257th stream: ${one_more.status}`);
  check(/Retry-After/.test(one_more.answer), 'no Retry-After');
  console.log(`the 257th stream: ${one_more.status}`);
  await sleep(11000);
  const left = slow.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
  console.log(`slow clients that are still there after 10 s: ${left}`);
  clearInterval(timer);
  const many = [];
  for (let i = 0; i < 400; i++) many.push(await open().catch(() => null));
  const taken = await say(head('GET /api/v1/jobs'), { wait: 3000 });
  await sleep(1500);
  const kept = await say(head('GET /healthz'), { wait: 3000 });
  check(kept.status === 200, 'no connection is left for /healthz');
  console.log(`with 656 connections: api ${taken.status || 'refused'}, /healthz ${kept.status || 'refused'}`);
  for (const socket of [...streams, ...slow, ...many]) socket?.destroy();
  await sleep(500);
  console.log(`after them: ${told(await health(50))}, resident ${memory().toFixed(1)} MiB`);
  check(memory() < before + 32, `resident memory stays at ${memory()} MiB`);
}

async function queue() {
  const { id } = await (await fetch(`${address}api/v1/pictures`, { method: 'POST', body: picture, headers: { 'Content-Type': 'image/png' } })).json();
  const counts = {};
  let retry = null;
  await Promise.all([...Array(100)].map(async (_, i) => {
    const response = await fetch(`${address}api/v1/jobs`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ picture: id, source: 'a', target: `b ${i}`, gamma: 1 }) });
    counts[response.status] = (counts[response.status] || 0) + 1;
    retry ||= response.headers.get('retry-after');
  }));
  console.log(`100 jobs at once on a paused queue: ${JSON.stringify(counts)}, Retry-After ${retry}`);
  check(counts[201] === 64 && counts[429] === 36 && retry, 'expected 64 taken, 36 refused');
}

const idle = memory();
console.log(`idle: resident ${idle.toFixed(1)} MiB`);
await refused();
await endless();
await crowd();
await queue();
console.log(`at the end: resident ${memory().toFixed(1)} MiB, peak ${peak().toFixed(1)} MiB`);
console.log(failures ? `${failures} failed` : 'all passed');
process.exit(failures ? 1 : 0);
