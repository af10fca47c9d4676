// An application of the unmodified Web SDK, driven from outside.

import path from 'node:path';

import { E2E } from './paths.mjs';
import { serveFiles } from './static.mjs';
import { until } from './wait.mjs';

/** Package directories by version. */
export const SDK_VERSIONS = {
  '2.0.276': '@flashphoner/websdk',
  '2.0.180': 'websdk-2.0.180',
};

export const REMOTE = '#remote video';

/** A web server of its own with the SDK bundle, our tiny page, and the stock examples. */
export function serveSdk(version) {
  const sdk = path.join(E2E, 'node_modules', SDK_VERSIONS[version]);
  return serveFiles({ '/': path.join(E2E, 'pages'), '/sdk/': sdk });
}

/** One person at the tiny SDK page. */
export class SdkPerson {
  /** `limits` are those of ChromiumSide.newPage. */
  static async open(side, web, server, limits) {
    const page = await side.newPage(limits);
    const person = new SdkPerson(page, side.side, web, server);
    await person.load();
    return person;
  }

  constructor(page, side, web, server) {
    this.page = page;
    this.side = side;
    this.web = web;
    this.server = server;
    this.remote = REMOTE;
  }

  async load() {
    await this.page.goto(`http://localhost:${this.web.port}/sdk.html`);
  }

  /** Connects as a guest or an account; waits until calls can be made. */
  async register(login, { password = 'any', domain = 'localhost', ...rest } = {}) {
    await this.connect({
      keepAlive: true,
      sipOptions: {
        login, password, domain, authenticationName: login, outboundProxy: domain, port: '5060', registerRequired: true,
      },
      ...rest,
    });
    await this.session('REGISTERED');
    this.name = login;
    return this;
  }

  connect(options) {
    return this.page.evaluate((o) => window.sdk.connect(o), { urlServer: this.server.wsUrl, ...options });
  }

  session(status) {
    return until(`the session is ${status}`, async () => {
      const events = await this.page.evaluate(() => window.sdk.sessionEvents);
      if (!events.some(([s]) => s === status)) throw new Error(JSON.stringify(events));
      return true;
    });
  }

  async call(callee, options = {}) {
    await this.page.evaluate(([c, o]) => window.sdk.call(c, o), [callee, { constraints: VIDEO, ...options }]);
  }

  async answer(options = {}) {
    await this.page.evaluate((o) => window.sdk.answer(o), { constraints: VIDEO, ...options });
  }

  act(method, ...args) {
    return this.page.evaluate(([m, a]) => window.sdk.act(m, ...a), [method, args]);
  }

  state() {
    return this.page.evaluate(() => window.sdk.state());
  }

  /** Waits until the last call has this status. */
  status(wanted, deadlineMs) {
    return until(`${this.name}'s call is ${wanted}`, async () => {
      const state = await this.state();
      if (state?.status !== wanted) throw new Error(JSON.stringify(state));
      return state;
    }, deadlineMs);
  }

  /** Waits until it rings here. */
  async rung() {
    const state = await this.status('RING');
    if (!state.incoming) throw new Error(`${this.name} is not called but calls`);
    return state;
  }
}

export const VIDEO = { audio: true, video: { width: 640, height: 360 } };
export const AUDIO = { audio: true, video: false };

/** From `a` dialling to both talking. */
export async function establish(a, b, { caller = {}, callee = {} } = {}) {
  await a.call(b.name, caller);
  await b.rung();
  await b.answer(callee);
  await Promise.all([a.status('ESTABLISHED'), b.status('ESTABLISHED')]);
}
