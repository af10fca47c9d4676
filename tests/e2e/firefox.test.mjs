// Firefox and Chromium on our page. Firefox refuses loopback candidates, so it is a host of its
// own, and the server is reached over a cable, by https with the certificate it made itself.

import { after, afterEach, before } from 'node:test';

import { ChromiumSide } from './harness/chromium.mjs';
import { FirefoxSide } from './harness/firefox.mjs';
import { Cable, noNamespaces } from './harness/netns.mjs';
import { PhonePerson, establish } from './harness/phone.mjs';
import { hearAndSeeEachOther, hears, hearsNothing, sees, seesNoMotion } from './harness/proof.mjs';
import { scenarios } from './harness/scenario.mjs';
import { Callbox } from './harness/server.mjs';

const obstacle = noNamespaces() ?? false;

let cable;
let server;
let chromium;
let firefox;
const scenario = scenarios(() => ({ server, sides: [chromium, firefox] }));

before(async () => {
  if (obstacle) return;
  cable = new Cable();
  [server, chromium, firefox] = await Promise.all([
    Callbox.start({
      netns: cable.server.netns,
      address: cable.server.address,
      config: { local_videochat: { guests: 'private' } },
    }),
    ChromiumSide.launch('red', { netns: cable.server.netns }),
    FirefoxSide.launch('green', cable.person.netns),
  ]);
});

afterEach(async () => {
  await Promise.all([chromium?.clear(), firefox?.clear()]);
});

after(async () => {
  await Promise.all([chromium?.close(), firefox?.close()]);
  await server?.stopWell();
  cable?.remove();
});

function both() {
  return Promise.all([
    PhonePerson.signIn(chromium, server.secureUrl, 'chromium'),
    PhonePerson.signIn(firefox, server.secureUrl, 'firefox'),
  ]);
}

scenario('Chromium calls Firefox: both hear and see each other, Firefox hangs up', { skip: obstacle }, async () => {
  const [c, f] = await both();
  await establish(c, f);
  await hearAndSeeEachOther(c, f);
  await f.hangUp();
  await Promise.all([c.ended(), f.ended()]);
});

scenario('Firefox calls Chromium: both hear and see each other, Chromium hangs up', { skip: obstacle }, async () => {
  const [c, f] = await both();
  await establish(f, c);
  await hearAndSeeEachOther(c, f);
  await c.hangUp();
  await Promise.all([c.ended(), f.ended()]);
});

scenario('hold from either side stops sound and picture, resume brings them back', { skip: obstacle }, async () => {
  const [c, f] = await both();
  await establish(c, f);
  await hearAndSeeEachOther(c, f);
  for (const [holder, held] of [[c, f], [f, c]]) {
    await holder.hold();
    await Promise.all([
      hearsNothing(held.page, held.remote), seesNoMotion(held.page, held.remote),
      hearsNothing(holder.page, holder.remote), seesNoMotion(holder.page, holder.remote),
    ]);
    await holder.resume();
    await hearAndSeeEachOther(c, f);
  }
});

scenario('mute and camera off in Firefox reach Chromium', { skip: obstacle }, async () => {
  const [c, f] = await both();
  await establish(c, f);
  await hearAndSeeEachOther(c, f);
  await f.mute();
  await hearsNothing(c.page, c.remote);
  await f.unmute();
  await hears(c.page, c.remote, 'green');
  await f.cameraOff();
  await seesNoMotion(c.page, c.remote);
  await f.cameraOn();
  await sees(c.page, c.remote, 'green');
});
