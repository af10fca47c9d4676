// Our own page, Chromium and Chromium, through the real server: the first minute and what goes
// wrong in it.

import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';

import { ChromiumSide } from './harness/chromium.mjs';
import { PhonePerson, establish } from './harness/phone.mjs';
import {
  hearAndSeeEachOther, hears, hearsKey, hearsNothing, look, sees, seesNoMotion, showsColour, traffic,
} from './harness/proof.mjs';
import { scenarios } from './harness/scenario.mjs';
import { Callbox } from './harness/server.mjs';
import { SIDES } from './harness/sides.mjs';
import { until } from './harness/wait.mjs';

/** Calls whose set-up is timed. */
const TIMED_CALLS = 20;

let server;
let red;
let blue;
const scenario = scenarios(() => ({ server, sides: [red, blue] }));

before(async () => {
  [server, red, blue] = await Promise.all([
    Callbox.start({ accounts: [{ name: 'carol', password: 'correct horse' }] }),
    ChromiumSide.launch('red'),
    ChromiumSide.launch('blue'),
  ]);
});

afterEach(async () => {
  await Promise.all([red.clear(), blue.clear()]);
});

after(async () => {
  await Promise.all([red?.close(), blue?.close()]);
  await server?.stopWell();
});

function person(name, side, options) {
  return PhonePerson.signIn(side, server.url, name, options);
}

function alice_and_bob() {
  return Promise.all([person('alice', red), person('bob', blue)]);
}

async function talking() {
  const [alice, bob] = await alice_and_bob();
  await establish(alice, bob);
  await hearAndSeeEachOther(alice, bob);
  return [alice, bob];
}

scenario('the first minute: a proposed name, who is here, a click, an answer, a talk, goodbye', async () => {
  const [a, b] = await Promise.all([red, blue].map((side) => PhonePerson.open(side, server.url)));
  await Promise.all([a.signInAsProposed(), b.signInAsProposed()]);
  assert.notEqual(a.name, b.name, 'two windows are proposed different names');
  await Promise.all([a.present(b.name), b.present(a.name)]);
  await a.callByClick(b.name);
  await b.rung(a.name);
  await b.answer();
  await Promise.all([a.talking(), b.talking()]);
  await hearAndSeeEachOther(a, b);
  await a.hangUp();
  await Promise.all([a.ended(), b.ended()]);
  for (const one of [a, b]) assert.match(await one.sentence(), /\w+ \w+/, 'says in words what happened');
});

scenario('the called one hangs up', async () => {
  const [alice, bob] = await talking();
  await bob.hangUp();
  await Promise.all([alice.ended(), bob.ended()]);
  assert.match(await alice.sentence(), /bob/i);
});

scenario('Opus and VP8 flow, and each side sees itself', async () => {
  const [alice, bob] = await talking();
  for (const { page } of [alice, bob]) {
    const flowing = (await traffic(page)).filter((stream) => stream.packets > 0);
    const codecs = [...new Set(flowing.map((stream) => stream.codec))].sort();
    assert.deepEqual(codecs, ['audio/opus', 'video/VP8']);
  }
  const self = await look(alice.page, alice.self);
  assert.ok(showsColour(self, SIDES.red.colour), JSON.stringify(self));
});

scenario('hold by either side stops sound and picture both ways; resume brings them back', async () => {
  const [alice, bob] = await talking();
  for (const [holder, held] of [[alice, bob], [bob, alice]]) {
    await holder.hold();
    await Promise.all([
      hearsNothing(held.page, held.remote), seesNoMotion(held.page, held.remote),
      hearsNothing(holder.page, holder.remote), seesNoMotion(holder.page, holder.remote),
    ]);
    await holder.resume();
    await hearAndSeeEachOther(alice, bob);
  }
});

scenario('a call held by both flows again only when both have resumed', async () => {
  const [alice, bob] = await talking();
  await alice.hold();
  await bob.hold();
  await alice.resume();
  await Promise.all([hearsNothing(bob.page, bob.remote), hearsNothing(alice.page, alice.remote)]);
  await bob.resume();
  await hearAndSeeEachOther(alice, bob);
});

