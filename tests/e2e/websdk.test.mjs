// The unmodified Flashphoner Web SDK, oldest and newest version that is promised.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe } from 'node:test';

import { ChromiumSide } from './harness/chromium.mjs';
import {
  hearAndSeeEachOther, hears, hearsKey, hearsNothing, sees, seesNoMotion, traffic,
} from './harness/proof.mjs';
import { scenarios } from './harness/scenario.mjs';
import {
  AUDIO, SDK_VERSIONS, SdkPerson, VIDEO, establish, serveSdk,
} from './harness/sdk.mjs';
import { Callbox } from './harness/server.mjs';
import { until } from './harness/wait.mjs';

const TERMINAL = ['FINISH', 'FAILED', 'BUSY'];

let server;
let red;
let blue;

before(async () => {
  [server, red, blue] = await Promise.all([
    Callbox.start({ config: { limits: { sign_in_failures: 100 } }, accounts: [{ name: 'carol', password: 'correct horse' }] }),
    ChromiumSide.launch('red'),
    ChromiumSide.launch('blue'),
  ]);
});

after(async () => {
  await Promise.all([red?.close(), blue?.close()]);
  await server?.stopWell();
});

for (const version of Object.keys(SDK_VERSIONS)) {
  describe(`Web SDK ${version}`, () => {
    let web;
    let serial = 0;
    const scenario = scenarios(() => ({ server, sides: [red, blue] }));

    before(async () => {
      web = await serveSdk(version);
    });
    afterEach(async () => {
      await Promise.all([red.clear(), blue.clear()]);
    });
    after(() => web.close());

    function person(side, limits) {
      return SdkPerson.open(side, web, server, limits);
    }

    /** Two registered guests whose names nobody had before. */
    async function alice_and_bob({ alice, bob } = {}) {
      serial += 1;
      const n = `${version.replaceAll('.', '')}-${serial}`;
      return Promise.all([
        person(red, alice).then((p) => p.register(`alice-${n}`)),
        person(blue, bob).then((p) => p.register(`bob-${n}`)),
      ]);
    }

    scenario('connects: ESTABLISHED with a token and no password, then REGISTERED', async () => {
      const alice = await person(red);
      await alice.register('alice', { password: 'to-be-kept-secret' });
      const events = await alice.page.evaluate(() => window.sdk.sessionEvents);
      const order = events.map(([status]) => status);
      assert.ok(order.indexOf('ESTABLISHED') < order.indexOf('REGISTERED'), order.join());
      const connection = await alice.page.evaluate(() => window.sdk.lastSession('ESTABLISHED'));
      assert.ok(connection.authToken, 'a token to come back with');
      assert.equal(connection.sipLogin, 'alice');
      assert.ok(!JSON.stringify(connection).includes('to-be-kept-secret'), 'the password is echoed');
      assert.ok(!server.log().includes('to-be-kept-secret'), 'the password is logged');
    });

    scenario('a call with video: both hear and see each other, and hang up ends it for both', async () => {
      const [alice, bob] = await alice_and_bob();
      await establish(alice, bob);
      const incoming = await bob.state();
      assert.equal(incoming.caller, alice.name);
      assert.equal(incoming.visibleName, alice.name);
      await hearAndSeeEachOther(alice, bob);
      await alice.act('hangup');
      const [ended, other] = await Promise.all([alice.status('FINISH'), bob.status('FINISH')]);
      for (const { events } of [ended, other]) {
        assert.equal(events.filter((status) => TERMINAL.includes(status)).length, 1, events.join());
      }
      assert.ok(ended.events.includes('TRYING') && ended.events.includes('RING'), ended.events.join());
    });

    scenario('the other direction, and the called one hangs up', async () => {
      const [alice, bob] = await alice_and_bob();
      await establish(bob, alice);
      await hearAndSeeEachOther(alice, bob);
      await alice.act('hangup');
      await Promise.all([alice.status('FINISH'), bob.status('FINISH')]);
    });

    scenario('hold stops sound and picture both ways, unhold brings them back', async () => {
      const [alice, bob] = await alice_and_bob();
      await establish(alice, bob);
      await hearAndSeeEachOther(alice, bob);
      await alice.act('hold');
      await alice.status('HOLD');
      await Promise.all([
        hearsNothing(bob.page, bob.remote), hearsNothing(alice.page, alice.remote),
        seesNoMotion(bob.page, bob.remote), seesNoMotion(alice.page, alice.remote),
      ]);
      await alice.act('unhold');
      await alice.status('ESTABLISHED');
      await hearAndSeeEachOther(alice, bob);
    });

    scenario('keys pressed are heard at the far side', async () => {
      const [alice, bob] = await alice_and_bob();
      await establish(alice, bob, { caller: { constraints: AUDIO }, callee: { constraints: AUDIO } });
      await hears(bob.page, bob.remote, 'red');
      await alice.act('sendDTMF', '5555555555', 'RFC2833');
      await hearsKey(bob.page, bob.remote, '5');
      await hears(bob.page, bob.remote, 'red');
    });

    scenario('sound alone: no picture is offered and none is asked for', async () => {
      const [alice, bob] = await alice_and_bob();
      await establish(alice, bob, { caller: { constraints: AUDIO }, callee: { constraints: AUDIO } });
      await Promise.all([hears(alice.page, alice.remote, 'blue'), hears(bob.page, bob.remote, 'red')]);
      const kinds = (await traffic(alice.page)).map((stream) => stream.kind);
      assert.deepEqual([...new Set(kinds)], ['audio']);
    });

    scenario('one side without a camera: sound both ways, picture one way', async () => {
      const [alice, bob] = await alice_and_bob();
      await establish(alice, bob, { caller: { constraints: VIDEO }, callee: { constraints: AUDIO } });
      await Promise.all([
        hears(alice.page, alice.remote, 'blue'),
        hears(bob.page, bob.remote, 'red'),
        sees(bob.page, bob.remote, 'red'),
      ]);
    });

    scenario('a call is rejected', async () => {
      const [alice, bob] = await alice_and_bob();
      await alice.call(bob.name);
      await bob.rung();
      await bob.act('hangup');
      await bob.status('FINISH');
      await until('the caller learns of it', async () => TERMINAL.includes((await alice.state()).status));
    });

    scenario('the caller gives up while it rings', async () => {
      const [alice, bob] = await alice_and_bob();
      await alice.call(bob.name);
      await bob.rung();
      await alice.act('hangup');
      await Promise.all([alice.status('FINISH'), bob.status('FINISH')]);
    });

    scenario('somebody in a call is busy to a third', async () => {
      const [alice, bob] = await alice_and_bob();
      await establish(alice, bob);
      const dora = await person(red);
      await dora.register(`dora-${alice.name}`);
      await dora.call(bob.name);
      await dora.status('BUSY');
      await hearAndSeeEachOther(alice, bob);
    });

    scenario('nobody of that name: the call fails', async () => {
      const [alice] = await alice_and_bob();
      await alice.call('nobody-of-that-name');
      await alice.status('FAILED');
    });

    for (const [codec, others] of [['VP8', 'H264,VP9,AV1'], ['H264', 'VP8,VP9,AV1']]) {
      const limits = { onlyCodec: { video: `video/${codec}` } };

      scenario(`a browser that knows ${codec} only is called: both use ${codec}`, async () => {
        const [alice, bob] = await alice_and_bob({ bob: limits });
        await establish(alice, bob);
        await hearAndSeeEachOther(alice, bob);
        await usesOnly(alice, codec);
        await usesOnly(bob, codec);
      });

      scenario(`a browser that knows ${codec} only calls: both use ${codec}`, async () => {
        const [alice, bob] = await alice_and_bob({ alice: limits });
        await establish(alice, bob);
        await hearAndSeeEachOther(alice, bob);
        await usesOnly(alice, codec);
        await usesOnly(bob, codec);
      });

      scenario(`a page that strips all but ${codec} from what it offers: both use ${codec}`, async () => {
        const [alice, bob] = await alice_and_bob();
        await establish(alice, bob, { caller: { stripCodecs: others } });
        await hearAndSeeEachOther(alice, bob);
        await usesOnly(alice, codec);
        await usesOnly(bob, codec);
      });
    }

    scenario('VP8 only calls H.264 only: they hear each other, and there is no picture', async () => {
      const [alice, bob] = await alice_and_bob({
        alice: { onlyCodec: { video: 'video/VP8' } }, bob: { onlyCodec: { video: 'video/H264' } },
      });
      await establish(alice, bob);
      await Promise.all([hears(alice.page, alice.remote, 'blue'), hears(bob.page, bob.remote, 'red')]);
      await seesNoMotion(alice.page, alice.remote);
    });

    scenario('a page comes back with its token, keeps its name and is called', async () => {
      const [alice, bob] = await alice_and_bob();
      const { authToken } = await alice.page.evaluate(() => window.sdk.lastSession('ESTABLISHED'));
      await alice.load();
      await alice.connect({ authToken, keepAlive: true });
      await alice.session('REGISTERED');
      await establish(bob, alice);
      await hearAndSeeEachOther(alice, bob);
    });

    scenario('an unknown token is refused', async () => {
      const alice = await person(red);
      await alice.connect({ authToken: '00000000000000000000000000000000', keepAlive: true });
      await alice.session('DISCONNECTED');
    });

    scenario('an account needs its password', async () => {
      const carol = await person(red);
      await carol.connect({
        sipOptions: { login: 'carol', authenticationName: 'carol', password: 'wrong', domain: 'localhost', outboundProxy: 'localhost', port: '5060', registerRequired: true },
      });
      await carol.session('DISCONNECTED');
      const events = await carol.page.evaluate(() => window.sdk.sessionEvents);
      assert.ok(!events.some(([status]) => status === 'REGISTERED'), 'registered with a wrong password');
      assert.ok(events.some(([status]) => status === 'WARN'), 'is told why');
      await carol.load();
      await carol.register('carol', { password: 'correct horse' });
      assert.ok(!server.log().includes('correct horse'), 'the password is logged');
    });

    scenario('a text reaches another page', async () => {
      const [alice, bob] = await alice_and_bob();
      const send = (to) => alice.page.evaluate(
        (name) => window.sdk.session.sendData({ type: 'sipMessage', to: name, body: 'hello' })
          .then((answer) => answer.status, (answer) => answer.status),
        to,
      );
      assert.equal(await send(bob.name), 'ACCEPTED');
      await bob.session('APP_DATA');
      const { payload } = await bob.page.evaluate(() => window.sdk.lastSession('APP_DATA'));
      assert.equal(payload.body, 'hello');
      assert.equal(payload.from, alice.name);
      assert.equal(await send('nobody-of-that-name'), 'FAILED');
    });

    scenario('leaving the page mid-call ends the call for the other', async () => {
      const [alice, bob] = await alice_and_bob();
      await establish(alice, bob);
      await hearAndSeeEachOther(alice, bob);
      await alice.page.evaluate(() => window.sdk.disconnect());
      await bob.status('FINISH');
    });
  });
}

async function usesOnly(person, codec) {
  const video = (await traffic(person.page)).filter((s) => s.kind === 'video' && s.packets > 0);
  assert.ok(video.length > 0, 'there is video');
  for (const stream of video) assert.equal(stream.codec, `video/${codec}`, JSON.stringify(stream));
}
