// SIPp against the real binary: what telephones do over and over, message by message.

import { after, afterEach, before } from 'node:test';

import { scenarios } from './harness/scenario.mjs';
import { Callbox } from './harness/server.mjs';
import { Sipp } from './harness/sipp.mjs';
import { Script } from './harness/sipp-script.mjs';

const CALLERS = 5;
const CALLS_EACH = 12;
const PASSWORD = 'one horse';

let server;
let phones = [];
const scenario = scenarios(() => ({ server }));

before(async () => {
  server = await Callbox.start({
    accounts: [{ name: 'anna', password: PASSWORD }],
    config: {
      local_videochat: { call_waiting: true },
    },
  });
});

afterEach(() => {
  for (const phone of phones.splice(0)) phone.stop();
});

after(() => server?.stopWell());

const script = (options) => new Script(options);

async function phone(name, options) {
  const sipp = await Sipp.of(server, { name, password: PASSWORD, ...options });
  phones.push(sipp);
  return sipp;
}

/** Somebody new, for a telephone that has gone stays registered for a while. */
let serial = 0;
async function somebody() {
  serial += 1;
  const name = `bert${serial}`;
  await server.addAccount({ name, password: PASSWORD });
  return name;
}

/** Somebody is registered with a telephone for each of `callees`, and is called by Anna. */
async function call(caller, callees, { transport, ...options } = {}) {
  const anna = await phone('anna', { transport });
  const name = await somebody();
  const others = [];
  for (const callee of [callees].flat()) {
    const bert = await phone(name);
    await bert.play(script().registers());
    await bert.awaitCalls(callee, options);
    others.push(bert);
  }
  await anna.begin(caller, { callee: name, ...options });
  await Promise.all([anna, ...others].map((it) => it.done()));
  await server.isEmpty();
}

const picksUp = () => script().isCalled().rings().takesIt();

for (const transport of ['udp', 'tcp', 'tls']) {
  scenario(`a phone registers with its password over ${transport}, and goes again`, async () => {
    const anna = await phone('anna', { transport });
    await anna.play(script().registers().registers({ expires: 0 }));
  });

  scenario(`a wrong password lets nobody in over ${transport}`, async () => {
    const anna = await phone('anna', { transport, password: 'no horse' });
    await anna.play(script().registers({ refused: true }));
  });
}

for (const transport of ['udp', 'tcp', 'tls']) {
  const caller = () => script({ secure: transport === 'tls' });

  scenario(`a caller over ${transport} hangs up`, () => call(
    caller().calls().hears(180).isTaken().hangsUp(),
    picksUp().isHungUpOn(),
    { transport },
  ));

  scenario(`who is called hangs up on a caller over ${transport}`, () => call(
    caller().calls().hears(180).isTaken().isHungUpOn(),
    picksUp().hangsUp(),
    { transport },
  ));
}

scenario('a caller gives up while it rings', () => call(
  script().calls().hears(180).givesUp(),
  script().isCalled().rings().isCancelled(),
));

scenario('who is called declines', () => call(
  script().calls().hears(180).isRefused(603),
  script().isCalled().rings().declines(),
));

scenario(`${CALLERS * CALLS_EACH} calls`, async () => {
  const bert = await phone(await somebody());
  await bert.play(script().registers());
  await bert.awaitCalls(picksUp().isHungUpOn(), { calls: CALLERS * CALLS_EACH });
  const callers = await Promise.all(Array.from({ length: CALLERS }, async () => phone(await somebody())));
  await Promise.all(callers.map((caller) => caller.play(
    script().calls().hears(180).isTaken().hangsUp(),
    { callee: bert.name, calls: CALLS_EACH, rate: CALLS_EACH },
  )));
  await bert.done();
  await server.isEmpty();
});

// --- several telephones of one person ---------------------------------------------------------

const ELSEWHERE = { header: 'Reason', pattern: 'SIP *;cause=200 *;text="Call completed elsewhere"' };

scenario('all telephones of a person ring; one answers, and the other is told that it did', () => call(
  script().calls().hears(180).isTaken().hangsUp(),
  [picksUp().isHungUpOn(), script().isCalled().rings().isCancelled(ELSEWHERE)],
));

scenario('a caller gives up while two telephones ring', () => call(
  script().calls().hears(180).givesUp(),
  [script().isCalled().rings().isCancelled(), script().isCalled().rings().isCancelled()],
));

