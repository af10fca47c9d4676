// @ts-check
// What a person should know about the call just now, and what can be done about it.

/**
 * @typedef {{ id: string, kind: 'plain' | 'warn' | 'trouble', text: string,
 *   actions?: { id: string, label: string, run: () => unknown }[] }} Note
 */

/**
 * @param {import('../phone.js').Phone} phone
 * @returns {Note[]}
 */
export function notesOf(phone) {
  const { call } = phone;
  if (!call) return [];
  const who = call.person.displayName;
  /** @type {(Note | false | null | undefined | '')[]} */
  const notes = [
    call.lineLost && {
      id: 'line', kind: 'warn',
      text: 'The connection to the server is broken. You may still hear each other; it is being mended.',
      actions: [{ id: 'retry', label: 'Try now', run: () => phone.session.retryNow() }],
    },
    ['failed', 'disconnected'].includes(call.peer.state) && call.talking && {
      id: 'media', kind: 'warn', text: 'Sound and picture are interrupted. Check the network; the call goes on if they come back soon.',
    },
    // Without a microphone the trouble below says the same, and what to do.
    call.alarm && call.talking && !call.held && !call.heldByPeer
      && !call.troubles.some(({ what }) => what === 'microphone') && {
      id: 'one-way', kind: 'warn', text: call.alarm,
    },
    call.soundBlocked && {
      id: 'sound', kind: 'warn', text: `The browser plays ${who}’s sound after a click only.`,
      actions: [{ id: 'play', label: 'Play it', run: () => call.setSoundBlocked(false) }],
    },
    ...(call.over ? [] : call.troubles.map((trouble) => troubleNote(call, trouble))),
    phone.sameRoom && roomNote(phone, call),
    call.talking && call.news?.video_reason && { id: 'video-reason', kind: 'plain', text: asSentence(call.news.video_reason) },
    waitingNote(phone),
  ];
  return notes.filter((note) => typeof note === 'object' && note !== null);
}

/**
 * The server's reasons are parts of its log lines.
 * @param {string} reason
 */
function asSentence(reason) {
  return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`;
}

/**
 * @param {import('../call.js').Call} call
 * @param {import('../media-words.js').Trouble} trouble
 * @returns {Note}
 */
function troubleNote(call, trouble) {
  const camera = trouble.what === 'camera';
  const retry = call.talking && (camera ? call.peer.carriesVideo : call.peer.carriesAudio);
  return {
    id: `${trouble.what}-${trouble.why}`,
    kind: 'trouble',
    text: trouble.sentence,
    actions: retry ? [{ id: 'retry', label: 'Try again', run: () => call.changeDevice(trouble.what) }] : [],
  };
}

/**
 * @param {import('../phone.js').Phone} phone
 * @param {import('../call.js').Call} call
 * @returns {Note}
 */
function roomNote(phone, call) {
  if (call.deafened) {
    return {
      id: 'same-room', kind: 'plain',
      text: 'Both ends of this call are on this computer. So that it does not howl, this window’s microphone and speaker are off. With a headset you can turn them on.',
      actions: [{ id: 'undo', label: 'Turn them on', run: () => phone.setRoomSound(true) }],
    };
  }
  if (call.direction === 'in') {
    return {
      id: 'same-room', kind: 'plain',
      text: 'Both ends of this call are on this computer. The other window keeps quiet so that it does not howl.',
    };
  }
  return {
    id: 'same-room', kind: 'warn',
    text: 'Both ends of this call are on this computer. If it howls, use a headset.',
    actions: [{ id: 'quiet', label: 'Keep this window quiet', run: () => phone.setRoomSound(false) }],
  };
}

/**
 * @param {import('../phone.js').Phone} phone
 * @returns {Note | null}
 */
function waitingNote(phone) {
  const { waiting } = phone;
  if (!waiting) return null;
  return {
    id: 'waiting', kind: 'plain', text: `${waiting.person.displayName} is calling.`,
    actions: [
      { id: 'take', label: 'Hang up here and answer', run: () => phone.takeWaiting() },
      { id: 'decline', label: 'Decline', run: () => waiting.hangup() },
    ],
  };
}
