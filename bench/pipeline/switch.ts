/**
 * How long a switch takes: from the moment the host's REST request is sent to the first picture of the new mode at the
 * RTMP target, at random places of the host's GOP, and whether the program stays in one piece over it.
 *
 * Repeat: `npm run build && node --import tsx bench/pipeline/switch.ts [--switches 20] [--guests 1] [--bin PATH]`
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/base/clock.js';
import type { Mode } from '../../src/media/program-settings.js';
import { distribution, goal, report } from './figures.js';
import { Stage } from './stage.js';

const SWITCH_P95_MS = 500;
/** Between two switches: longer than a GOP, by a random part. */
const DWELL_MS = 1_500;
const DWELL_RANDOM_MS = 1_500;
/** Two pictures at 30 a second, and the rounding of FLV. */
const MAX_STEP_MS = 67 + 1;

const { values } = parseArgs({
  options: {
    switches: { type: 'string', default: '20' },
    guests: { type: 'string', default: '1' },
    bin: { type: 'string' },
  },
});

await using stage = await Stage.open({ guests: Number(values.guests), bin: values.bin });
const took: Record<Mode, number[]> = { collab: [], live: [] };
let withoutIdr = 0;
let failed = 0;
for (let i = 0; i < Number(values.switches); i++) {
  for (const mode of ['collab', 'live'] as const) {
    await delay(DWELL_MS + Math.random() * DWELL_RANDOM_MS);
    try {
      const { picture, askedUs } = await stage.switchTo(mode, systemClock);
      took[mode].push((picture.arrivalUs - askedUs) / 1_000);
      if (!picture.isIdr || !picture.newConfig) withoutIdr++;
    } catch (error) {
      failed++;
      process.stderr.write(`to ${mode}: ${String(error)}\n`);
    }
  }
}
const continuity = stage.target.continuity();
const collab = distribution(took.collab);
const live = distribution(took.live);
report(
  'Switch request to the first picture of the new mode at the RTMP target, in ms',
  [
    { to: 'collab', ...collab },
    { to: 'live', ...live },
  ],
  {
    goals: [
      goal('switches that failed', failed, 0),
      goal('to collab p95', collab.p95, SWITCH_P95_MS),
      goal('to live p95', live.p95, SWITCH_P95_MS),
      goal('publishes', continuity.publishes, 1),
      goal('audio steps other than 1024 samples', continuity.audioBreaks, 0),
      goal('pictures back in time', continuity.backward, 0),
      goal('longest step between pictures in ms', continuity.longestStepMs, MAX_STEP_MS),
      goal('new modes that did not begin with an IDR and its parameter sets', withoutIdr, 0),
    ],
    collab,
    live,
    continuity,
    tookMs: took,
  },
);
