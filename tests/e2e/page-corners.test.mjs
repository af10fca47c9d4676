// What our page does when things are not as they should be, and without a mouse: devices that
// cannot be had, two windows in one room, no encryption, keys alone.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before } from 'node:test';

import { ChromiumSide } from './harness/chromium.mjs';
import { PhonePerson, establish } from './harness/phone.mjs';
import { scratch } from './harness/paths.mjs';
import { hearAndSeeEachOther, hears, hearsNothing, sees } from './harness/proof.mjs';
import { scenarios } from './harness/scenario.mjs';
import { Callbox } from './harness/server.mjs';
import { until } from './harness/wait.mjs';

/** A name that the browser takes for a machine elsewhere. */
const ELSEWHERE = 'calls.example';
/** Where the server writes records of calls. */
const RECORDS = path.join(scratch('records'), 'calls.jsonl');

let server;
let red;
let blue;
let people = {};
const scenario = scenarios(() => ({
  server,
  pages: Object.fromEntries(Object.entries(people).map(([name, { page }]) => [name, page])),
}));

before(async () => {
  [server, red, blue] = await Promise.all([
    Callbox.start({ config: { http: { allowed_hosts: [ELSEWHERE] }, cdr: { file: RECORDS } } }),
    ChromiumSide.launch('red', { flags: [`--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1`] }),
    ChromiumSide.launch('blue'),
  ]);
});

afterEach(async () => {
  people = {};
  await Promise.all([red.clear(), blue.clear()]);
});

after(async () => {
  await Promise.all([red?.close(), blue?.close()]);
  await server?.stopWell();
});

async function person(name, side) {
  people[name] = await PhonePerson.signIn(side, server.url, name);
  return people[name];
}

/** Run in a page: keeps its connections, so that their sound can be stopped. */
function keepConnections() {
  const connections = [];
  window.RTCPeerConnection = new Proxy(window.RTCPeerConnection, {
    construct(target, args) {
      const connection = new target(...args);
      connections.push(connection);
      return connection;
    },
  });
  window.stopSound = () => Promise.all(connections
    .flatMap((connection) => connection.getSenders())
    .filter(({ track }) => track?.kind === 'audio')
    .map((sender) => sender.replaceTrack(null)));
}

/** The side, with `script` run in each of its pages before the page's own. */
function scripted(side, script, argument) {
  return {
    side: side.side,
    async newPage() {
      const page = await side.newPage();
      await page.addInitScript(script, argument);
      return page;
    },
  };
}

/** Another window of the same browser: storage is shared. */
async function windowBeside({ page: first }) {
  const page = await first.context().newPage();
  page.said = [];
  page.on('console', (message) => page.said.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => page.said.push(`uncaught: ${error.stack ?? error}`));
  return page;
}

/** Runs in the page: `window.__refused` maps a kind of device to the error that it gives. */
function refuseDevices(refused) {
  window.__refused = refused;
  const { mediaDevices } = navigator;
  const native = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (wanted) => {
    const fault = ['audio', 'video'].filter((kind) => wanted[kind]).map((kind) => window.__refused[kind]).find(Boolean);
    if (fault) throw new DOMException('refused by the test', fault);
    return native(wanted);
  };
}

scenario('a camera in use elsewhere: the call stands, the page says why, and the camera can come later', async () => {
  const alice = await person('alice', scripted(red, refuseDevices, { video: 'NotReadableError' }));
  const bob = await person('bob', blue);
  await establish(alice, bob);
  await Promise.all([
    hears(alice.page, alice.remote, 'blue'),
    sees(alice.page, alice.remote, 'blue'),
    hears(bob.page, bob.remote, 'red'),
  ]);
  assert.match(await alice.text('note-camera-busy'), /in use by another window/);
  await alice.page.evaluate(() => { window.__refused = {}; });
  await alice.click('note-camera-busy-retry');
  await sees(bob.page, bob.remote, 'red');
  assert.equal(await alice.visible('note-camera-busy'), false);
});

scenario('microphone and camera forbidden: the far side is heard and seen, the page says what to do', async () => {
  const refused = { audio: 'NotAllowedError', video: 'NotAllowedError' };
  const alice = await person('alice', scripted(red, refuseDevices, refused));
  const bob = await person('bob', blue);
  await establish(bob, alice);
  await Promise.all([hears(alice.page, alice.remote, 'blue'), sees(alice.page, alice.remote, 'blue')]);
  assert.match(await alice.text('note-microphone-denied'), /Allow it/);
  assert.match(await alice.text('note-camera-denied'), /Allow it/);
  await bob.hangUp();
  await alice.ended();
});

