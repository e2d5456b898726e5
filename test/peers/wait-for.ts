import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  /** How long the condition may take; past it the wait fails. */
  readonly timeoutMs?: number;
  /** Distance between two looks. */
  readonly intervalMs?: number;
  /** What to add to the message of a failed wait: the state that was seen instead. */
  readonly state?: () => unknown;
}

/**
 * Polls until `condition` yields something truthy and returns it. A condition that throws counts as not yet.
 *
 * @throws Error naming what was waited for, for how long, and the last state or error seen
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<NonNullable<T>> {
  const { timeoutMs = 15_000, intervalMs = 25, state } = options;
  const deadline = performance.now() + timeoutMs;
  let lastError: Error | undefined;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error instanceof Error ? error : new Error(String(error));
    }
    if (performance.now() >= deadline) throw new Error(describe(what, timeoutMs, lastError, state));
    await delay(intervalMs);
  }
}

function describe(
  what: string,
  timeoutMs: number,
  lastError: Error | undefined,
  state: (() => unknown) | undefined,
): string {
  let text = `waited ${timeoutMs} ms for ${what}`;
  if (state !== undefined) text += `; saw ${JSON.stringify(state())}`;
  if (lastError !== undefined) text += `; last error: ${lastError.message}`;
  return text;
}
