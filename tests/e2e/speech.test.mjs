// Speech over a network that loses packets and brings them late, heard through the server and, at the same
// time and of the same frames, by a browser that is called directly: libwebrtc's own receiver.

import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';
import path from 'node:path';

import { ChromiumSide } from './harness/chromium.mjs';
import { Detour } from './harness/detour.mjs';
import { E2E, IN_SPEECH_SCRIPT } from './harness/paths.mjs';
import { PhonePerson, establish } from './harness/phone.mjs';
import { scenarios } from './harness/scenario.mjs';
import { Callbox } from './harness/server.mjs';
import { judge, writeSpeech } from './harness/speech.mjs';
import { serveFiles } from './harness/static.mjs';
import { pause } from './harness/wait.mjs';

/** What is lost of all packets, and how late the others come. */
const BAD = { loss: 0.05, jitterMs: 30 };
/** How much worse it may be than the direct way, MOS, and how much later. */
const WORSE = 0.2;
const LATER_MS = 60;

/** Until both sides know how bad the network is. */
const SETTLED_MS = 5_000;
/** Three windows of eight seconds that are judged, and the delay. */
const ROUND_MS = 27_000;
const WINDOWS = 3;
/**
 * Few packets are lost in one round. There are two, and more as long as the mean of all is within
 * `CLOSE` of the bound, above it as below: it is judged then, whichever way it came out before.
 */
const ROUNDS = { least: 2, most: 4 };
const CLOSE = 0.1;

let server;
let files;
let red;
let blue;
let detour;
const scenario = scenarios(() => ({ server, sides: [red, blue] }));

before(async () => {
  const audio = writeSpeech();
  [server, files, red, blue] = await Promise.all([
    Callbox.start(),
    serveFiles({ '/': path.join(E2E, 'pages') }),
    ChromiumSide.launch('red', { audio, scripts: [IN_SPEECH_SCRIPT] }),
    ChromiumSide.launch('blue', { scripts: [IN_SPEECH_SCRIPT] }),
  ]);
});

afterEach(async () => {
  await Promise.all([red.clear(), blue.clear()]);
  detour?.close();
});

after(async () => {
  await Promise.all([red?.close(), blue?.close()]);
  await server?.stopWell();
  await files?.close();
});

/** Somebody with Opus speaks through the server to one with `codec`, and directly to another. */
async function speak(codec, network) {
  detour = new Detour(network);
  const alice = await PhonePerson.open(red, server.url, { onlyCodec: { audio: 'audio/opus' } });
  await alice.page.exposeFunction('__detour', (host, port) => detour.to(host, port));
  await alice.trySignIn('alice');
  await alice.idle();
  const bob = await PhonePerson.signIn(blue, server.url, 'bob', { limits: { onlyCodec: { audio: `audio/${codec}` } } });
  await establish(alice, bob, { call: { video: false } });

  const carl = await blue.newPage();
  await carl.goto(`http://127.0.0.1:${files.port}/peer.html`);
  await carl.evaluate(() => window.peer.open({ audio: true }));
  const offer = await alice.page.evaluate(() => window.__speech.offerDirectly());
  const answer = await carl.evaluate((sdp) => window.peer.answer(sdp), offer);
  await alice.page.evaluate((sdp) => window.__speech.acceptDirectly(sdp), answer);
  await pause(SETTLED_MS);
  return { alice, bob, carl };
}

/** Judges what both hear of the next `ROUND_MS`. */
async function listen({ alice, bob, carl }) {
  await Promise.all([
    bob.page.evaluate((selector) => window.__speech.recordElement(selector), bob.remote),
    carl.evaluate(() => window.__speech.recordElement('#remote')),
  ]);
  await alice.page.evaluate(() => window.__speech.recordMicrophone());
  await pause(ROUND_MS);
  const recorded = (page, name) => page.evaluate((it) => window.__speech.recorded(it), name);
  const [said, through, direct] = await Promise.all([
    recorded(alice.page, 'said'), recorded(bob.page, 'heard'), recorded(carl, 'heard'),
  ]);
  return judge(said, { through, direct });
}

const mean = (values) => values.reduce((sum, it) => sum + it, 0) / values.length;

scenario('speech over a bad network, transcoded, is as good as on libwebrtc\'s own direct way', { timeout: 240_000 }, async (t) => {
  // G.722 itself costs little of what can be heard.
  const talk = await speak('G722', BAD);
  const heard = { through: { scores: [], delays: [] }, direct: { scores: [], delays: [] } };
  const { through, direct } = heard;
  let worse;
  for (let round = 1; round <= ROUNDS.most; round += 1) {
    for (const [name, it] of Object.entries(await listen(talk))) {
      heard[name].scores.push(...it.scores);
      heard[name].delays.push(...it.delays);
    }
    worse = mean(direct.scores) - mean(through.scores);
    if (round >= ROUNDS.least && Math.abs(worse - WORSE) > CLOSE) break;
  }
  const later = mean(through.delays) - mean(direct.delays);
  const each = ({ scores }) => scores.map((score) => score.toFixed(2)).join(' ');
  const figures = `${mean(through.scores).toFixed(2)} MOS through the server (${each(through)}), `
    + `${mean(direct.scores).toFixed(2)} directly (${each(direct)}), ${Math.round(later)} ms later; `
    + `${detour.lost} of ${detour.sent} packets lost`;
  t.diagnostic(figures);
  // One may begin before its sound was listened to.
  assert.ok(through.scores.length >= ROUNDS.least * WINDOWS - 1, figures);
  assert.ok(detour.lost > detour.sent * BAD.loss / 2, figures);
  assert.ok(worse <= WORSE && later <= LATER_MS, figures);
});
