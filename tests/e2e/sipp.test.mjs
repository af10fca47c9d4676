// SIPp against the real binary: what telephones do over and over, message by message.

import { after, afterEach, before } from 'node:test';

import { scenarios } from './harness/scenario.mjs';
import { Callbox } from './harness/server.mjs';
import { Sipp } from './harness/sipp.mjs';

const MANY = 50;
const ANNA = { name: 'anna', password: 'one horse' };
const BERT = { name: 'bert', password: 'two horses' };

let server;
let phones = [];
const scenario = scenarios(() => ({ server }));

before(async () => {
  server = await Callbox.start({
    accounts: [ANNA, BERT],
    config: {
      local_videochat: { call_waiting: true },
      limits: { calls_per_user: 2 * MANY },
    },
  });
});

afterEach(() => {
  for (const phone of phones.splice(0)) phone.stop();
});

after(() => server?.stopWell());

async function phone(person, options) {
  const sipp = await Sipp.of(server, { ...person, ...options });
  phones.push(sipp);
  return sipp;
}

/** Bert is registered, and plays `callee`, while Anna plays `caller`. */
async function call(caller, callee, { transport, ...options } = {}) {
  const [anna, bert] = [await phone(ANNA, { transport }), await phone(BERT)];
  await bert.play('register');
  await bert.awaitCalls(callee, options);
  await anna.begin(caller, { callee: 'bert', ...options });
  await Promise.all([anna.done(), bert.done()]);
  await server.isEmpty();
}

for (const transport of ['udp', 'tcp']) {
  scenario(`a phone registers with its password over ${transport}, and goes again`, async () => {
    const anna = await phone(ANNA, { transport });
    await anna.play('unregister');
  });

  scenario(`a wrong password lets nobody in over ${transport}`, async () => {
    const anna = await phone({ ...ANNA, password: 'no horse' }, { transport });
    await anna.play('wrong-password');
  });

  scenario(`a caller over ${transport} hangs up`, () => call('caller', 'callee', { transport }));

  scenario(`who is called hangs up on a caller over ${transport}`, () => call('caller-hung-up', 'callee-hangs-up', { transport }));
}

scenario('a caller gives up while it rings', () => call('caller-cancels', 'callee-cancelled'));

scenario('who is called declines', () => call('caller-declined', 'callee-declines'));

scenario(`${MANY} calls`, () => call('caller', 'callee', { calls: MANY, rate: 25 }));
