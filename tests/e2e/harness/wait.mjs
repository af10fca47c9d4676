// Waiting for conditions with a deadline. Tests never sleep for a guessed time.

/** How long a condition may take before the test fails, in milliseconds. */
export const DEADLINE_MS = 15_000;

const POLL_MS = 50;

/**
 * Polls `probe` until it returns something truthy and hands that back. A probe that throws
 * counts as "not yet"; its last complaint is part of the failure message.
 */
export async function until(what, probe, deadlineMs = DEADLINE_MS) {
  const end = Date.now() + deadlineMs;
  let last;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= end) {
      throw new Error(`waited ${deadlineMs} ms in vain until ${what}; last seen: ${describe(last)}`);
    }
    await pause(POLL_MS);
  }
}

/** Yields for `ms`; only ever used between two looks at a condition. */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function describe(value) {
  if (value instanceof Error) return value.message;
  try {
    return JSON.stringify(value);
  } catch {
    return String(value);
  }
}
