// SIP telephones in browsers: JsSIP and SIP.js as they are, over the port of the page, with our
// own page, with the Web SDK and with each other.

import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';

import { ChromiumSide } from './harness/chromium.mjs';
import { PhonePerson, establish } from './harness/phone.mjs';
import {
  hearAndSeeEachOther, hears, hearsKey, hearsNothing, seesNoMotion, traffic,
} from './harness/proof.mjs';
import { scenarios } from './harness/scenario.mjs';
import { SdkPerson, serveSdk } from './harness/sdk.mjs';
import { Callbox } from './harness/server.mjs';
import { STACKS, SipPerson, serveSip } from './harness/sip.mjs';
import { until } from './harness/wait.mjs';

const PASSWORD = 'correct horse';

let server;
let red;
let blue;
let web;
let sdk;
const scenario = scenarios(() => ({ server, sides: [red, blue] }));

before(async () => {
  [server, red, blue, web, sdk] = await Promise.all([
    Callbox.start({ accounts: [{ name: 'carol', password: PASSWORD }] }),
    ChromiumSide.launch('red'),
    ChromiumSide.launch('blue'),
    serveSip(),
    serveSdk('2.0.276'),
  ]);
});

afterEach(async () => {
  await Promise.all([red.clear(), blue.clear()]);
});

after(async () => {
  await Promise.all([red?.close(), blue?.close(), web?.close(), sdk?.close()]);
  await server?.stopWell();
});

/** Names of their own: a telephone whose tab was closed keeps its name for a while. */
let serial = 0;
function fresh(name) {
  serial += 1;
  return `${name}${serial}`;
}

function telephone(side, { name = fresh('jane'), ...options } = {}) {
  return SipPerson.register(side, web, server, name, options);
}

function page(side) {
  return PhonePerson.signIn(side, server.url, fresh('pat'));
}

function telephone_and_page(options) {
  return Promise.all([telephone(red, options), page(blue)]);
}

async function talking(options) {
  const [jane, pat] = await telephone_and_page(options);
  await establish(jane, pat);
  await hearAndSeeEachOther(jane, pat);
  return [jane, pat];
}

// --- who is there -----------------------------------------------------------------------------

scenario('JsSIP registers as a guest over WS, and the page lists it', async () => {
  const [jane, pat] = await telephone_and_page();
  await pat.present(jane.name);
});

scenario('JsSIP registers an account over WSS with its password, which is in no log', async () => {
  await telephone(red, { name: 'carol', password: PASSWORD, secure: true });
  const pat = await page(blue);
  await pat.present('carol');
  assert.ok(!server.log().includes(PASSWORD), 'the password is logged');
});

for (const stack of Object.keys(STACKS)) {
  scenario(`${stack} with a wrong password is refused`, async () => {
    const stranger = await SipPerson.open(red, web, server, { stack, secure: true });
    await stranger.tryRegister('carol', 'wrong');
    await stranger.registration('refused: 401');
  });
}

scenario('JsSIP under a name that is taken is refused', async () => {
  const pat = await page(blue);
  const second = await SipPerson.open(red, web, server);
  await second.tryRegister(pat.name);
  await second.registration('refused: 403');
});

scenario('JsSIP that does not register calls the page', async () => {
  const [jane, pat] = await Promise.all([SipPerson.open(red, web, server), page(blue)]);
  await jane.connect(fresh('jane'), { register: false });
  await jane.registration('connected');
  await establish(jane, pat);
  await hearAndSeeEachOther(jane, pat);
  await jane.hangUp();
  await Promise.all([jane.ended(), pat.ended()]);
});

// --- calls ------------------------------------------------------------------------------------

for (const stack of Object.keys(STACKS)) {
  scenario(`${stack} calls the page: both hear and see each other; either hangs up`, async () => {
    const [jane, pat] = await telephone_and_page({ stack });
    for (const hangs_up of [jane, pat]) {
      await establish(jane, pat);
      await hearAndSeeEachOther(jane, pat);
      await hangs_up.hangUp();
      await Promise.all([jane.ended(), pat.ended()]);
      assert.match(await pat.sentence(), /\w+ \w+/, 'says in words what happened');
      await pat.dismiss();
    }
  });

  scenario(`the page calls ${stack}: both hear and see each other; either hangs up`, async () => {
    const [jane, pat] = await telephone_and_page({ stack });
    for (const hangs_up of [jane, pat]) {
      await establish(pat, jane);
      await hearAndSeeEachOther(jane, pat);
      await hangs_up.hangUp();
      await Promise.all([jane.ended(), pat.ended()]);
      await pat.dismiss();
    }
  });
}

