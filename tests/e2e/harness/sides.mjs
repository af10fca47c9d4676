// What each side of a test call sends: its own tone and its own moving picture, so that the
// far side can prove whose sound and picture it got.

/** Frequencies are no harmonics of one another; colours lie far apart in hue. */
export const SIDES = {
  red: { tone: 450, colour: [200, 40, 40] },
  blue: { tone: 1070, colour: [40, 60, 210] },
  green: { tone: 1730, colour: [30, 150, 50] },
  /** The server: to who is held, to who calls while it rings (ITU-T E.180), to who cannot call. */
  music: { tone: 740 },
  ringing: { tone: 425 },
  announcement: { tone: 1300 },
};

/** Every tone that a test may send, for "and nobody else's". */
export const TONES = Object.values(SIDES).map((side) => side.tone);
