// @ts-check
// A bar that moves with the microphone.

const WINDOW = 1024;
const QUIET_DB = -60;

/** @param {HTMLElement} meter */
export function levelMeter(meter) {
  const bar = /** @type {HTMLElement} */ (meter.firstElementChild);
  /** @type {AudioContext | null} */
  let context = null;
  let shown = 0;

  /** @param {number} level 0 to 1 */
  function show(level) {
    // It falls slower than it rises, as needles do.
    shown = Math.max(level, shown * 0.9);
    bar.style.setProperty('scale', `${shown.toFixed(3)} 1`);
    meter.setAttribute('aria-valuenow', String(Math.round(shown * 100)));
  }

  return {
    /** @param {MediaStreamTrack | null} track */
    watch(track) {
      void context?.close();
      context = null;
      shown = 0;
      show(0);
      if (!track) return;
      const own = new AudioContext();
      context = own;
      const analyser = own.createAnalyser();
      analyser.fftSize = WINDOW;
      own.createMediaStreamSource(new MediaStream([track])).connect(analyser);
      const samples = new Float32Array(WINDOW);
      const look = () => {
        if (context !== own) return;
        analyser.getFloatTimeDomainData(samples);
        const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / WINDOW;
        const db = 10 * Math.log10(Math.max(power, 1e-9));
        show(Math.min(1, Math.max(0, 1 - db / QUIET_DB)));
        requestAnimationFrame(look);
      };
      look();
    },
  };
}
