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
/** Six windows of eight seconds that are judged, and the delay. */
const ROUND_MS = 54_000;
const WINDOWS = 6;
/**
 * There is a second round where the first is close to a bound, above it as below: both are judged then,
 * whichever way the first came out. Few packets are lost in one.
 */
const ROUNDS = 2;
const CLOSE = { worse: 0.1, laterMs: 15 };

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

/** Of each window: both ways have lost the same frames of it. */
const differences = (some, others) => some.map((it, index) => it - others[index]);

/** Now and then a whole window is missed, on either way, when the machine halts: the mean would tell of that alone. */
function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}

scenario('speech over a bad network, transcoded, is as good as on libwebrtc\'s own direct way', { timeout: 240_000 }, async (t) => {
  // G.722 itself costs little of what can be heard.
  const talk = await speak('G722', BAD);
  const heard = { through: { scores: [], delays: [] }, direct: { scores: [], delays: [] } };
  const { through, direct } = heard;
  let worse;
  let later;
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const [name, it] of Object.entries(await listen(talk))) {
      heard[name].scores.push(...it.scores);
      heard[name].delays.push(...it.delays);
    }
    worse = median(differences(direct.scores, through.scores));
    later = median(differences(through.delays, direct.delays));
    const close = Math.abs(worse - WORSE) <= CLOSE.worse || Math.abs(later - LATER_MS) <= CLOSE.laterMs;
    if (!close || round === ROUNDS) break;
    // Judging keeps the machine busy, which the browsers' receivers feel for a while.
    await pause(SETTLED_MS);
  }
  const each = ({ scores, delays }) => `${scores.map((score) => score.toFixed(2)).join(' ')}; ${delays.map(Math.round).join(' ')} ms`;
  const figures = `through the server ${worse.toFixed(2)} MOS worse and ${Math.round(later)} ms later, by the median: `
    + `${each(through)}, directly ${each(direct)}; ${detour.lost} of ${detour.sent} packets lost`;
  t.diagnostic(figures);
  // One may begin before its sound was listened to.
  assert.ok(through.scores.length >= WINDOWS - 1, figures);
  assert.ok(detour.lost > detour.sent * BAD.loss / 2, figures);
  assert.ok(worse <= WORSE && later <= LATER_MS, figures);
});
