// The proofs themselves are proved here, between two browsers and without a server: they pass
// on the right sound and picture, and they fail on the wrong ones.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import path from 'node:path';

import { ChromiumSide } from './harness/chromium.mjs';
import { E2E } from './harness/paths.mjs';
import {
  barWalks, hearAndSeeEachOther, heardNothing, heardOnly, hears, hearsNothing, listen, look,
  sees, seesNoMotion, showsColour,
} from './harness/proof.mjs';
import { SIDES } from './harness/sides.mjs';
import { serveFiles } from './harness/static.mjs';

let red;
let blue;
let server;

before(async () => {
  server = await serveFiles({ '/': path.join(E2E, 'pages') });
  [red, blue] = await Promise.all([ChromiumSide.launch('red'), ChromiumSide.launch('blue')]);
});

afterEach(() => Promise.all([red.clear(), blue.clear()]));

after(async () => {
  await Promise.all([red?.close(), blue?.close()]);
  await server?.close();
});

async function connected() {
  const [a, b] = await Promise.all([red, blue].map(async (side) => {
    const page = await side.newPage();
    await page.goto(`http://127.0.0.1:${server.port}/peer.html`);
    await page.evaluate(() => window.peer.open());
    return { page, remote: '#remote', side: side.side };
  }));
  const offer = await a.page.evaluate(() => window.peer.offer());
  const answer = await b.page.evaluate((sdp) => window.peer.answer(sdp), offer);
  await a.page.evaluate((sdp) => window.peer.accept(sdp), answer);
  return [a, b];
}

test('two directly connected browsers prove to hear and see each other', async () => {
  await hearAndSeeEachOther(...await connected());
});

test('the proofs fail on the sound and picture of somebody else', async () => {
  const [a, b] = await connected();
  await hearAndSeeEachOther(a, b);
  const heard = await listen(a.page, a.remote, 0.6);
  assert.ok(heardOnly(heard, SIDES.blue.tone), JSON.stringify(heard));
  assert.ok(!heardOnly(heard, SIDES.red.tone), 'red does not hear itself');
  assert.ok(!heardOnly(heard, SIDES.green.tone), 'red hears no third side');
  assert.ok(!heardNothing(heard), 'a tone is no silence');
  const seen = await look(a.page, a.remote);
  assert.ok(showsColour(seen, SIDES.blue.colour), JSON.stringify(seen));
  assert.ok(!showsColour(seen, SIDES.red.colour), 'red does not see itself');
  assert.ok(!showsColour(seen, SIDES.green.colour), 'red sees no third side');
  assert.ok(barWalks(seen), 'a walking bar is motion');
});

test('a muted microphone is silence and nothing else is', async () => {
  const [a, b] = await connected();
  await hears(a.page, a.remote, 'blue');
  await b.page.evaluate(() => window.peer.enable('audio', false));
  await hearsNothing(a.page, a.remote);
  await b.page.evaluate(() => window.peer.enable('audio', true));
  await hears(a.page, a.remote, 'blue');
});

test('a picture that stands still is told from a moving one of the same colour', async () => {
  const [a, b] = await connected();
  await sees(a.page, a.remote, 'blue');
  await b.page.evaluate((colour) => window.peer.freeze(colour), SIDES.blue.colour);
  const seen = await seesNoMotion(a.page, a.remote);
  assert.ok(showsColour(seen, SIDES.blue.colour), JSON.stringify(seen));
});

test('a camera turned off is no picture of anybody', async () => {
  const [a, b] = await connected();
  await sees(a.page, a.remote, 'blue');
  await b.page.evaluate(() => window.peer.enable('video', false));
  await seesNoMotion(a.page, a.remote);
  assert.ok(!showsColour(await look(a.page, a.remote), SIDES.blue.colour));
});

test('a muted or paused element counts as deaf', async () => {
  const [a] = await connected();
  await hears(a.page, a.remote, 'blue');
  await a.page.evaluate(() => { document.querySelector('#remote').muted = true; });
  assert.ok((await listen(a.page, a.remote, 0.2)).deaf);
});