scenario('one telephone of a person declines for all', () => call(
  script().calls().hears(180).isRefused(603),
  [script().isCalled().rings().declines(), script().isCalled().rings().isCancelled()],
));

scenario('one telephone of a person is busy, and the other is answered', () => call(
  script().calls().hears(180).isTaken().hangsUp(),
  [script().isCalled().declines(486), picksUp().isHungUpOn()],
));

// --- before the answer ------------------------------------------------------------------------

const RELIABLE = { headers: ['Supported: 100rel'] };

scenario('a caller hears early media', () => call(
  script().calls().hearsEarlyMedia().isTaken().hangsUp(),
  script().isCalled().progresses().takesIt().isHungUpOn(),
));

scenario('a caller that knows 100rel acknowledges early media', () => call(
  script().calls(RELIABLE).hearsEarlyMediaReliably().isTakenAfterEarlyMedia().hangsUp(),
  script().isCalled().progresses().takesIt().isHungUpOn(),
));

scenario('early media of who is called reliably is acknowledged', () => call(
  script().calls().hearsEarlyMedia().isTaken().hangsUp(),
  script().isCalled({ has: { header: 'Supported', pattern: '100rel' } }).progressesReliably().takesIt({ says: null }).isHungUpOn(),
));

scenario('early media goes reliably all the way', () => call(
  script().calls(RELIABLE).hearsEarlyMediaReliably().isTakenAfterEarlyMedia().hangsUp(),
  script().isCalled().progressesReliably().takesIt({ says: null }).isHungUpOn(),
));

// --- in a call --------------------------------------------------------------------------------

scenario('the caller holds and resumes three times', () => {
  const caller = script().calls().hears(180).isTaken();
  for (let i = 0; i < 3; i += 1) caller.offersAnew('sendonly', 'recvonly').offersAnew('sendrecv', 'sendrecv');
  return call(caller.hangsUp(), picksUp().takesOffersUntilHungUpOn());
});

scenario('who is called holds and resumes three times, with nothing flowing at all', () => {
  const callee = picksUp();
  for (let i = 0; i < 3; i += 1) callee.offersAnew('inactive', 'inactive').offersAnew('sendrecv', 'sendrecv');
  return call(script().calls().hears(180).isTaken().takesOffersUntilHungUpOn(), callee.hangsUp());
});

scenario('a re-INVITE without an offer is answered with one', () => call(
  script().calls().hears(180).isTaken().asksForAnOffer().hangsUp(),
  picksUp().isHungUpOn(),
));

scenario('an INVITE without an offer: both are offered something', () => call(
  script().calls({ offers: null }).hears(180).isTaken({ answers: 'sendrecv' }).hangsUp(),
  script().isCalled({ body: 'm=audio [1-9]' }).rings().takesIt().isHungUpOn(),
));

// --- session timers (RFC 4028) ----------------------------------------------------------------

const TIMER = ['Supported: timer'];
const EXPIRES = { header: 'Session-Expires', pattern: '90 *;refresher=uac' };

scenario('a session is kept for as long as the caller wants, and he refreshes it', () => {
  const wanted = [...TIMER, 'Session-Expires: 90;refresher=uac'];
  return call(
    script().calls({ headers: wanted }).hears(180).isTaken({ has: EXPIRES }).refreshes(wanted, EXPIRES).hangsUp(),
    picksUp().isHungUpOn(),
  );
});

scenario('a session that would be over too soon is refused, and begins when the caller asks for more', () => call(
  script().calls({ headers: [...TIMER, 'Session-Expires: 30'] })
    .isRefused(422, { header: 'Min-SE', pattern: '90' })
    .callsAgain({ headers: [...TIMER, 'Min-SE: 90', 'Session-Expires: 90;refresher=uac'] })
    .hears(180).isTaken({ has: EXPIRES }).hangsUp(),
  picksUp().isHungUpOn(),
));

scenario('who is called wants a session kept for longer, and gets it', () => call(
  script().calls().hears(180).isTaken().hangsUp(),
  script().isCalled().declines(422, ['Min-SE: 3600'])
    .isCalled({ has: { header: 'Session-Expires', pattern: '3600' } }).rings().takesIt().isHungUpOn(),
));
