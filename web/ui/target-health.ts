import type { TargetState, TargetView } from '../../src/serve/room-api.js';

export const TARGET_HEALTH: Readonly<Record<TargetState, 'good' | 'warn' | 'bad' | 'off'>> = {
  live: 'good',
  connecting: 'warn',
  reconnecting: 'warn',
  stalled: 'bad',
  failed: 'bad',
  idle: 'off',
};

const TEXT: Readonly<Record<TargetState, string>> = {
  live: 'receiving',
  connecting: 'connecting…',
  reconnecting: 'trying again…',
  stalled: 'stalled',
  failed: 'failed',
  idle: 'ready',
};

/** The state in words: a target that is on but has nothing to send yet is ready. */
export function targetText({ state, enabled }: Pick<TargetView, 'state' | 'enabled'>): string {
  return enabled ? TEXT[state] : 'off';
}
