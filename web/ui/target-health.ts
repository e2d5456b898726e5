import type { TargetState } from '../../src/serve/room-api.js';

export const TARGET_HEALTH: Readonly<Record<TargetState, 'good' | 'warn' | 'bad' | 'off'>> = {
  live: 'good',
  connecting: 'warn',
  reconnecting: 'warn',
  stalled: 'bad',
  failed: 'bad',
  idle: 'off',
};

export const TARGET_TEXT: Readonly<Record<TargetState, string>> = {
  live: 'receiving',
  connecting: 'connecting…',
  reconnecting: 'trying again…',
  stalled: 'stalled',
  failed: 'failed',
  idle: 'off',
};
