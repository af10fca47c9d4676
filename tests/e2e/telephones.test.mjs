// Telephones of other makes against the real binary: baresip and linphonec call each other, our
// page and JsSIP, and each proves by the other's tone that it hears it.

import { after, afterEach, before } from 'node:test';

import { Baresip } from './harness/baresip.mjs';
import { ChromiumSide } from './harness/chromium.mjs';
import { Linphone } from './harness/linphone.mjs';
import { atJsSip, atThePage, callEachOther, useAll } from './harness/people.mjs';
import { scenarios } from './harness/scenario.mjs';
import { Callbox } from './harness/server.mjs';
import { serveSip } from './harness/sip.mjs';

const ANNA = { name: 'anna', password: 'one-horse' };
const BERT = { name: 'bert', password: 'two-horses' };

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

for (const transport of ['udp', 'tcp']) {
  scenario(`two baresip call each other over ${transport}`, async () => {
    const [anna, bert] = await Promise.all([
      baresip('blue', ANNA, { transport }), baresip('green', BERT, { transport }),
    ]);
    await callEachOther(server, anna, bert);
  });
}

scenario('baresip over TLS with SDES keys calls baresip over UDP, and is called back', async () => {
  const [anna, bert] = await Promise.all([
    baresip('blue', ANNA, { transport: 'tls', account: ['mediaenc=srtp-mand'], modules: ['srtp.so'] }), baresip('green', BERT),
  ]);
  await callEachOther(server, anna, bert);
});

for (const codec of ['PCMU', 'PCMA']) {
  scenario(`baresip and the page call each other with ${codec}`, async () => {
    const [anna, carl] = await Promise.all([
      baresip('blue', ANNA, { account: [`audio_codecs=${codec}`] }), atThePage(red, server, 'carl'),
    ]);
    await callEachOther(server, anna, carl);
  });
}

scenario('baresip and the page hold each other, and press keys', async () => {
  const [anna, carl] = await Promise.all([baresip('blue', ANNA), atThePage(red, server, 'carl')]);
  await useAll(server, carl, anna);
});

scenario('linphonec over TLS with SDES keys and the page call each other', async () => {
  const [anna, carl] = await Promise.all([linphone('blue', ANNA), atThePage(red, server, 'carl')]);
  await callEachOther(server, anna, carl);
  await useAll(server, anna, carl);
});

scenario('linphonec over UDP and the page call each other', async () => {
  const [anna, carl] = await Promise.all([linphone('blue', ANNA, { transport: 'udp' }), atThePage(red, server, 'carl')]);
  await callEachOther(server, anna, carl);
});

scenario('linphonec over TLS with SDES keys and baresip call each other', async () => {
  const [anna, bert] = await Promise.all([linphone('blue', ANNA), baresip('green', BERT)]);
  await callEachOther(server, anna, bert);
  await useAll(server, bert, anna);
});

scenario('JsSIP over WSS and baresip call each other', async () => {
  const [anna, jane] = await Promise.all([baresip('blue', ANNA), atJsSip(red, web, server, 'jane')]);
  await callEachOther(server, jane, anna);
  await useAll(server, jane, anna);
});

scenario('JsSIP over WSS and linphonec over TLS with SDES keys call each other', async () => {
  const [anna, judy] = await Promise.all([linphone('blue', ANNA), atJsSip(red, web, server, 'judy')]);
  await callEachOther(server, judy, anna);
  await useAll(server, judy, anna);
});