scenario('mute silences one way only', async () => {
  const [alice, bob] = await talking();
  await alice.mute();
  await hearsNothing(bob.page, bob.remote);
  await hears(alice.page, alice.remote, 'blue');
  await alice.unmute();
  await hears(bob.page, bob.remote, 'red');
});

scenario('the camera goes off and on again', async () => {
  const [alice, bob] = await talking();
  await alice.cameraOff();
  await seesNoMotion(bob.page, bob.remote);
  await hears(bob.page, bob.remote, 'red');
  await alice.cameraOn();
  await sees(bob.page, bob.remote, 'red');
});

scenario('a call with sound alone: one turns on a camera, then the other', async () => {
  const [alice, bob] = await alice_and_bob();
  await establish(alice, bob, { call: { video: false } });
  await alice.cameraOn();
  await sees(bob.page, bob.remote, 'red');
  await bob.cameraOn();
  await sees(alice.page, alice.remote, 'blue');
  await hearAndSeeEachOther(alice, bob);
  await alice.cameraOff();
  await seesNoMotion(bob.page, bob.remote);
});

scenario('a call with sound alone: both turn on a camera at the same time', async () => {
  const [alice, bob] = await alice_and_bob();
  await establish(alice, bob, { call: { video: false } });
  await Promise.all([alice.cameraOn(), bob.cameraOn()]);
  await hearAndSeeEachOther(alice, bob);
});

scenario('keys are heard at the far side', async () => {
  const [alice, bob] = await talking();
  await alice.openKeypad();
  await until('the key is heard', async () => {
    await Promise.all([alice.key('5'), hearsKey(bob.page, bob.remote, '5', 1_500)]);
    return true;
  });
  await hears(bob.page, bob.remote, 'red');
});

scenario('an answer without a camera: sound both ways, picture one way', async () => {
  const [alice, bob] = await alice_and_bob();
  await establish(alice, bob, { answer: { video: false } });
  await Promise.all([
    hears(alice.page, alice.remote, 'blue'),
    hears(bob.page, bob.remote, 'red'),
    sees(bob.page, bob.remote, 'red'),
  ]);
});

scenario('a call is rejected', async () => {
  const [alice, bob] = await alice_and_bob();
  await alice.call('bob');
  await bob.rung('alice');
  await bob.reject();
  await Promise.all([alice.ended(), bob.notRinging()]);
  assert.match(await alice.sentence(), /bob/i);
});

scenario('the caller gives up while it rings', async () => {
  const [alice, bob] = await alice_and_bob();
  await alice.call('bob');
  await bob.rung('alice');
  await alice.hangUp();
  await Promise.all([alice.ended(), bob.notRinging()]);
});

scenario('somebody in a call is busy to a third, whose page says so', async () => {
  const [alice, bob] = await talking();
  const dora = await person('dora', red);
  await dora.call('bob');
  await dora.ended();
  assert.match(await dora.sentence(), /busy|another call/i);
  await hearAndSeeEachOther(alice, bob);
});

scenario('nobody of that name: the page says so', async () => {
  const alice = await person('alice', red);
  await alice.call('nobody-of-that-name');
  await alice.ended();
  assert.match(await alice.sentence(), /nobody-of-that-name|not (here|signed in|found)|nobody|no one/i);
});

scenario('nobody answers: after the ringing time both pages stop and the caller reads why', async () => {
  const hasty = await Callbox.start({ config: { wcs: { ring_timeout_s: 5 } } });
  try {
    const [alice, bob] = await Promise.all([
      PhonePerson.signIn(red, hasty.url, 'alice'),
      PhonePerson.signIn(blue, hasty.url, 'bob'),
    ]);
    await alice.call('bob');
    await bob.rung('alice');
    await Promise.all([alice.ended(), bob.notRinging()]);
    assert.match(await alice.sentence(), /bob/i);
  } finally {
    await hasty.stopWell();
  }
});

