// @ts-check
// Keeps the screen on during a call, where the browser can.

export function staysAwake() {
  let wanted = false;
  /** @type {WakeLockSentinel | null} */
  let lock = null;

  async function take() {
    if (!wanted || lock || document.visibilityState !== 'visible' || !navigator.wakeLock) return;
    try {
      lock = await navigator.wakeLock.request('screen');
      lock.addEventListener('release', () => {
        lock = null;
      });
      if (!wanted) await lock.release();
    } catch {
      // The battery is low, or the system forbids it.
    }
  }
  // The browser lets it go when the window is hidden.
  document.addEventListener('visibilitychange', () => void take());

  return {
    /** @param {boolean} on */
    want(on) {
      if (on === wanted) return;
      wanted = on;
      if (on) void take();
      else void lock?.release();
    },
  };
}
