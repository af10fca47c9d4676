// A person whose network lets no UDP through: media takes the server's TCP port (RFC 6544).

import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';

import { ChromiumSide } from './harness/chromium.mjs';
import { FirefoxSide } from './harness/firefox.mjs';
import { Cable, noNamespaces } from './harness/netns.mjs';
import { PhonePerson, establish } from './harness/phone.mjs';
import { hearAndSeeEachOther, hearsNothing, routes, seesNoMotion } from './harness/proof.mjs';
import { scenarios } from './harness/scenario.mjs';
import { Callbox } from './harness/server.mjs';

const obstacle = noNamespaces() ?? false;

let cable;
let server;
let red;
let blue;
let green;
/** Set while a scenario has a server of its own. */
let other;
const scenario = scenarios(() => ({ server: other ?? server, sides: [red, blue, green] }));

before(async () => {
  if (obstacle) return;
  cable = new Cable();
  [server, red, blue, green] = await Promise.all([
    start(),
    ChromiumSide.launch('red', { netns: cable.person.netns }),
    ChromiumSide.launch('blue', { netns: cable.server.netns }),
    FirefoxSide.launch('green', cable.person.netns),
  ]);
});

afterEach(async () => {
  cable?.open();
  other = undefined;
  await Promise.all([red?.clear(), blue?.clear(), green?.clear()]);
});

after(async () => {
  await Promise.all([red?.close(), blue?.close(), green?.close()]);
  await server?.stopWell();
  cable?.remove();
});

function start(media = {}) {
  return Callbox.start({
    netns: cable.server.netns,
    address: cable.server.address,
    config: { local_videochat: { guests: 'private' }, media },
  });
}

async function route(person) {
  const all = await routes(person.page);
  assert.equal(all.length, 1, `one connection, not ${all}`);
  return all[0];
}

function signIn(side, name) {
  return PhonePerson.signIn(side, (other ?? server).secureUrl, name);
}

scenario('without UDP a Chromium calls over TCP: both hear and see each other, hold and hang up', { skip: obstacle }, async () => {
  cable.blockUdp();
  const [alice, bob] = await Promise.all([signIn(red, 'alice'), signIn(blue, 'bob')]);
  await establish(alice, bob);
  await hearAndSeeEachOther(alice, bob);
  assert.deepEqual([await route(alice), await route(bob)], ['tcp', 'udp']);
  await bob.hold();
  await Promise.all([hearsNothing(alice.page, alice.remote), seesNoMotion(alice.page, alice.remote)]);
  await bob.resume();
  await hearAndSeeEachOther(alice, bob);
  await alice.hangUp();
  await Promise.all([alice.ended(), bob.ended()]);
});

scenario('without UDP a Chromium is called over TCP', { skip: obstacle }, async () => {
  cable.blockUdp();
  const [alice, bob] = await Promise.all([signIn(red, 'alice'), signIn(blue, 'bob')]);
  await establish(bob, alice);
  await hearAndSeeEachOther(alice, bob);
  assert.equal(await route(alice), 'tcp');
});

scenario('without UDP Firefox and Chromium hear and see each other, both over TCP', { skip: obstacle }, async () => {
  cable.blockUdp();
  const [alice, carol] = await Promise.all([signIn(red, 'alice'), signIn(green, 'carol')]);
  await establish(alice, carol);
  await hearAndSeeEachOther(alice, carol, 30_000);
  assert.deepEqual([await route(alice), await route(carol)], ['tcp', 'tcp']);
});

scenario('where UDP gets through it is taken', { skip: obstacle }, async () => {
  const [alice, bob] = await Promise.all([signIn(red, 'alice'), signIn(blue, 'bob')]);
  await establish(alice, bob);
  await hearAndSeeEachOther(alice, bob);
  assert.deepEqual([await route(alice), await route(bob)], ['udp', 'udp']);
});

scenario('without UDP and without a TCP port the call ends, and both are told of the port', { skip: obstacle }, async () => {
  other = await start({ tcp_port: 0, setup_timeout_s: 5 });
  try {
    cable.blockUdp();
    const [alice, bob] = await Promise.all([signIn(red, 'alice'), signIn(blue, 'bob')]);
    await alice.call('bob');
    await bob.rung('alice');
    await bob.answer();
    await Promise.all([alice.ended(30_000), bob.ended(30_000)]);
    assert.match(await alice.sentence(), /port/);
    await other.stopWell();
  } finally {
    await other.stop();
  }
});
