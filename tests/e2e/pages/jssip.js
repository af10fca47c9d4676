// The smallest telephone made of JsSIP: it notes what happens and hands every action on. Its
// words are those of sipjs.js.

const remote = document.getElementById('remote');

window.sip = {
  /** 'connected', 'registered', 'unregistered', 'refused: ...' in order. */
  registration: [],
  /** Per call in order of appearance: { incoming, caller, status, events, cause, keys }. */
  calls: [],
  /** How often the far side has agreed to a session for its next 90 s. */
  sessions: 0,

  /** With `refresh`, sessions are refreshed by that method, and sooner than they have to be. */
  connect({ url, address, password, register, refresh }) {
    if (refresh) this.hurry();
    this.ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(url)],
      uri: address,
      password,
      register,
      ...(refresh && { session_timers_refresh_method: refresh, session_timers_force_refresher: true }),
    });
    this.ua.on('connected', () => this.registration.push('connected'));
    this.ua.on('registered', () => this.registration.push('registered'));
    this.ua.on('unregistered', () => this.registration.push('unregistered'));
    this.ua.on('registrationFailed', ({ response, cause }) => (
      this.registration.push(`refused: ${response?.status_code ?? ''} ${cause}`)));
    this.ua.on('newRTCSession', ({ session }) => this.watch(session));
    this.ua.start();
  },

  /** What JsSIP would do after half of 90 s, it does soon. */
  hurry() {
    const { setTimeout } = window;
    window.setTimeout = (act, delayMs, ...rest) => {
      const refreshes = delayMs === 45_000;
      if (refreshes) this.sessions += 1;
      return setTimeout(act, refreshes ? 300 : delayMs, ...rest);
    };
  },

  watch(session) {
    const record = {
      session,
      incoming: session.direction === 'incoming',
      caller: session.remote_identity.uri.user,
      status: 'new',
      events: [],
      keys: [],
    };
    this.calls.push(record);
    const note = (status, also = {}) => {
      record.events.push(status);
      Object.assign(record, { status, ...also });
    };
    session.on('progress', () => note('ringing'));
    session.on('confirmed', () => note('talking'));
    for (const end of ['ended', 'failed']) {
      session.on(end, ({ cause, message }) => note('ended', { cause, code: message?.status_code }));
    }
    session.on('hold', ({ originator }) => record.events.push(`hold by ${originator}`));
    session.on('unhold', ({ originator }) => record.events.push(`unhold by ${originator}`));
    session.on('newDTMF', ({ originator, dtmf }) => {
      if (originator === 'remote') record.keys.push(dtmf.tone);
    });
    const play = (connection) => connection.addEventListener('track', ({ streams }) => {
      [remote.srcObject] = streams;
    });
    if (session.connection) play(session.connection);
    session.on('peerconnection', ({ peerconnection }) => play(peerconnection));
  },

  call(address, video) {
    this.ua.call(address, { mediaConstraints: media(video), pcConfig: { iceServers: [] } });
  },

  answer(video) {
    this.last().answer({ mediaConstraints: media(video), pcConfig: { iceServers: [] } });
  },

  /** Declines, gives up or hangs up. */
  hangUp() {
    this.last().terminate();
  },

  refuse(code) {
    this.last().terminate({ status_code: code });
  },

  /** Resolves when the far side has agreed. */
  hold() {
    return this.reinvite((session, done) => session.hold({}, done));
  },

  resume() {
    return this.reinvite((session, done) => session.unhold({}, done));
  },

  reinvite(ask) {
    const session = this.last();
    return new Promise((resolve, reject) => {
      const refused = () => reject(new Error('refused'));
      session.once('failed', refused);
      session.once('ended', refused);
      if (!ask(session, () => resolve(true))) refused();
    });
  },

  press(keys) {
    this.last().sendDTMF(keys, { transportType: 'INFO' });
  },

  last() {
    return this.calls.at(-1).session;
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
  return { audio: true, video: video && { width: 640, height: 360 } };
}
