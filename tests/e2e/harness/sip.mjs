// Telephones in a browser: pages made of SIP libraries that everybody uses, driven from outside
// in the words of PhonePerson.

import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { bundle } from './bundle.mjs';
import { E2E, scratch } from './paths.mjs';
import { serveFiles } from './static.mjs';
import { until } from './wait.mjs';

/** The page of each library. */
export const STACKS = { JsSIP: 'jssip.html', 'SIP.js': 'sipjs.html' };

const DOMAIN = 'localhost';

/** A web server of its own with both libraries and our tiny pages. */
export function serveSip() {
  const bundles = scratch('bundles');
  const entry = createRequire(path.join(E2E, 'x.js')).resolve('jssip');
  writeFileSync(path.join(bundles, 'jssip.js'), bundle(entry, 'JsSIP'));
  return serveFiles({
    '/': path.join(E2E, 'pages'),
    '/bundles/': bundles,
    '/sip.js/': path.join(E2E, 'node_modules/sip.js/lib'),
  });
}

/** One person at the page of a SIP library. */
export class SipPerson {
  /** Opens the page of `stack`; `secure` is whether it comes by WSS. */
  static async open(side, web, server, { stack = 'JsSIP', secure = false } = {}) {
    const page = await side.newPage();
    const person = new SipPerson(page, side.side);
    person.url = secure ? server.secureUrl.replace('https', 'wss') : server.wsUrl;
    await page.goto(`http://localhost:${web.port}/${STACKS[stack]}`);
    await page.waitForFunction(() => window.sip);
    return person;
  }

  /** Opens the page and registers under `name`. */
  static async register(side, web, server, name, { password, refresh, ...rest } = {}) {
    const person = await SipPerson.open(side, web, server, rest);
    await person.connect(name, { password, refresh });
    await person.registration('registered');
    return person;
  }

  constructor(page, side) {
    this.page = page;
    this.side = side;
    this.remote = '#remote';
  }

  // --- what a person does -------------------------------------------------------------------

  tryRegister(name, password) {
    return this.connect(name, { password });
  }

  /** With `register: false` it can call, but not be called. */
  connect(name, options) {
    this.name = name;
    return this.act('connect', { url: this.url, address: `sip:${name}@${DOMAIN}`, ...options });
  }

  call(name, { video = true } = {}) {
    return this.act('call', `sip:${name}@${DOMAIN}`, video);
  }

  answer({ video = true } = {}) {
    return this.act('answer', video);
  }

  hangUp() {
    return this.act('hangUp');
  }

  /** Refuses a call with this status code. */
  refuse(code) {
    return this.act('refuse', code);
  }

  hold() {
    return this.act('hold');
  }

  resume() {
    return this.act('resume');
  }

  key(digit) {
    return this.act('press', digit);
  }

  /** Closes the tab. */
  leave() {
    return this.page.close();
  }

  // A call that has ended leaves nothing to put away.
  backToLobby() {}

  act(method, ...args) {
    return this.page.evaluate(async ([m, a]) => { await window.sip[m](...a); }, [method, args]);
  }

  // --- what a person sees -------------------------------------------------------------------

  /** Waits until what became of the registration begins like this. */
  registration(wanted) {
    return until(`the registration of ${this.name} is ${wanted}`, async () => {
      const events = await this.page.evaluate(() => window.sip.registration);
      if (!events.some((event) => event.startsWith(wanted))) throw new Error(JSON.stringify(events));
      return events;
    });
  }

  /** The last call. */
  state() {
    return this.page.evaluate(() => window.sip.state());
  }

  /** Waits until the far side has agreed to go on so often. */
  refreshed(times) {
    return until(`the session of ${this.name} is refreshed ${times} times`, async () => {
      const sessions = await this.page.evaluate(() => window.sip.sessions);
      if (sessions <= times) throw new Error(`${sessions - 1} refreshes were answered`);
      return sessions;
    });
  }

  ringing(deadlineMs) {
    return this.is('ringing', deadlineMs);
  }

  talking(deadlineMs) {
    return this.is('talking', deadlineMs);
  }

  ended(deadlineMs) {
    return this.is('ended', deadlineMs);
  }

  /** It rings here, and the call is from `caller`. */
  async rung(caller) {
    const state = await this.ringing();
    if (!state.incoming || state.caller !== caller) throw new Error(JSON.stringify(state));
  }

  is(wanted, deadlineMs) {
    return until(`the call of ${this.name} is ${wanted}`, async () => {
      const state = await this.state();
      if (state?.status !== wanted) throw new Error(JSON.stringify(state));
      return state;
    }, deadlineMs);
  }
}
