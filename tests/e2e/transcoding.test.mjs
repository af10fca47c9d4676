// Calls whose sides have no codec in common. The browser is one that knows Opus, or PCMU, and
// nothing else; each telephone knows one codec. Each proves by the other's tone that it hears it. Who is
// held hears the server's music, in his own codec.

import path from 'node:path';
import { after, afterEach, before } from 'node:test';

import { Baresip } from './harness/baresip.mjs';
import { ChromiumSide } from './harness/chromium.mjs';
import { Linphone } from './harness/linphone.mjs';
import { atThePage, callEachOther, hangUp, pressKeys, talk, useAll } from './harness/people.mjs';
import { scratch } from './harness/paths.mjs';
import { scenarios } from './harness/scenario.mjs';
import { Callbox } from './harness/server.mjs';
import { SIDES } from './harness/sides.mjs';
import { writeTone } from './harness/sound.mjs';

const ANNA = { name: 'anna', password: 'one-horse' };
const BERT = { name: 'bert', password: 'two-horses' };

const ONLY_OPUS = { onlyCodec: { audio: 'audio/opus' } };
const MUSIC = { music: true };
const ONLY_PCMU = { onlyCodec: { audio: 'audio/PCMU' } };

let server;
let red;
let green;
let phones = [];
const scenario = scenarios(() => ({ server, sides: [red, green], phones }));

before(async () => {
  const music = writeTone(path.join(scratch('music'), 'music.wav'), SIDES.music.tone);
  [server, red, green] = await Promise.all([
    Callbox.start({ accounts: [ANNA, BERT], config: { media: { music_on_hold: music } } }),
    ChromiumSide.launch('red'),
    ChromiumSide.launch('green'),
  ]);
});

afterEach(async () => {
  await Promise.all([red.clear(), green.clear(), ...phones.splice(0).map((phone) => phone.stop())]);
});

after(async () => {
  await Promise.all([red?.close(), green?.close()]);
  await server?.stopWell();
});

async function telephone(make, side, options) {
  const phone = await make.register(side, server, options);
  phones.push(phone);
  return phone;
}

/** A baresip that knows one codec. */
const baresip = (person, codec, modules = []) => telephone(Baresip, 'blue', {
  ...person, account: [`audio_codecs=${codec}`], modules,
});

/** A linphonec that knows one codec. */
const linphone = (side, person, codec) => telephone(Linphone, side, { ...person, transport: 'udp', codec });

for (const [codec, modules] of [['PCMU'], ['PCMA'], ['G722', ['g722.so']]]) {
  scenario(`a browser with Opus alone and baresip with ${codec} alone call each other`, async () => {
    const [anna, carl] = await Promise.all([
      baresip(ANNA, codec, modules), atThePage(red, server, 'carl', ONLY_OPUS),
    ]);
    await callEachOther(server, anna, carl);
    // Hold takes long with baresip, and asks for no codec: once is enough.
    if (codec === 'PCMU') return useAll(server, carl, anna, MUSIC);
    await talk(carl, anna);
    await pressKeys(carl, anna);
    return hangUp(server, carl, anna);
  });
}

for (const codec of ['speex/8000', 'speex/16000', 'G729/8000']) {
  scenario(`a browser with Opus alone and linphonec with ${codec} alone call each other`, async () => {
    const [anna, carl] = await Promise.all([
      linphone('blue', ANNA, codec), atThePage(red, server, 'carl', ONLY_OPUS),
    ]);
    await callEachOther(server, anna, carl);
    await useAll(server, carl, anna, MUSIC);
  });
}

scenario('a browser with PCMU alone and one with Opus alone call each other', async () => {
  const [carl, dora] = await Promise.all([
    atThePage(red, server, 'carl', ONLY_PCMU), atThePage(green, server, 'dora', ONLY_OPUS),
  ]);
  await callEachOther(server, carl, dora);
  await useAll(server, dora, carl, MUSIC);
});

scenario('baresip with PCMA alone and linphonec with G.729 alone call each other', async () => {
  const [anna, bert] = await Promise.all([baresip(ANNA, 'PCMA'), linphone('green', BERT, 'G729/8000')]);
  await callEachOther(server, anna, bert);
  await talk(bert, anna);
  await pressKeys(bert, anna);
  await hangUp(server, bert, anna);
});
