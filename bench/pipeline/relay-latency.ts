/**
 * How long a picture takes through the whole of `anchornet serve` (a process of its own) on this machine, without loss:
 *
 * - relay: from its last RTP packet, handed to the socket by the host, to its last RTMP byte, read by the target;
 * - mix: from the instant that its time stands for on the host's timeline (when a camera would have taken it) to its
 *   last RTMP byte.
 *
 * Repeat: `npm run build && node --import tsx bench/pipeline/relay-latency.ts [--seconds 60] [--guests 1]
 * [--warm-up 10] [--profile FOLDER] [--bin PATH]`
 */
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/base/clock.js';
import { distribution, goal, report } from './figures.js';
import { processFigures, type ProcessFigures } from './process-figures.js';
import { Stage } from './stage.js';

const RELAY_P50_MS = 20;
const RELAY_P99_MS = 60;
const MIX_P50_MS = 150;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    'warm-up': { type: 'string', default: '10' },
    guests: { type: 'string', default: '1' },
    profile: { type: 'string' },
    bin: { type: 'string' },
  },
});
const measureMs = Number(values.seconds) * 1_000;
const warmUpMs = Number(values['warm-up']) * 1_000;

await using stage = await Stage.open({ guests: Number(values.guests), bin: values.bin });
const { server, timeline } = stage;
const roomPid = await server.roomPid();
const ownLoop = monitorEventLoopDelay({ resolution: 5 });

const cpu = ({ cpuSeconds }: ProcessFigures): number => cpuSeconds;
/** Time without a core although there was work: what a busy machine adds to every figure here. */
const waited = ({ waitedSeconds }: ProcessFigures): number => waitedSeconds;
const usage = (): Record<'main' | 'room', ProcessFigures> => ({
  main: processFigures(server.mainPid),
  room: processFigures(roomPid),
});

async function measure(mode: 'relay' | 'mix'): Promise<object> {
  await delay(warmUpMs);
  if (values.profile !== undefined) await server.toggleProfile();
  const before = usage();
  const latencies: number[] = [];
  let strangers = 0;
  const beganUs = systemClock.nowUs();
  ownLoop.reset();
  ownLoop.enable();
  await stage.observe(measureMs, (picture) => {
    const relayedUs = timeline.relayedAfterUs(picture);
    const us = mode === 'relay' ? relayedUs : timeline.sinceCaptureUs(picture);
    if (us === undefined || (mode === 'mix') === (relayedUs !== undefined)) strangers++;
    else latencies.push(us / 1_000);
  });
  ownLoop.disable();
  const seconds = (systemClock.nowUs() - beganUs) / 1e6;
  const after = usage();
  if (values.profile !== undefined) await server.toggleProfile();
  const share = (of: (figures: ProcessFigures) => number, name: 'main' | 'room'): number =>
    Math.round(((of(after[name]) - of(before[name])) / seconds) * 100);
  return {
    mode,
    ...distribution(latencies),
    unmatched: strangers,
    mainCpuPercent: share(cpu, 'main'),
    roomCpuPercent: share(cpu, 'room'),
    mainWaitedPercent: share(waited, 'main'),
    roomWaitedPercent: share(waited, 'room'),
    benchLoopP99Ms: Math.round(ownLoop.percentile(99) / 1e5) / 10,
  };
}

type Row = { readonly p50: number; readonly p99: number };
const relay = (await measure('relay')) as Row;
await stage.switchTo('collab', systemClock);
const mix = (await measure('mix')) as Row;
const senderLate = distribution(timeline.senderLateMs);
report(
  'Latency through the pipeline, in ms',
  [relay, mix, { mode: 'sender’s own lateness', ...senderLate }],
  {
    goals: [
      goal('relay p50', relay.p50, RELAY_P50_MS),
      goal('relay p99', relay.p99, RELAY_P99_MS),
      goal('mix p50', mix.p50, MIX_P50_MS),
    ],
    relay,
    mix,
    senderLate,
    lateTicks: await server.metric('anchornet_room_late_ticks_total'),
    continuity: stage.target.continuity(),
  },
);
if (values.profile !== undefined) {
  await delay(3_000);
  await mkdir(values.profile, { recursive: true });
  for (const name of await readdir(stage.folder.path)) {
    if (!/\.(cpuprofile|jsonl)$/.test(name)) continue;
    const role = name.startsWith(`${server.mainPid}.`) ? 'main' : 'room';
    await copyFile(join(stage.folder.path, name), join(values.profile, `${role}-${name}`));
  }
}
