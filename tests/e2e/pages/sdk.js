// The smallest application of the Web SDK: it notes every event and hands every action on.

const { SESSION_STATUS, CALL_STATUS } = Flashphoner.constants;
const local = document.getElementById('local');
const remote = document.getElementById('remote');

window.sdk = {
  /** Session events in order, as [status, detail]. */
  sessionEvents: [],
  /** Per call in order of appearance: { id, incoming, caller, visibleName, events }. */
  calls: [],

  init() {
    Flashphoner.init({});
  },

  connect(options) {
    const note = (status) => (...args) => this.sessionEvents.push([status, plain(args.at(-1))]);
    this.session = Flashphoner.createSession(options);
    for (const status of ['CONNECTED', 'ESTABLISHED', 'REGISTERED', 'UNREGISTERED', 'FAILED', 'DISCONNECTED', 'WARN', 'APP_DATA', 'DEBUG']) {
      if (SESSION_STATUS[status]) this.session.on(SESSION_STATUS[status], note(status));
    }
    this.session.on(SESSION_STATUS.INCOMING_CALL, (call) => this.watch(call, true));
  },

  sessionStatus() {
    return this.session.status();
  },

  /** The detail of the last session event of this status. */
  lastSession(status) {
    return this.sessionEvents.filter(([s]) => s === status).at(-1)?.[1];
  },

  watch(call, incoming) {
    const record = {
      id: call.id(), incoming, caller: call.caller(), callee: call.callee(), visibleName: call.visibleName(), events: [], call,
    };
    this.calls.push(record);
    for (const status of Object.values(CALL_STATUS)) {
      call.on(status, () => record.events.push(call.status()));
    }
    return record;
  },

  call(callee, options = {}) {
    const call = this.session.createCall({
      callee,
      localVideoDisplay: local,
      remoteVideoDisplay: remote,
      ...options,
    });
    this.watch(call, false);
    call.call();
  },

  answer(options = {}) {
    this.last().call.answer({ localVideoDisplay: local, remoteVideoDisplay: remote, ...options });
  },

  /** Hold, unhold, hangup, sendDTMF and the like, on the last call. */
  act(method, ...args) {
    return this.last().call[method](...args);
  },

  last() {
    return this.calls.at(-1);
  },

  /** The last call as plain data. */
  state() {
    const record = this.last();
    if (!record) return undefined;
    const { call, ...rest } = record;
    return { ...rest, status: call.status() };
  },

  disconnect() {
    this.session.disconnect();
  },
};

function plain(value) {
  try {
    return JSON.parse(JSON.stringify(value ?? null));
  } catch {
    return String(value);
  }
}

window.sdk.init();
