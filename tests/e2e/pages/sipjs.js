// The smallest telephone made of SIP.js: it notes what happens and hands every action on. Its
// words are those of jssip.js.

import { SessionState, UserAgent, Web } from '/sip.js/index.js';

const remote = document.getElementById('remote');

window.sip = {
  /** 'connected', 'registered', 'unregistered', 'refused: ...' in order. */
  registration: [],
  /** Per call in order of appearance: { incoming, caller, status, events, code, keys }. */
  calls: [],

  async connect({ url, address, password, register = true }) {
    const uri = UserAgent.makeURI(address);
    this.manager = new Web.SessionManager(url, {
      aor: address,
      media: { constraints: { audio: true, video: true }, remote: { video: remote } },
      userAgentOptions: { authorizationUsername: uri.user, authorizationPassword: password },
      delegate: {
        onRegistered: () => this.registration.push('registered'),
        onUnregistered: () => this.registration.push('unregistered'),
        onCallCreated: (session) => this.watch(session),
        onCallReceived: (session) => this.note(session, 'ringing'),
        onCallHold: (session, held) => this.record(session).events.push(held ? 'hold by local' : 'unhold by local'),
        onCallDTMFReceived: (session, tone) => this.record(session).keys.push(tone),
      },
      registererRegisterOptions: {
        requestDelegate: {
          onReject: ({ message }) => this.registration.push(`refused: ${message.statusCode} ${message.reasonPhrase}`),
        },
      },
    });
    await this.manager.connect();
    this.registration.push('connected');
    if (register) await this.manager.register();
  },

  watch(session) {
    const record = {
      session,
      incoming: 'accept' in session,
      caller: session.remoteIdentity.uri.user,
      status: 'new',
      events: [],
      keys: [],
    };
    this.calls.push(record);
    session.stateChange.addListener((state) => {
      if (state === SessionState.Established) this.note(session, 'talking');
      if (state === SessionState.Terminated) this.note(session, 'ended');
    });
  },

  async call(address, video) {
    await this.manager.call(address, { sessionDescriptionHandlerOptions: media(video) }, {
      requestDelegate: {
        onProgress: ({ message }) => {
          if (message.statusCode > 100) this.note(this.last(), 'ringing');
        },
        onReject: ({ message }) => { this.record(this.last()).code = message.statusCode; },
      },
    });
  },

  answer(video) {
    return this.manager.answer(this.last(), { sessionDescriptionHandlerOptions: media(video) });
  },

  /** Declines, gives up or hangs up. */
  hangUp() {
    return this.manager.hangup(this.last());
  },

  refuse(code) {
    return this.last().reject({ statusCode: code });
  },

  /** Resolves when the far side has agreed. */
  hold() {
    return this.agreed('hold by local', () => this.manager.hold(this.last()));
  },

  resume() {
    return this.agreed('unhold by local', () => this.manager.unhold(this.last()));
  },

  async agreed(event, ask) {
    const { events } = this.record(this.last());
    const before = events.length;
    await ask();
    while (events.length === before) await new Promise((next) => { setTimeout(next, 20); });
    // Where it was refused, the library tells what it was before.
    if (events[before] !== event) throw new Error('refused');
  },

  /** The library takes one key at a time. */
  async press(keys) {
    for (const key of keys) await this.manager.sendDTMF(this.last(), key);
  },

  last() {
    return this.calls.at(-1).session;
  },

  record(session) {
    return this.calls.find((call) => call.session === session);
  },

  note(session, status) {
    const record = this.record(session);
    record.events.push(status);
    record.status = status;
  },

  /** The last call as plain data. */
  state() {
    const record = this.calls.at(-1);
    if (!record) return undefined;
    const { session, ...rest } = record;
    return rest;
  },
};

function media(video) {
  return { constraints: { audio: true, video: video && { width: 640, height: 360 } } };
}