scenario('sound alone: no picture is offered and none is asked for', async () => {
  const [jane, pat] = await telephone_and_page();
  await establish(jane, pat, { call: { video: false } });
  await Promise.all([hears(jane.page, jane.remote, 'blue'), hears(pat.page, pat.remote, 'red')]);
  const kinds = (await traffic(jane.page)).map((stream) => stream.kind);
  assert.deepEqual([...new Set(kinds)], ['audio']);
});

scenario('JsSIP calls an account at JsSIP over WSS, and is called back', async () => {
  const [jane, carol] = await Promise.all([
    telephone(red), telephone(blue, { name: 'carol', password: PASSWORD, secure: true }),
  ]);
  for (const [caller, callee] of [[jane, carol], [carol, jane]]) {
    await establish(caller, callee);
    await hearAndSeeEachOther(jane, carol);
    await callee.hangUp();
    await Promise.all([jane.ended(), carol.ended()]);
  }
});

scenario('SIP.js calls JsSIP, and is called back', async () => {
  const [jane, sid] = await Promise.all([telephone(red), telephone(blue, { name: fresh('sid'), stack: 'SIP.js' })]);
  for (const [caller, callee] of [[sid, jane], [jane, sid]]) {
    await establish(caller, callee);
    await hearAndSeeEachOther(jane, sid);
    await caller.hangUp();
    await Promise.all([jane.ended(), sid.ended()]);
  }
});

scenario('JsSIP calls a page of the Web SDK, and is called back', async () => {
  const [jane, sally] = await Promise.all([telephone(red), SdkPerson.open(blue, sdk, server)]);
  await sally.register(fresh('sally'));
  await jane.call(sally.name);
  const incoming = await sally.rung();
  assert.equal(incoming.caller, jane.name);
  await sally.answer();
  await Promise.all([jane.talking(), sally.status('ESTABLISHED')]);
  await hearAndSeeEachOther(jane, sally);
  await jane.hangUp();
  await sally.status('FINISH');
  await sally.call(jane.name);
  await jane.rung(sally.name);
  await jane.answer();
  await Promise.all([jane.talking(), sally.status('ESTABLISHED')]);
  await hearAndSeeEachOther(jane, sally);
  await sally.act('hangup');
  await jane.ended();
});

// --- calls that do not come about -------------------------------------------------------------

for (const stack of Object.keys(STACKS)) {
  scenario(`${stack} gives up while it rings`, async () => {
    const [jane, pat] = await telephone_and_page({ stack });
    await jane.call(pat.name);
    await pat.rung(jane.name);
    await jane.ringing();
    await jane.hangUp();
    await Promise.all([jane.ended(), pat.notRinging()]);
  });

  scenario(`the page gives up while ${stack} rings`, async () => {
    const [jane, pat] = await telephone_and_page({ stack });
    await pat.call(jane.name);
    await jane.rung(pat.name);
    await pat.hangUp();
    await Promise.all([jane.ended(), pat.ended()]);
  });

  scenario(`${stack} is declined, and declines`, async () => {
    const [jane, pat] = await telephone_and_page({ stack });
    await jane.call(pat.name);
    await pat.rung(jane.name);
    await pat.reject();
    assert.equal((await jane.ended()).code, 603);
    await pat.dismiss();
    await pat.call(jane.name);
    await jane.rung(pat.name);
    await jane.refuse(603);
    await pat.ended();
    assert.match(await pat.sentence(), /declined the call/);
  });
}

scenario('JsSIP says that it is busy, and the page reads so', async () => {
  const [jane, pat] = await telephone_and_page();
  await pat.call(jane.name);
  await jane.rung(pat.name);
  await jane.refuse(486);
  await pat.ended();
  assert.match(await pat.sentence(), /is in another call/);
});

scenario('somebody in a call is busy to JsSIP', async () => {
  const [jane, pat] = await talking();
  const third = await telephone(red);
  await third.call(pat.name);
  assert.equal((await third.ended()).code, 486);
  await hearAndSeeEachOther(jane, pat);
});

scenario('nobody of that name: JsSIP is told 404', async () => {
  const jane = await telephone(red);
  await jane.call('nobody-of-that-name');
  assert.equal((await jane.ended()).code, 404);
});

// --- tabs that are closed ---------------------------------------------------------------------

scenario('JsSIP calls and its tab is closed while it rings: the ringing stops', async () => {
  const [jane, pat] = await telephone_and_page();
  await jane.call(pat.name);
  await pat.rung(jane.name);
  await jane.leave();
  await pat.notRinging(5_000);
});

scenario('JsSIP is called and its tab is closed while it rings: the caller is told', async () => {
  const [jane, pat] = await telephone_and_page();
  await pat.call(jane.name);
  await jane.rung(pat.name);
  await jane.leave();
  await pat.ended(5_000);
});

