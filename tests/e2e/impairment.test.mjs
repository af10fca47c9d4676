// Calls over links that lose packets or are too narrow: the person is a host of its own on a
// cable that can be made so.

import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';

import { ChromiumSide } from './harness/chromium.mjs';
import { Cable, noNamespaces } from './harness/netns.mjs';
import { PhonePerson, establish } from './harness/phone.mjs';
import { hearAndSeeEachOther, hears, traffic } from './harness/proof.mjs';
import { scenarios } from './harness/scenario.mjs';
import { Callbox } from './harness/server.mjs';
import { pause, until } from './harness/wait.mjs';

const obstacle = noNamespaces() ?? false;

const LOSS = 0.05;
const WATCHED_S = 20;
const LONGEST_FREEZE_MS = 2_000;

const NARROW_KBITS = 500;
/** More than the narrow link takes. */
const WIDE_KBITS = 600;
const DOWN_WITHIN_MS = 5_000;
const UP_WITHIN_MS = 20_000;

let cable;
let server;
let red;
let blue;
const scenario = scenarios(() => ({ server, sides: [red, blue] }));

before(async () => {
  if (obstacle) return;
  cable = new Cable();
  [server, red, blue] = await Promise.all([
    Callbox.start({
      netns: cable.server.netns,
      address: cable.server.address,
      config: { local_videochat: { guests: 'private' } },
    }),
    ChromiumSide.launch('red', { netns: cable.person.netns }),
    ChromiumSide.launch('blue', { netns: cable.server.netns, grainy: true }),
  ]);
});

afterEach(async () => {
  cable?.open();
  await Promise.all([red?.clear(), blue?.clear()]);
});

after(async () => {
  await Promise.all([red?.close(), blue?.close()]);
  await server?.stopWell();
  cable?.remove();
});

async function talking() {
  const [alice, bob] = await Promise.all([
    PhonePerson.signIn(red, server.secureUrl, 'alice'),
    PhonePerson.signIn(blue, server.secureUrl, 'bob'),
  ]);
  await establish(alice, bob);
  await hearAndSeeEachOther(alice, bob);
  return [alice, bob];
}

scenario(`with ${LOSS * 100} % of all packets lost, sound and picture go on`, { skip: obstacle }, async (t) => {
  const [alice, bob] = await talking();
  cable.lose(LOSS);
  const both = [alice, bob];
  await Promise.all(both.map(({ page, remote }) => page.evaluate((s) => window.__proof.watchFrames(s), remote)));
  await pause(WATCHED_S * 1000);
  for (const { page, name } of both) {
    const gaps = await page.evaluate(() => window.__proof.gaps());
    const figures = `${name}: ${gaps.frames} frames in ${gaps.seconds.toFixed(1)} s, longest pause ${gaps.longest} ms`;
    t.diagnostic(figures);
    assert.ok(gaps.longest < LONGEST_FREEZE_MS, figures);
  }
  await Promise.all([hears(alice.page, alice.remote, 'blue'), hears(bob.page, bob.remote, 'red')]);
});

scenario(`a far link of ${NARROW_KBITS} kbit/s slows the sender down, and it recovers`, { skip: obstacle, timeout: 180_000 }, async (t) => {
  const [, bob] = await talking();
  const rate = meter(bob.page);
  await until('the sender uses the wide link', async () => above(await rate(), WIDE_KBITS), 60_000);
  cable.narrow(NARROW_KBITS);
  const narrowed = Date.now();
  await until('the sender is below the narrow link', async () => below(await rate(), NARROW_KBITS), 4 * DOWN_WITHIN_MS);
  const down = Date.now() - narrowed;
  cable.open();
  const opened = Date.now();
  await until('the sender is back up', async () => above(await rate(), WIDE_KBITS), 4 * UP_WITHIN_MS);
  const up = Date.now() - opened;
  const figures = `below ${NARROW_KBITS} kbit/s after ${down} ms, above ${WIDE_KBITS} kbit/s again after ${up} ms`;
  t.diagnostic(figures);
  assert.ok(down <= DOWN_WITHIN_MS && up <= UP_WITHIN_MS, figures);
});

/** Gives a function that measures what the page sends, video, in kbit/s over half a second. */
function meter(page) {
  const sent = async () => {
    const bytes = (await traffic(page)).filter((s) => s.direction === 'out' && s.kind === 'video').map((s) => s.bytes);
    return { bytes: bytes.reduce((sum, n) => sum + n, 0), at: performance.now() };
  };
  return async () => {
    const first = await sent();
    await pause(500);
    const second = await sent();
    return ((second.bytes - first.bytes) * 8) / (second.at - first.at);
  };
}

function above(rate, bound) {
  if (rate <= bound) throw new Error(`${Math.round(rate)} kbit/s`);
  return true;
}

function below(rate, bound) {
  if (rate >= bound) throw new Error(`${Math.round(rate)} kbit/s`);
  return true;
}
