// What SIPp is to send and to expect, message by message, told in the words of RFC 3261. A script
// is one side of one call; SIPp plays it as often as it is told.

/** 30 bytes, which nobody uses: no media flows. */
const KEY = 'WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz';

/** What a telephone offers and answers; `direction` is what it wants of the stream. */
const sdp = (direction, secure) => [
  '',
  'v=0',
  'o=- 1 [SESSION_VERSION] IN IP[local_ip_type] [local_ip]',
  's=-',
  'c=IN IP[media_ip_type] [media_ip]',
  't=0 0',
  `m=audio [media_port] RTP/${secure ? 'SAVP' : 'AVP'} 8 0 101`,
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:101 telephone-event/8000',
  `a=${direction}`,
  ...(secure ? [`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`] : []),
];

const ME = '<sip:[me]@localhost>';
const THEM = '<sip:[service]@localhost>';
const CONTACT = 'Contact: <sip:[me]@[local_ip]:[local_port];transport=[transport]>';
const VIA = 'Via: SIP/2.0/[protocol] [local_ip]:[local_port];branch=[branch]';

/** One side of a call, or one registration. Each word adds to what SIPp does, and gives it back. */
export class Script {
  /** With `secure`, its media is encrypted by keys in the description. */
  constructor({ secure = false } = {}) {
    this.secure = secure;
    this.steps = [];
    this.cseq = 0;
    // Of its last INVITE.
    this.invited = 0;
    this.version = 0;
    // Whether what we answer is within a dialog: the To has our tag then.
    this.within = false;
  }

  // --- requests outside a dialog ----------------------------------------------------------------

  /** Registers its contact, and is let in or `refused` again after it answered the challenge. */
  registers({ expires = 600, refused = false } = {}) {
    const ask = (credentials) => this.asks('REGISTER', 'sip:localhost', {
      from: `${ME};tag=[call_number]`, to: ME, headers: [CONTACT, `Expires: ${expires}`, ...credentials],
    });
    ask([]).hears(401, { auth: true });
    return ask(['[authentication]']).hears(refused ? 401 : 200);
  }

  /** Calls whom it is told to, and answers the challenge; without `offers`, says nothing of media. */
  calls({ offers = 'sendrecv', headers = [] } = {}) {
    const uri = 'sip:[service]@localhost';
    const invite = (more) => this.asks('INVITE', uri, {
      from: `${ME};tag=[call_number]`, to: THEM, headers: [CONTACT, ...headers, ...more], says: offers,
    }).hears(100, { optional: true });
    invite([]).hears(401, { auth: true }).#refusalIsAcknowledged();
    return invite(['[authentication]']);
  }

  /** Calls again, with other headers and the credentials renewed. */
  callsAgain(options) {
    return this.calls(options);
  }