scenario('the tab of JsSIP is closed in the call: it ends for the page at once, in words', async () => {
  const [jane, pat] = await talking();
  await jane.leave();
  await pat.ended(5_000);
  assert.ok((await pat.sentence()).includes(jane.name));
});

// --- in a call --------------------------------------------------------------------------------

scenario('keys that JsSIP sends by INFO are heard at the page', async () => {
  const [jane, pat] = await talking();
  await jane.key('5555');
  await hearsKey(pat.page, pat.remote, '5');
  await hears(pat.page, pat.remote, 'red');
});

scenario('the page holds JsSIP: silence and a still picture both ways, and both again', async () => {
  const [jane, pat] = await talking();
  await pat.hold();
  await silence(jane, pat);
  await pat.resume();
  await hearAndSeeEachOther(jane, pat);
});

for (const stack of Object.keys(STACKS)) {
  scenario(`${stack} holds the page and resumes, three times, and hangs up`, async () => {
    const [jane, pat] = await talking({ stack });
    await holdThrice(jane, pat);
    await jane.hangUp();
    await Promise.all([jane.ended(), pat.ended()]);
    await nothingIsLeft();
  });

  scenario(`${stack} was called, holds the page and resumes three times; the page hangs up`, async () => {
    const [jane, pat] = await telephone_and_page({ stack });
    await establish(pat, jane);
    await hearAndSeeEachOther(jane, pat);
    await holdThrice(jane, pat);
    await pat.hangUp();
    await Promise.all([jane.ended(), pat.ended()]);
    await nothingIsLeft();
  });

  scenario(`${stack} and the Web SDK hold each other and resume, three times, and press keys`, async () => {
    const [jane, sally] = await Promise.all([
      telephone(red, { stack }), SdkPerson.open(blue, sdk, server),
    ]);
    await sally.register(fresh('sally'));
    await jane.call(sally.name);
    await sally.rung();
    await sally.answer();
    await Promise.all([jane.talking(), sally.status('ESTABLISHED')]);
    await hearAndSeeEachOther(jane, sally);
    await holdThrice(jane, sally);
    await holdThrice({ ...sally, hold: () => sally.act('hold'), resume: () => sally.act('unhold') }, jane);
    await jane.key('5555');
    await hearsKey(sally.page, sally.remote, '5');
    await sally.act('sendDTMF', '9999', 'RFC2833');
    await hearsKey(jane.page, jane.remote, '9');
    await hearAndSeeEachOther(jane, sally);
    await sally.act('hangup');
    await Promise.all([jane.ended(), sally.status('FINISH')]);
    await nothingIsLeft();
  });
}

scenario('JsSIP and SIP.js hold each other and resume, three times; the called one hangs up', async () => {
  const [jane, sid] = await Promise.all([telephone(red), telephone(blue, { name: fresh('sid'), stack: 'SIP.js' })]);
  await establish(jane, sid);
  await hearAndSeeEachOther(jane, sid);
  await holdThrice(jane, sid);
  await holdThrice(sid, jane);
  await sid.hangUp();
  await Promise.all([jane.ended(), sid.ended()]);
  await nothingIsLeft();
});

scenario('both hold at once: nothing is heard until both have resumed', async () => {
  const [jane, pat] = await talking();
  await jane.hold();
  await pat.hold();
  await silence(jane, pat);
  await jane.resume();
  await silence(jane, pat);
  await pat.resume();
  await hearAndSeeEachOther(jane, pat);
});

for (const refresh of ['UPDATE', 'INVITE']) {
  scenario(`JsSIP refreshes its session by ${refresh}, again and again: the call goes on`, async () => {
    const [jane, pat] = await talking({ secure: true, refresh });
    await jane.refreshed(3);
    await hearAndSeeEachOther(jane, pat);
    await jane.hangUp();
    await Promise.all([jane.ended(), pat.ended()]);
    await nothingIsLeft();
  });
}

async function holdThrice(holder, held) {
  for (let n = 0; n < 3; n++) {
    await holder.hold();
    await silence(holder, held);
    await holder.resume();
    await hearAndSeeEachOther(holder, held);
  }
}

function silence(...people) {
  return Promise.all(people.flatMap((it) => [hearsNothing(it.page, it.remote), seesNoMotion(it.page, it.remote)]));
}

/** The server knows of no call any more. */
function nothingIsLeft() {
  return until('no call is left', async () => {
    const { calls } = JSON.parse(await server.command(['status', '--json']));
    if (calls !== 0) throw new Error(`${calls} calls`);
    return true;
  });
}
