// Real telephones against the real binary: baresip and linphonec call each other and the page, and
// each proves by the other's tone that it hears him.

import { after, afterEach, before } from 'node:test';

import { Baresip } from './harness/baresip.mjs';
import { ChromiumSide } from './harness/chromium.mjs';
import { Linphone } from './harness/linphone.mjs';
import { PhonePerson } from './harness/phone.mjs';
import { hears } from './harness/proof.mjs';
import { scenarios } from './harness/scenario.mjs';
import { Callbox } from './harness/server.mjs';

const ANNA = { name: 'anna', password: 'one horse' };
const BERT = { name: 'bert', password: 'two horses' };

let server;
let red;
let phones = [];
const scenario = scenarios(() => ({ server, sides: [red], phones }));

before(async () => {
  [server, red] = await Promise.all([
    Callbox.start({ accounts: [ANNA, BERT] }),
    ChromiumSide.launch('red'),
  ]);
});

afterEach(async () => {
  await Promise.all([red.clear(), ...phones.splice(0).map((phone) => phone.stop())]);
});

after(async () => {
  await red?.close();
  await server?.stopWell();
});

async function telephone(make, side, options) {
  const phone = await make.register(side, server, options);
  phones.push(phone);
  return phone;
}

const baresip = (side, person, options) => telephone(Baresip, side, { ...person, ...options });
const linphone = (side, person) => telephone(Linphone, side, person);

/** Somebody at the page, with the words of a telephone. */
async function atThePage(name) {
  const person = await PhonePerson.signIn(red, server.url, name);
  return {
    name,
    side: 'red',
    call: (callee) => person.call(callee, { video: false }),
    rung: () => person.is('incoming'),
    answer: () => person.answer({ video: false }),
    hangUp: () => person.hangUp(),
    talking: () => person.talking(),
    ended: () => person.ended(),
    hears: (side, deadlineMs) => hears(person.page, person.remote, side, deadlineMs),
  };
}

async function talk(caller, callee) {
  await caller.call(callee.name);
  await callee.rung();
  await callee.answer();
  await Promise.all([caller.talking(), callee.talking()]);
  await Promise.all([caller.hears(callee.side), callee.hears(caller.side)]);
}

/** Each calls the other and both hear each other, and each hangs up once. */
async function talkBothWays(one, other) {
  for (const [caller, callee] of [[one, other], [other, one]]) {
    await talk(caller, callee);
    await callee.hangUp();
    await Promise.all([caller.ended(), callee.ended()]);
    await server.isEmpty();
  }
}

for (const transport of ['udp', 'tcp']) {
  scenario(`two baresip call each other over ${transport}`, async () => {
    const [anna, bert] = await Promise.all([
      baresip('blue', ANNA, { transport }), baresip('green', BERT, { transport }),
    ]);
    await talkBothWays(anna, bert);
  });
}

for (const codec of ['PCMU', 'PCMA']) {
  scenario(`baresip and the page call each other with ${codec}`, async () => {
    const [anna, carl] = await Promise.all([
      baresip('blue', ANNA, { account: [`audio_codecs=${codec}`] }), atThePage('carl'),
    ]);
    await talkBothWays(anna, carl);
  });
}

scenario('linphonec over TLS with SDES keys and the page call each other', async () => {
  const [anna, carl] = await Promise.all([linphone('blue', ANNA), atThePage('carl')]);
  await talkBothWays(anna, carl);
});

scenario('linphonec over TLS with SDES keys and baresip call each other', async () => {
  const [anna, bert] = await Promise.all([linphone('blue', ANNA), baresip('green', BERT)]);
  await talkBothWays(anna, bert);
});
