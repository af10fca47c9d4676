// @ts-check
// How a call ended, in words, where the server gives none.

/**
 * @param {import('./call.js').Notice} notice
 * @param {import('./call.js').Person} person
 */
export function wordsFor({ status, info }, { displayName }) {
  if (status === 'BUSY') return `${displayName} is busy. Try again later.`;
  if (status === 'FINISH') return 'The call has ended.';
  return `The call did not work${info ? ` (${info})` : ''}. Try again.`;
}