scenario('two windows of one browser do not howl: the one that calls goes quiet, until its person wants otherwise', async () => {
  const alice = await person('alice', red);
  const second = { side: 'red', newPage: () => windowBeside(alice) };
  const bob = await person('bob', second);
  await establish(alice, bob);
  await Promise.all([sees(alice.page, alice.remote, 'red'), sees(bob.page, bob.remote, 'red')]);
  await until('alice is told', () => alice.visible('note-same-room'));
  await until('bob is told', () => bob.visible('note-same-room'));
  await Promise.all([hearsNothing(alice.page, alice.remote), hearsNothing(bob.page, bob.remote)]);
  await alice.click('note-same-room-undo');
  await Promise.all([hears(alice.page, alice.remote, 'red'), hears(bob.page, bob.remote, 'red')]);
});

scenario('a copy of a tab proposes a name of its own and leaves the first one its session', async () => {
  const alice = await person('alice', red);
  const kept = await alice.page.evaluate(() => JSON.stringify(sessionStorage));
  const copied = (text) => {
    if (sessionStorage.length > 0) return;
    for (const [key, value] of Object.entries(JSON.parse(text))) sessionStorage.setItem(key, value);
  };
  const page = await windowBeside(alice);
  await page.addInitScript(copied, kept);
  people.copy = await PhonePerson.open({ side: 'red', newPage: () => page }, server.url);
  await until('another name is proposed', async () => {
    const name = await people.copy.value('name');
    return name && name !== 'alice';
  });
  await people.copy.click('signin');
  await people.copy.idle();
  assert.equal(await alice.state(), 'idle');
  await people.copy.present('alice');
});

scenario('a name that is proposed in place of a marked one is marked too: what is typed takes its place', async () => {
  const alice = await person('alice', red);
  const markAtOnce = () => {
    const mark = () => {
      const name = document.querySelector('[data-testid="name"]');
      if (!name?.value) return requestAnimationFrame(mark);
      name.focus();
      return name.select();
    };
    requestAnimationFrame(mark);
  };
  const page = await windowBeside(alice);
  await page.addInitScript(markAtOnce);
  people.second = await PhonePerson.open({ side: 'red', newPage: () => page }, server.url);
  await until('another name is proposed', async () => {
    const name = await people.second.value('name');
    return name && name !== 'alice';
  });
  await page.keyboard.type('bob');
  assert.equal(await people.second.value('name'), 'bob');
});

scenario('keys alone: dial, answer, mute, keypad, hold, hang up with care', async () => {
  const [alice, bob] = await Promise.all([person('alice', red), person('bob', blue)]);
  const press = (one, key) => one.page.keyboard.press(key);
  await alice.page.keyboard.type('bob');
  await press(alice, 'Enter');
  await bob.rung('alice');
  // Enter counts only once the person has had time to see that it rings.
  await until('bob answers', async () => {
    await press(bob, 'Enter');
    return (await bob.state()) === 'in-call';
  });
  await alice.talking();
  await hearAndSeeEachOther(alice, bob);
  await press(alice, 'm');
  await hearsNothing(bob.page, bob.remote);
  await press(alice, 'm');
  await press(alice, 'k');
  await until('the keypad is open', () => alice.visible('keypad-panel'));
  await alice.page.keyboard.type('42#');
  assert.equal(await alice.text('keypad-digits'), '42#');
  await press(alice, 'Escape');
  await until('the keypad is closed', async () => !(await alice.visible('keypad-panel')));
  await press(alice, 'h');
  await alice.is('held');
  await press(alice, 'h');
  await alice.talking();
  await press(alice, 'Escape');
  assert.equal(await alice.state(), 'in-call', 'one Escape alone hangs nothing up');
  await press(alice, 'Escape');
  await Promise.all([alice.ended(), bob.ended()]);
});

scenario('without encryption from another machine: the page says so and leads to the encrypted one', async () => {
  const page = await red.newPage();
  await page.goto(`http://${ELSEWHERE}:${server.http}/`);
  people.visitor = new PhonePerson(page, 'red');
  await until('the page says so', () => people.visitor.visible('insecure-note'));
  const link = await page.evaluate(() => document.querySelector('[data-testid="secure-link"]').href);
  assert.equal(link, `https://${ELSEWHERE}:${server.https}/`);
});

