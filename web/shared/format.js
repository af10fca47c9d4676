// @ts-check
// Times and numbers for people.

/**
 * `0:07`, `12:34`, `1:02:03`.
 * @param {number} milliseconds
 */
export function clock(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60];
  const hours = Math.floor(seconds / 3600);
  if (hours > 0) parts.unshift(hours);
  return parts.map((part, at) => (at === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

/**
 * `7 seconds`, `12 minutes`, `1 hour 2 minutes`.
 * @param {number} milliseconds
 */
export function duration(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return count(seconds, 'second');
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return count(minutes, 'minute');
  const rest = minutes % 60;
  return count(Math.floor(minutes / 60), 'hour') + (rest ? ` ${count(rest, 'minute')}` : '');
}

/**
 * @param {number} number
 * @param {string} noun in the singular
 */
export function count(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** @param {number} at milliseconds since 1970 */
export function timeOfDay(at) {
  return new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

/**
 * A share as `4 %`, `0.6 %`, with a narrow no-break space.
 * @param {number} share 0 to 1
 */
export function percent(share) {
  const value = share * 100;
  return `${value < 1 ? value.toFixed(1) : Math.round(value)}\u202f%`;
}
