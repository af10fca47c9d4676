// Whose pages may connect: our own and those on this machine; a page from elsewhere may not
// unless its origin is configured.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { ChromiumSide } from './harness/chromium.mjs';
import { upgradeStatus } from './harness/handshake.mjs';
import { scenarios } from './harness/scenario.mjs';
import { serveSdk } from './harness/sdk.mjs';
import { Callbox } from './harness/server.mjs';
import { until } from './harness/wait.mjs';

const FOREIGN = 'shop.example';

let strict;
let lenient;
let red;
let web;
const scenario = scenarios(() => ({ server: strict, sides: [red] }));

before(async () => {
  web = await serveSdk('2.0.276');
  [strict, lenient, red] = await Promise.all([
    Callbox.start(),
    Callbox.start({ config: { http: { allowed_origins: [`http://${FOREIGN}:${web.port}`] } } }),
    ChromiumSide.launch('red', { flags: [`--host-resolver-rules=MAP ${FOREIGN} 127.0.0.1`] }),
  ]);
});

after(async () => {
  await red?.close();
  await Promise.all([strict?.stopWell(), lenient?.stopWell()]);
  await web?.close();
});

/** Opens a WebSocket to `url` from a page of `origin`: true if it opens. */
async function opens(origin, url) {
  const page = await red.newPage();
  await page.goto(`${origin}/peer.html`);
  return page.evaluate((address) => new Promise((resolve) => {
    const socket = new WebSocket(address);
    socket.onopen = () => resolve(true);
    socket.onerror = () => resolve(false);
  }), url);
}

scenario('a page from a foreign origin is refused, and the log names the key to set', async () => {
  assert.equal(await opens(`http://${FOREIGN}:${web.port}`, strict.wsUrl), false);
  await until('the log names the key', () => strict.log().includes('allowed_origins'));
  assert.ok(strict.log().includes(FOREIGN), 'the log names the origin');
  const origin = `http://${FOREIGN}:${web.port}`;
  assert.equal(await upgradeStatus(strict.http, { origin }), 403);
  assert.equal(await upgradeStatus(lenient.http, { origin }), 101);
});

scenario('a page from a configured origin may connect', async () => {
  assert.equal(await opens(`http://${FOREIGN}:${web.port}`, lenient.wsUrl), true);
});

scenario('pages on this machine may connect, whatever their port', async () => {
  for (const host of ['localhost', '127.0.0.1']) {
    assert.equal(await opens(`http://${host}:${web.port}`, strict.wsUrl), true, host);
  }
});

scenario('a name that is not this server\'s is refused even for its own page', async () => {
  const page = await red.newPage();
  const response = await page.goto(`http://${FOREIGN}:${strict.http}/`);
  assert.ok([400, 403, 421].includes(response.status()), `status ${response.status()}`);
});
