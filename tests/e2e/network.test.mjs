// What a broken network does: the person is a host of its own on a cable that can be cut.
// The page is served over https, since other machines get camera and microphone there only.

import { after, afterEach, before } from 'node:test';

import { ChromiumSide } from './harness/chromium.mjs';
import { Cable, noNamespaces } from './harness/netns.mjs';
import { PhonePerson, establish } from './harness/phone.mjs';
import { hearAndSeeEachOther, hears, hearsNothing, sees } from './harness/proof.mjs';
import { scenarios } from './harness/scenario.mjs';
import { Callbox } from './harness/server.mjs';
import { until } from './harness/wait.mjs';

const obstacle = noNamespaces() ?? false;
const GRACE_S = 6;
/** Enough for a page to notice that its line is dead, and to open another one. */
const LONG_GRACE_S = 60;

let cable;
let server;
let red;
let blue;
/** Set while a scenario has a server of its own. */
let patient;
const scenario = scenarios(() => ({ server: patient ?? server, sides: [red, blue] }));

before(async () => {
  if (obstacle) return;
  cable = new Cable();
  [server, red, blue] = await Promise.all([
    Callbox.start({
      netns: cable.server.netns,
      address: cable.server.address,
      config: {
        local_videochat: { guests: 'private' },
        media: { consent_timeout_s: 5 },
        wcs: { ping_interval_ms: 500, missed_pings: 4, grace_s: GRACE_S },
      },
    }),
    ChromiumSide.launch('red', { netns: cable.person.netns }),
    ChromiumSide.launch('blue', { netns: cable.server.netns }),
  ]);
});

afterEach(async () => {
  cable?.mend();
  patient = undefined;
  await Promise.all([red?.clear(), blue?.clear()]);
});

after(async () => {
  await Promise.all([red?.close(), blue?.close()]);
  await server?.stopWell();
  cable?.remove();
});

function alice_and_bob() {
  return Promise.all([
    PhonePerson.signIn(red, server.secureUrl, 'alice'),
    PhonePerson.signIn(blue, server.secureUrl, 'bob'),
  ]);
}

scenario('over a cable between two hosts both hear and see each other', { skip: obstacle }, async () => {
  const [alice, bob] = await alice_and_bob();
  await establish(alice, bob);
  await hearAndSeeEachOther(alice, bob);
});

scenario('a cable cut for good ends the call for the other side, in words', { skip: obstacle }, async () => {
  const [alice, bob] = await alice_and_bob();
  await establish(alice, bob);
  await hearAndSeeEachOther(alice, bob);
  cable.cut();
  await bob.ended(40_000);
  await bob.sentence();
});

scenario('a cable cut for a moment is survived', { skip: obstacle }, async () => {
  const [alice, bob] = await alice_and_bob();
  await establish(alice, bob);
  await hearAndSeeEachOther(alice, bob);
  cable.cut();
  await until('the sound is gone', () => hears(bob.page, bob.remote, 'red', 300).then(() => false, () => true));
  cable.mend();
  await Promise.all([
    hears(bob.page, bob.remote, 'red', 30_000), sees(bob.page, bob.remote, 'red', 30_000),
    hears(alice.page, alice.remote, 'blue', 30_000), sees(alice.page, alice.remote, 'blue', 30_000),
  ]);
});

scenario('a cut that breaks the line, but not for longer than the grace, is survived by the call', { skip: obstacle }, async () => {
  patient = await Callbox.start({
    netns: cable.server.netns,
    address: cable.server.address,
    config: {
      local_videochat: { guests: 'private' },
      media: { consent_timeout_s: LONG_GRACE_S },
      wcs: { ping_interval_ms: 500, missed_pings: 4, grace_s: LONG_GRACE_S },
    },
  });
  try {
    const [alice, bob] = await Promise.all([
      PhonePerson.signIn(red, patient.secureUrl, 'alice'),
      PhonePerson.signIn(blue, patient.secureUrl, 'bob'),
    ]);
    await establish(alice, bob);
    await hearAndSeeEachOther(alice, bob);
    cable.cut();
    await until('the server misses her line', () => patient.log().includes('device parked'));
    cable.mend();
    await until('she is back on another line', () => patient.log().includes('is back'), 40_000);
    await hearAndSeeEachOther(alice, bob, 30_000);
    await Promise.all([alice.talking(), bob.talking()]);
    // The new line carries the call: it can be held and ended.
    await alice.hold();
    await hearsNothing(bob.page, bob.remote);
    await alice.resume();
    await alice.hangUp();
    await Promise.all([alice.ended(), bob.ended()]);
    await patient.stopWell();
  } finally {
    await patient.stop();
  }
});

scenario('after a cut the page signs in again by itself and is called', { skip: obstacle }, async () => {
  const [alice, bob] = await alice_and_bob();
  cable.cut();
  await alice.offline(40_000);
  cable.mend();
  await alice.online(60_000);
  await establish(bob, alice);
  await hearAndSeeEachOther(alice, bob);
});