scenario('a whole call breaks no policy, throws nothing and asks no other host for anything', async () => {
  const [alice, bob] = await Promise.all([person('alice', red), person('bob', blue)]);
  const asked = new Set();
  for (const { page } of [alice, bob]) page.on('request', (request) => asked.add(new URL(request.url()).host));
  await alice.page.addInitScript(keepConnections);
  await alice.reload();
  await alice.idle();
  await establish(alice, bob);
  await hearAndSeeEachOther(alice, bob);
  await alice.click('call-settings');
  await until('the level of the microphone moves', () => alice.page.evaluate(() => Number(document.querySelector('[data-testid="settings-level"]').ariaValueNow) > 0));
  await alice.click('settings-close');
  await until('the quality is told in words', async () => /excellent|good|fair|poor/i.test(await alice.text('quality-words')));
  await until('the API tells how good both directions sound', async () => {
    const [{ legs, one_way }] = await (await fetch(`${server.url}api/v1/calls`)).json();
    const sounds = legs.flatMap(({ quality }) => quality?.streams.filter(({ kind }) => kind === 'audio') ?? []);
    const directions = sounds.flatMap(({ sent, received }) => [sent, received]);
    return one_way === null && directions.length === 4
      && directions.every(({ codec, mos }) => codec === 'opus' && mos > 3.5 && mos <= 4.5);
  });
  // The page goes on as if nothing was wrong; nothing of the microphone is sent any more.
  await alice.page.evaluate(() => window.stopSound());
  await until('bob is told that alice is not heard', async () => (await bob.visible('note-one-way')) && /You do not hear alice: /.test(await bob.text('note-one-way')));
  await until('and so is alice', async () => (await alice.visible('note-one-way')) && /bob does not hear you: /.test(await alice.text('note-one-way')));
  await until('no call is called good then', async () => /^Poor: one of you is not heard$/.test(await bob.text('quality-words')));
  await until('and the operator', () => /WARN.*one-way audio: bob does not hear alice: /.test(server.said));
  const metrics = await (await fetch(`${server.url}metrics`)).text();
  assert.match(metrics, /^callbox_one_way_audio_total\{cause="[a-z_]+"\} 1$/m);
  await alice.hangUp();
  await Promise.all([alice.ended(), bob.ended()]);
  const record = await until('the record of the call is written', () => {
    const lines = readFileSync(RECORDS, 'utf8').split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line)).findLast(({ call }) => call.legs.some(({ heard }) => heard?.one_way_times));
  });
  assert.equal(record.end.code, 'caller_hung_up');
  assert.deepEqual(record.call.legs.map(({ user, heard }) => [user, heard.codec, heard.one_way_times]), [['alice@localhost', 'opus', 0], ['bob@localhost', 'opus', 1]]);
  assert.deepEqual([...asked], [new URL(server.url).host]);
  for (const one of [alice, bob]) {
    assert.deepEqual(one.page.said.filter((line) => /^(error|warning|uncaught)/.test(line)), []);
  }
});

scenario('names, numbers and faults are put in words that people use', async () => {
  const { page } = await person('alice', red);
  const said = await page.evaluate(async () => {
    const { dialled, loginOf } = await import('/phone/names.js');
    const { judge } = await import('/phone/quality.js');
    const { duration } = await import('/shared/format.js');
    const users = [{ name: 'zoe', display_name: 'Zoë Brown' }];
    const context = { roundTripMs: 20, server: null, silent: false, name: 'bob' };
    const flow = { codec: 'opus', loss: 0, jitterMs: 3, kbps: 30, width: 0, height: 0, fps: 0, packets: 100 };
    return {
      logins: ['Zoë  Brown', ' O’Neil, Jr. ', '---'].map(loginOf),
      dialled: ['zoë brown', 'Zoe', 'sip:a@b.example', '+44 (20) 1234', 'New Person'].map((text) => dialled(text, users).name),
      quality: [
        judge({ audioIn: flow }, context).words,
        judge({ audioIn: { ...flow, loss: 0.04 } }, context).words,
        judge({ audioOut: { ...flow, loss: 0.2 } }, context).words,
        judge({ audioIn: flow }, { ...context, roundTripMs: 400 }).words,
        judge({}, { ...context, silent: true }).words,
      ],
      durations: [1_000, 59_000, 60_000, 3_720_000].map(duration),
    };
  });
  assert.deepEqual(said, {
    logins: ['zoe-brown', 'o-neil-jr', ''],
    dialled: ['zoe', 'zoe', 'sip:a@b.example', '+44201234', 'new-person'],
    quality: [
      'Excellent',
      'Fair: 4\u202f% of bob’s packets get lost on the way to you',
      'Poor: 20\u202f% of your packets get lost on the way to bob',
      'Fair: sound takes 0.4 s to the server and back',
      'Interrupted: nothing arrives from bob',
    ],
    durations: ['1 second', '59 seconds', '1 minute', '1 hour 2 minutes'],
  });
});