scenario('the server is stopped mid-call: both pages say that the call has ended', async () => {
  const other = await Callbox.start();
  try {
    const [alice, bob] = await Promise.all([
      PhonePerson.signIn(red, other.url, 'alice'),
      PhonePerson.signIn(blue, other.url, 'bob'),
    ]);
    await establish(alice, bob);
    await hearAndSeeEachOther(alice, bob);
    await other.stopWell();
    await Promise.all([alice.ended(), bob.ended()]);
    for (const one of [alice, bob]) assert.match(await one.sentence(), /server/i);
  } finally {
    await other.stop();
  }
});

scenario('the caller closes the tab while it rings: the ringing stops', async () => {
  const [alice, bob] = await alice_and_bob();
  await alice.call('bob');
  await bob.rung('alice');
  await alice.leave();
  await bob.notRinging(5_000);
});

scenario('the called one closes the tab mid-call: it ends for the caller at once, in words', async () => {
  const [alice, bob] = await talking();
  await bob.leave();
  await alice.ended(5_000);
  assert.match(await alice.sentence(), /bob/i);
});

scenario('a name that is taken is refused with words and another can be chosen', async () => {
  await person('alice', red);
  const second = await PhonePerson.open(blue, server.url);
  await second.trySignIn('alice');
  assert.match(await second.signInProblem(), /taken|in use|somebody|someone|already/i);
  await second.trySignIn('alice2');
  await second.idle();
});

scenario('a reload keeps the name, and a ghost does not hold it', async () => {
  const [alice, bob] = await alice_and_bob();
  await alice.reload();
  await alice.idle();
  assert.equal(await alice.shownName(), 'alice');
  await establish(bob, alice);
  await hearAndSeeEachOther(alice, bob);
});

scenario('an account signs in with its password, and a wrong one is answered in words', async () => {
  const carol = await PhonePerson.open(red, server.url);
  await carol.trySignIn('carol', 'wrong');
  assert.match(await carol.signInProblem(), /password/i);
  await carol.trySignIn('carol', 'correct horse');
  await carol.idle();
  assert.ok(!server.log().includes('correct horse'), 'the password is logged');
});

scenario('a user signed in twice: both ring, the first to answer wins, the other stops', async () => {
  const first = await PhonePerson.signIn(red, server.url, 'carol', { password: 'correct horse' });
  const second = await PhonePerson.signIn(blue, server.url, 'carol', { password: 'correct horse' });
  const alice = await person('alice', red);
  await alice.call('carol');
  await Promise.all([first.rung('alice'), second.rung('alice')]);
  await second.answer();
  await Promise.all([alice.talking(), second.talking(), first.notRinging()]);
  await hearAndSeeEachOther(alice, second);
});

scenario(`from the answer to the first remote frame, ${TIMED_CALLS} calls`, { timeout: 300_000 }, async (t) => {
  const [alice, bob] = await alice_and_bob();
  const delays = [];
  for (let n = 0; n < TIMED_CALLS; n++) {
    await alice.call('bob');
    await bob.rung('alice');
    await Promise.all([alice, bob].map(({ page, remote }) => page.evaluate((s) => window.__proof.armFirstFrame(s), remote)));
    const answered = await bob.answerTimed();
    const shown = await Promise.all([alice, bob].map(({ page }) => until(
      'the first frame is shown',
      () => page.evaluate(() => window.__proof.firstFrame.at),
    )));
    delays.push(...shown.map((at) => at - answered));
    await alice.hangUp();
    await Promise.all([alice.ended(), bob.ended()]);
    await Promise.all([alice.dismiss(), bob.dismiss()]);
  }
  delays.sort((a, b) => a - b);
  const at = (share) => Math.round(delays[Math.min(delays.length - 1, Math.ceil(share * delays.length) - 1)]);
  const figures = `answer to first remote frame over ${TIMED_CALLS} calls, both sides: median ${at(0.5)} ms, p95 ${at(0.95)} ms, worst ${at(1)} ms`;
  t.diagnostic(figures);
  console.log(figures);
  assert.equal(delays.length, TIMED_CALLS * 2);
  assert.ok(delays.every((delay) => delay > 0), 'a frame before the answer is a wrong measurement');
});
