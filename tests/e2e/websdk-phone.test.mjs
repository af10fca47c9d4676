// The stock example pages of the Web SDK, served by a web server of their own and driven
// through their own buttons.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe } from 'node:test';

import { ChromiumSide } from './harness/chromium.mjs';
import {
  hearAndSeeEachOther, hears, hearsKey, hearsNothing,
} from './harness/proof.mjs';
import { scenarios } from './harness/scenario.mjs';
import { SDK_VERSIONS, serveSdk } from './harness/sdk.mjs';
import { Callbox } from './harness/server.mjs';
import { until } from './harness/wait.mjs';

let server;
let red;
let blue;
let web;
const scenario = scenarios(() => ({ server, sides: [red, blue] }), { foreign: true });

before(async () => {
  // What the pages say of themselves: they know no BUSY.
  [server, red, blue] = await Promise.all([
    Callbox.start({ config: { wcs: { busy_status: 'FAILED' } } }),
    ChromiumSide.launch('red'),
    ChromiumSide.launch('blue'),
  ]);
});

afterEach(async () => {
  await Promise.all([red.clear(), blue.clear()]);
  await web?.close();
  web = undefined;
});

after(async () => {
  await Promise.all([red?.close(), blue?.close()]);
  await server?.stopWell();
});

async function open(side, example) {
  const page = await side.newPage();
  await page.addInitScript((ws) => { window.SERVER_PORTS = { ws, legacy: {}, hls: {} }; }, server.http);
  await page.goto(`http://localhost:${web.port}/sdk/examples/demo/sip/${example}`);
  return page;
}

/** Somebody at the pages "Phone Min" and "Phone Video", which share their controls. */
class StockPhone {
  constructor(page, name, side, remote) {
    Object.assign(this, { page, name, side: side.side, remote });
  }

  /** The page fills in an address of its own last of all, even over what was typed. */
  async loaded() {
    await this.page.waitForFunction(() => document.querySelector('#urlServer')?.value);
  }

  async connect() {
    const { page, name } = this;
    await this.loaded();
    await page.waitForSelector('#connectBtn:enabled');
    for (const [field, value] of Object.entries({
      urlServer: server.wsUrl,
      sipLogin: name,
      sipAuthenticationName: name,
      sipPassword: 'any',
      sipDomain: 'localhost',
      sipOutboundProxy: 'localhost',
      sipPort: '5060',
    })) await page.fill(`#${field}`, value);
    await page.click('#connectBtn');
    await this.shows('#regStatus', 'REGISTERED');
  }

  async dial(callee) {
    await this.page.fill('#callee', callee);
    await this.page.click('#callBtn');
  }

  async answer(caller) {
    await this.shows('#incomingCallAlert', `You have a new call from ${caller}`);
    await this.page.click('#answerBtn');
  }

  /** Hold and Unhold are one button, which waits for the server. */
  async toggleHold(next) {
    await this.page.click('#holdBtn');
    await until(`the button is ${next} again`, () => this.page.$eval(
      '#holdBtn', (button, text) => button.textContent === text && !button.disabled, next,
    ));
  }

  shows(selector, text) {
    return until(`${this.name}'s page shows ${text}`, async () => {
      const shown = await this.page.textContent(selector);
      if (shown.trim() !== text) throw new Error(shown);
      return true;
    });
  }
}

function hearEachOther(a, b) {
  return Promise.all([hears(a.page, a.remote, b.side), hears(b.page, b.remote, a.side)]);
}

async function two(example, remote) {
  const serial = Math.random().toString(36).slice(2, 8);
  const phones = await Promise.all([['alice', red], ['bob', blue]].map(async ([name, side]) => {
    const page = await open(side, example);
    return new StockPhone(page, `${name}-${serial}`, side, remote);
  }));
  await Promise.all(phones.map((phone) => phone.connect()));
  return phones;
}