  givesUp() {
    this.#send([
      'CANCEL sip:[service]@localhost SIP/2.0', '[last_Via:]', 'Max-Forwards: 70', '[last_From:]', `To: ${THEM}`,
      'Call-ID: [call_id]', `CSeq: ${this.cseq} CANCEL`,
    ], { repeats: true });
    return this.hears(200).isRefused(487);
  }

  // --- what becomes of a call -------------------------------------------------------------------

  /** Something is to be heard before the call is taken, as the description says. */
  hearsEarlyMedia() {
    return this.hears(183, { body: 'm=audio [1-9]' });
  }

  /** The same, reliably (RFC 3262): it is acknowledged by a PRACK. */
  hearsEarlyMediaReliably() {
    const has = { header: 'Require', pattern: '100rel' };
    this.hears(183, { route: true, has, body: 'm=audio [1-9]', far: 'To', rseq: true });
    const headers = [`RAck:[$rseq] ${this.invited} INVITE`];
    return this.#within('PRACK', { headers }).hears(200);
  }

  /** The call is refused, with a header like this if one is named. */
  isRefused(status, has) {
    return this.hears(status, { has }).#refusalIsAcknowledged();
  }

  /** The call is taken, and it says so; `answers` if the description that came was an offer. */
  isTaken({ has, answers } = {}) {
    this.hears(200, { route: true, has, body: 'm=audio [1-9]', far: 'To' });
    return this.acknowledges({ says: answers });
  }

  /** The call is taken by whom it described before: it says no more of media (RFC 3261 13.2.1). */
  isTakenAfterEarlyMedia() {
    this.hears(200, { route: true, lacksBody: true, far: 'To' });
    return this.acknowledges();
  }

  acknowledges({ says } = {}) {
    this.within = true;
    return this.asks('ACK', '[next_url]', { ...DIALOG, cseq: this.invited, says });
  }

  #refusalIsAcknowledged() {
    return this.#send([
      'ACK sip:[service]@localhost SIP/2.0', '[last_Via:]', 'Max-Forwards: 70', '[last_From:]', '[last_To:]',
      'Call-ID: [call_id]', `CSeq: ${this.cseq} ACK`,
    ]);
  }

  // --- being called -----------------------------------------------------------------------------

  isCalled(expectations = {}) {
    return this.gets('INVITE', { route: true, far: 'From', cseq: true, via: true, ...expectations });
  }

  rings() {
    return this.answers(180, { headers: [CONTACT] });
  }

  /** Lets the caller hear something before it takes the call. */
  progresses() {
    return this.answers(183, { headers: [CONTACT], says: 'sendrecv' });
  }

  /** The same, reliably: the PRACK comes, and the answer to the offer is given once. */
  progressesReliably() {
    this.answers(183, { headers: [CONTACT, 'Require: 100rel', 'RSeq: 7'], says: 'sendrecv', repeats: true });
    this.gets('PRACK', { has: { header: 'RAck', pattern: '7 [0-9]+ INVITE' } });
    this.within = true;
    return this.answers(200);
  }

  takesIt({ headers = [], says = 'sendrecv' } = {}) {
    this.answers(200, { headers: [CONTACT, ...headers], says, repeats: true, invite: true }).gets('ACK');
    this.within = true;
    return this;
  }

  declines(status = 603, headers = []) {
    return this.answers(status, { headers, repeats: true }).gets('ACK');
  }

  /** The caller gives up, or somebody else has taken the call; `has` is in the CANCEL. */
  isCancelled(has) {
    return this.gets('CANCEL', { has }).answers(200).answers(487, { invite: true, repeats: true }).gets('ACK');
  }

  // --- within a dialog --------------------------------------------------------------------------

  /** Offers anew; the answer has the stream in the direction `then`. */
  offersAnew(direction, then) {
    return this.#within('INVITE', { says: direction, headers: [CONTACT] })
      .hears(100, { optional: true })
      .hears(200, { route: true, body: then && `a=${then}` })
      .acknowledges();
  }

  /** Asks to be offered something anew, and answers it. */
  asksForAnOffer(direction = 'sendrecv') {
    return this.#within('INVITE', { headers: [CONTACT] })
      .hears(100, { optional: true })
      .hears(200, { route: true, body: 'm=audio [1-9]' })
      .acknowledges({ says: direction });
  }

  /** Says that the session lives, and hears that it does. */
  refreshes(headers, has) {
    return this.#within('UPDATE', { headers: [CONTACT, ...headers] }).hears(200, { has });
  }

  hangsUp() {
    return this.#within('BYE').hears(200);
  }

  isHungUpOn() {
    return this.gets('BYE').answers(200);
  }

  /** Takes whatever it is offered anew, as often as that comes, until it is hung up on. */
  takesOffersUntilHungUpOn() {
    const [again, offered, over] = [1, 2, 3];
    this.#label(again);
    this.gets('INVITE', { optional: true, next: offered, cseq: true, via: true });
    this.gets('BYE', { next: over });
    this.#label(offered);
    this.answers(200, { headers: [CONTACT], says: 'sendrecv', repeats: true }).gets('ACK', { next: again });
    this.#label(over);
    return this.answers(200);
  }

  #label(id) {
    this.steps.push(`<label id="${id}"/>`);
  }

  #within(method, options) {
    return this.asks(method, '[next_url]', { ...DIALOG, ...options });
  }

  // --- any message ------------------------------------------------------------------------------

  asks(method, uri, { from, to, cseq, headers = [], says }) {
    if (cseq === undefined) this.cseq += 1;
    if (method === 'INVITE') this.invited = this.cseq;
    return this.#send([
      `${method} ${uri} SIP/2.0`, VIA, 'Max-Forwards: 70', `From: ${from}`, `To: ${to}`,
      'Call-ID: [call_id]', `CSeq: ${cseq ?? this.cseq} ${method}`, ...headers,
    ], { says, repeats: method !== 'ACK' });
  }

  /** Answers what came last, or with `invite` the INVITE before it. */
  answers(status, { headers = [], says, repeats, invite } = {}) {
    return this.#send([
      `SIP/2.0 ${status} ${PHRASES[status]}`, invite ? 'Via:[$via]' : '[last_Via:]', '[last_From:]',
      this.within ? '[last_To:]' : '[last_To:];tag=[call_number]', '[last_Call-ID:]',
      invite ? 'CSeq:[$cseq]' : '[last_CSeq:]', ...headers,
    ], { says, repeats });
  }

  hears(status, expectations) {
    return this.#receive(`response="${status}"`, expectations);
  }

  gets(method, expectations) {
    return this.#receive(`request="${method}"`, expectations);
  }

  #send(lines, { says, repeats } = {}) {
    if (says) this.version += 1;
    const body = says ? sdp(says, this.secure).map((line) => line.replace('[SESSION_VERSION]', this.version)) : ['', ''];
    const type = says ? ['Content-Type: application/sdp'] : [];
    const text = [...lines, ...type, `Content-Length: ${says ? '[len]' : 0}`, ...body].join('\n');
    this.steps.push(`<send${repeats ? ' retrans="500"' : ''}><![CDATA[\n${text}\n]]></send>`);
    return this;
  }

  /**
   * `has` is `{ header, pattern }` of a header that must be there, `body` a pattern of the body;
   * `far` names the header that tells who the other side is.
   */
  #receive(what, { auth, optional, next, route, has, body, lacksBody, far, cseq, via, rseq } = {}) {
    const flags = { auth, optional, rrs: route };
    const set = Object.entries(flags).filter(([, on]) => on).map(([name]) => ` ${name}="true"`);
    const attributes = [...set, ...(next ? [` next="${next}"`] : [])].join('');
    const found = (pattern, rest) => `<ereg regexp="${escape(pattern)}" ${rest}/>`;
    const actions = [
      has && found(has.pattern, `search_in="hdr" header="${has.header}:" check_it="true" assign_to="seen"`),
      body && found(body, 'search_in="body" check_it="true" assign_to="seen"'),
      lacksBody && found('m=audio', 'search_in="msg" check_it_inverse="true" assign_to="seen"'),
      far && found('.*', `search_in="hdr" header="${far}:" assign_to="far"`),
      cseq && found('.*', 'search_in="hdr" header="CSeq:" assign_to="cseq"'),
      via && found('.*', 'search_in="hdr" header="Via:" assign_to="via"'),
      rseq && found('.*', 'search_in="hdr" header="RSeq:" assign_to="rseq"'),
    ].filter(Boolean);
    this.steps.push(`<recv ${what}${attributes}>${actions.length > 0 ? `<action>${actions.join('')}</action>` : ''}</recv>`);
    return this;
  }

  /** The scenario as SIPp reads it. */
  toXml() {
    const steps = this.steps.join('\n');
    // SIPp refuses what it knows a name for and does not use.
    const names = ['seen', 'far', 'cseq', 'via', 'rseq'].filter((name) => steps.includes(`assign_to="${name}"`));
    const used = names.length > 0 ? `<Reference variables="${names}"/>` : '';
    return `<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="script">\n${steps}\n${used}</scenario>\n`;
  }
}

/** From and To of what is asked within a dialog. */
const DIALOG = { from: `${ME};tag=[call_number]`, to: '[$far]' };

const PHRASES = {
  180: 'Ringing', 183: 'Session Progress', 200: 'OK', 422: 'Session Interval Too Small', 486: 'Busy Here',
  487: 'Request Terminated', 603: 'Decline',
};

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
