// What telephones hear that nobody says: the ringing tone while it rings, and why their call does not
// come about, each as early media.

import path from 'node:path';
import { after, afterEach, before } from 'node:test';

import { Baresip } from './harness/baresip.mjs';
import { Linphone } from './harness/linphone.mjs';
import { hangUp, hearEachOther } from './harness/people.mjs';
import { scratch } from './harness/paths.mjs';
import { scenarios } from './harness/scenario.mjs';
import { Callbox } from './harness/server.mjs';
import { SIDES } from './harness/sides.mjs';
import { writeTone } from './harness/sound.mjs';

const ANNA = { name: 'anna', password: 'one-horse' };
const BERT = { name: 'bert', password: 'two-horses' };

let server;
let phones = [];
const scenario = scenarios(() => ({ server, phones }));

before(async () => {
  const sentence = path.join(scratch('sentence'), 'not-known.wav');
  server = await Callbox.start({
    accounts: [ANNA, BERT],
    config: {
      media: { ringback: 'eu' },
      announcements: { not_known: writeTone(sentence, SIDES.announcement.tone, { seconds: 4 }) },
    },
  });
});

afterEach(() => Promise.all(phones.splice(0).map((phone) => phone.stop())));

after(() => server?.stopWell());

async function telephone(make, side, options) {
  const phone = await make.register(side, server, options);
  phones.push(phone);
  return phone;
}

for (const [what, caller] of [
  ['baresip', () => telephone(Baresip, 'blue', ANNA)],
  ['linphonec', () => telephone(Linphone, 'blue', { ...ANNA, transport: 'udp' })],
]) {
  scenario(`${what} hears the ringing tone until the other answers`, async () => {
    const [anna, bert] = await Promise.all([caller(), telephone(Baresip, 'green', BERT)]);
    await anna.call('bert');
    await bert.rung();
    await anna.hears('ringing');
    await bert.answer();
    await Promise.all([anna.talking(), bert.talking()]);
    await hearEachOther(anna, bert);
    await hangUp(server, bert, anna);
  });

  scenario(`${what} hears that nobody of that name is known, and then is refused`, async () => {
    const anna = await caller();
    await anna.call('nobody');
    await anna.hears('announcement');
    await anna.refused();
    await server.isEmpty();
  });
}
