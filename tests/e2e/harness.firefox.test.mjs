// The proofs hold in Firefox too, and two hosts on one machine reach each other: Firefox and
// Chromium, directly connected over a cable, without any server.

import { after, before, test } from 'node:test';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { ChromiumSide } from './harness/chromium.mjs';
import { FirefoxSide } from './harness/firefox.mjs';
import { Cable, noNamespaces } from './harness/netns.mjs';
import { E2E } from './harness/paths.mjs';
import { hearAndSeeEachOther, seesNoMotion } from './harness/proof.mjs';

const obstacle = noNamespaces();
const PAGE = pathToFileURL(path.join(E2E, 'pages/peer.html')).href;

let cable;
let firefox;
let chromium;

before(async () => {
  if (obstacle) return;
  cable = new Cable();
  [firefox, chromium] = await Promise.all([
    FirefoxSide.launch('green', cable.person.netns),
    ChromiumSide.launch('red', { netns: cable.server.netns }),
  ]);
});

after(async () => {
  await Promise.all([firefox?.close(), chromium?.close()]);
  cable?.remove();
});

test('Firefox and Chromium prove to hear and see each other over the cable', { skip: obstacle ?? false, timeout: 90_000 }, async () => {
  const [a, b] = await Promise.all([firefox, chromium].map(async (side) => {
    const page = await side.newPage();
    await page.goto(PAGE);
    await page.evaluate(() => window.peer.open());
    return { page, remote: '#remote', side: side.side };
  }));
  const offer = await b.page.evaluate(() => window.peer.offer());
  const answer = await a.page.evaluate((sdp) => window.peer.answer(sdp), offer);
  await b.page.evaluate((sdp) => window.peer.accept(sdp), answer);
  await hearAndSeeEachOther(a, b);
  cable.cut();
  await seesNoMotion(b.page, b.remote);
  cable.mend();
  await hearAndSeeEachOther(a, b, 30_000);
});