for (const version of Object.keys(SDK_VERSIONS)) {
  describe(`stock pages of ${version}`, () => {
    scenario(`Phone (${version}): call, hold, unhold, hang up by the caller; then the other way round`, async () => {
      web = await serveSdk(version);
      const [alice, bob] = await two('phone/phone.html', '#remoteDisplay video');
      for (const [caller, callee] of [[alice, bob], [bob, alice]]) {
        await caller.dial(callee.name);
        await callee.answer(caller.name);
        await Promise.all([caller.shows('#callStatus', 'ESTABLISHED'), callee.shows('#callStatus', 'ESTABLISHED')]);
        await hearEachOther(caller, callee);
        await caller.toggleHold('Unhold');
        await Promise.all([hearsNothing(caller.page, caller.remote), hearsNothing(callee.page, callee.remote)]);
        await caller.toggleHold('Hold');
        await hearEachOther(caller, callee);
        await caller.page.click('#callBtn');
        await Promise.all([caller.shows('#callStatus', 'FINISH'), callee.shows('#callStatus', 'FINISH')]);
      }
    });

    scenario(`Phone (${version}): the called one hangs up, and rejects the next call`, async () => {
      web = await serveSdk(version);
      const [alice, bob] = await two('phone/phone.html', '#remoteDisplay video');
      await alice.dial(bob.name);
      await bob.answer(alice.name);
      await Promise.all([alice.shows('#callStatus', 'ESTABLISHED'), bob.shows('#callStatus', 'ESTABLISHED')]);
      await hearEachOther(alice, bob);
      await bob.page.click('#hangupBtn');
      await Promise.all([alice.shows('#callStatus', 'FINISH'), bob.shows('#callStatus', 'FINISH')]);
      await alice.dial(bob.name);
      await bob.shows('#incomingCallAlert', `You have a new call from ${alice.name}`);
      await bob.page.click('#hangupBtn');
      await until('the caller learns of it', async () => /FINISH|FAILED/.test(await alice.page.textContent('#callStatus')));
    });

    scenario(`Phone Video (${version}): both see and hear each other`, async () => {
      web = await serveSdk(version);
      const [alice, bob] = await two('phone-video/phone-video.html', '#remoteVideo video');
      await alice.dial(bob.name);
      await bob.answer(alice.name);
      await Promise.all([alice.shows('#callStatus', 'ESTABLISHED'), bob.shows('#callStatus', 'ESTABLISHED')]);
      await hearAndSeeEachOther(alice, bob);
    });
  });
}

// The older page asks not to be kept alive at its first connection: its token is of no use.
scenario('Phone (2.0.276): connects again with its token', async () => {
  web = await serveSdk('2.0.276');
  const [alice, bob] = await two('phone/phone.html', '#remoteDisplay video');
  const token = await alice.page.inputValue('#authToken');
  assert.ok(token, 'the page shows a token');
  await alice.page.reload();
  await alice.loaded();
  await alice.page.waitForSelector('#connectTokenBtn:enabled');
  await alice.page.fill('#urlServer', server.wsUrl);
  await alice.page.fill('#authToken', token);
  await alice.page.click('#connectTokenBtn');
  await alice.shows('#regStatus', 'REGISTERED');
  await bob.dial(alice.name);
  await alice.answer(bob.name);
  await hearEachOther(alice, bob);
});

// The older package's page cannot be told another port than 8080.
scenario('Phone UI (2.0.276): its keypad calls and is heard at the far side', async () => {
  web = await serveSdk('2.0.276');
  // Its keypad dials digits only.
  const names = ['1001', '1002'];
  const phones = await Promise.all([red, blue].map(async (side, i) => {
    const page = await open(side, 'phone-ui/Phone.html');
    await page.click('.b-display__header__login');
    for (const [field, value] of Object.entries({
      sipLogin: names[i], sipAuthenticationName: names[i], sipPassword: 'any',
      sipDomain: 'localhost', sipOutboundProxy: 'localhost', sipPort: '5060',
    })) await page.fill(`#${field}`, value);
    await page.click('.b-login input[type=button]');
    await until('the page is logged in', () => page.textContent('.b-display__header__sip_login').then((t) => t === names[i]));
    return { page, side: side.side, remote: '#remoteVideo video' };
  }));
  const [alice, bob] = phones;
  const key = (page, digit) => page.locator('.b-num td', { hasText: digit }).first().click();
  for (const digit of names[1]) await key(alice.page, digit);
  await alice.page.click('.b-nav__voice');
  await bob.page.waitForSelector('.b-nav__inc.open');
  await bob.page.click('.b-nav__answer');
  await Promise.all([alice, bob].map(({ page }) => page.waitForSelector('.voice_call__call.open')));
  await hears(bob.page, bob.remote, 'red');
  await until('the key is heard', async () => {
    await Promise.all([key(alice.page, '7'), hearsKey(bob.page, bob.remote, '7', 1_500)]);
    return true;
  });
  await alice.page.click('.b-nav__cancel_call');
  await until('the other page is idle', () => bob.page.$eval('body', (body) => !body.className.includes('voice_call')));
});
