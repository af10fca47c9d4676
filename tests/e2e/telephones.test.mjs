// Telephones of other makes against the real binary: baresip and linphonec call each other, our
// page and JsSIP, and each proves by the other's tone that it hears it.

import { after, afterEach, before } from 'node:test';

import { Baresip } from './harness/baresip.mjs';
import { ChromiumSide } from './harness/chromium.mjs';
import { Linphone } from './harness/linphone.mjs';
import { PhonePerson } from './harness/phone.mjs';
import { hears, hearsKey, hearsNothing } from './harness/proof.mjs';
import { scenarios } from './harness/scenario.mjs';
import { Callbox } from './harness/server.mjs';
import { SipPerson, serveSip } from './harness/sip.mjs';

const ANNA = { name: 'anna', password: 'one-horse' };
const BERT = { name: 'bert', password: 'two-horses' };
const TIMES = 3;

let server;
let red;
let web;
let phones = [];
const scenario = scenarios(() => ({ server, sides: [red], phones }));

before(async () => {
  [server, red, web] = await Promise.all([
    Callbox.start({ accounts: [ANNA, BERT] }),
    ChromiumSide.launch('red'),
    serveSip(),
  ]);
});

afterEach(async () => {
  await Promise.all([red.clear(), ...phones.splice(0).map((phone) => phone.stop())]);
});

after(async () => {
  await Promise.all([red?.close(), web?.close()]);
  await server?.stopWell();
});

async function telephone(make, side, options) {
  const phone = await make.register(side, server, options);
  phones.push(phone);
  return phone;
}

const baresip = (side, person, options) => telephone(Baresip, side, { ...person, ...options });
const linphone = (side, person, options) => telephone(Linphone, side, { ...person, ...options });

/** Somebody at our page, with the words of a telephone. */
async function atThePage(name) {
  const person = await PhonePerson.signIn(red, server.url, name);
  return {
    ...inBrowser(person),
    name,
    rung: () => person.is('incoming'),
    // Of a call without a picture there is one way to answer.
    answer: () => person.answer(),
    hold: () => person.hold(),
    resume: () => person.resume(),
    async keys(digits) {
      await person.openKeypad();
      for (const digit of digits) await person.key(digit);
      await person.openKeypad();
    },
    async ended() {
      await person.ended();
      await person.dismiss();
    },
  };
}

/** Somebody at a page with JsSIP, over WSS. */
async function atJsSip(name) {
  const person = await SipPerson.register(red, web, server, name, { secure: true });
  return {
    ...inBrowser(person),
    name,
    rung: (caller) => person.rung(caller.name),
    keys: (digits) => person.key(digits),
    ended: () => person.ended(),
  };
}

function inBrowser(person) {
  return {
    side: 'red',
    call: (callee) => person.call(callee, { video: false }),
    answer: () => person.answer({ video: false }),
    hangUp: () => person.hangUp(),
    talking: () => person.talking(),
    hears: (side) => hears(person.page, person.remote, side),
    hearsNothing: () => hearsNothing(person.page, person.remote),
    hearsKey: (key) => hearsKey(person.page, person.remote, key),
  };
}

const hearEachOther = (one, other) => Promise.all([one.hears(other.side), other.hears(one.side)]);

async function talk(caller, callee) {
  await caller.call(callee.name);
  await callee.rung(caller);
  await callee.answer();
  await Promise.all([caller.talking(), callee.talking()]);
  await hearEachOther(caller, callee);
}

async function hangUp(who, other) {
  await who.hangUp();
  await Promise.all([who.ended(), other.ended()]);
  await server.isEmpty();
}

/** Each calls the other, both hear each other, and each hangs up. */
async function callEachOther(one, other) {
  for (const [caller, callee] of [[one, other], [other, one]]) {
    await talk(caller, callee);
    await hangUp(callee, caller);
  }
}

/** `who` puts the other on hold and takes him back, again and again. */
async function holdAndResume(who, other) {
  for (let i = 0; i < TIMES; i += 1) {
    await who.hold();
    await Promise.all([who.hearsNothing(), other.hearsNothing()]);
    await who.resume();
    await hearEachOther(who, other);
  }
}

async function pressKeys(one, other) {
  // Several, for a browser does no more than play them.
  await one.keys('5555');
  await other.hearsKey('5');
  await other.keys('8888');
  await one.hearsKey('8');
}

/** A call in which both hold and press keys, and the caller hangs up. */
async function useAll(caller, callee) {
  await talk(caller, callee);
  for (const [who, other] of [[caller, callee], [callee, caller]]) {
    if (who.hold) await holdAndResume(who, other);
  }
  await pressKeys(caller, callee);
  await hangUp(caller, callee);
}

for (const transport of ['udp', 'tcp']) {
  scenario(`two baresip call each other over ${transport}`, async () => {
    const [anna, bert] = await Promise.all([
      baresip('blue', ANNA, { transport }), baresip('green', BERT, { transport }),
    ]);
    await callEachOther(anna, bert);
  });
}

scenario('baresip over TLS with SDES keys calls baresip over UDP, and is called back', async () => {
  const [anna, bert] = await Promise.all([
    baresip('blue', ANNA, { transport: 'tls', account: ['mediaenc=srtp-mand'], modules: ['srtp.so'] }), baresip('green', BERT),
  ]);
  await callEachOther(anna, bert);
});

for (const codec of ['PCMU', 'PCMA']) {
  scenario(`baresip and the page call each other with ${codec}`, async () => {
    const [anna, carl] = await Promise.all([
      baresip('blue', ANNA, { account: [`audio_codecs=${codec}`] }), atThePage('carl'),
    ]);
    await callEachOther(anna, carl);
  });
}

scenario('baresip and the page hold each other, and press keys', async () => {
  const [anna, carl] = await Promise.all([baresip('blue', ANNA), atThePage('carl')]);
  await useAll(carl, anna);
});

scenario('linphonec over TLS with SDES keys and the page call each other', async () => {
  const [anna, carl] = await Promise.all([linphone('blue', ANNA), atThePage('carl')]);
  await callEachOther(anna, carl);
  await useAll(anna, carl);
});

scenario('linphonec over UDP and the page call each other', async () => {
  const [anna, carl] = await Promise.all([linphone('blue', ANNA, { transport: 'udp' }), atThePage('carl')]);
  await callEachOther(anna, carl);
});

scenario('linphonec over TLS with SDES keys and baresip call each other', async () => {
  const [anna, bert] = await Promise.all([linphone('blue', ANNA), baresip('green', BERT)]);
  await callEachOther(anna, bert);
  await talk(bert, anna);
  await pressKeys(bert, anna);
  await hangUp(bert, anna);
});

scenario('JsSIP over WSS and baresip call each other', async () => {
  const [anna, jane] = await Promise.all([baresip('blue', ANNA), atJsSip('jane')]);
  await callEachOther(jane, anna);
  await useAll(jane, anna);
});

scenario('JsSIP over WSS and linphonec over TLS with SDES keys call each other', async () => {
  const [anna, judy] = await Promise.all([linphone('blue', ANNA), atJsSip('judy')]);
  await callEachOther(judy, anna);
  await useAll(judy, anna);
});
