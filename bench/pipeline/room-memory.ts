/**
 * Memory of a room process that mixes four 720p participants, and of the main process beside it; with more minutes a
 * soak: modes are switched all the time and a trend is fitted to what is left after the warm-up.
 *
 * Repeat: `npm run build && node --import tsx bench/pipeline/room-memory.ts [--minutes 1.5] [--guests 3] [--bin PATH]`
 * Soak: the same with `--minutes 30`; switches every 20 s, the first fifth (at least three minutes) is the warm-up.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/base/clock.js';
import { goal, load, report, rounded, type Goal } from './figures.js';
import { processFigures, type ProcessFigures } from './process-figures.js';
import { Stage } from './stage.js';
import { trend, type Point, type Trend } from './trend.js';

const ROOM_LIMIT_MB = 250;
/** From here on it is a soak: shorter runs stay in collab, where the memory is needed. */
const SOAK_MINUTES = 5;
const SAMPLE_MS = 10_000;
const SHORT_SAMPLE_MS = 1_000;
const SWITCH_MS = 20_000;
const MIN_WARM_UP_MINUTES = 3;
/** Growth that would take more than a day to double a room's memory; V8 moves its limits by as much. */
const MB_PER_HOUR = 8;
const ITEMS_PER_HOUR = 4;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1.5' },
    guests: { type: 'string', default: '3' },
    bin: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
const isSoak = minutes >= SOAK_MINUTES;

const processes = ['main', 'room'] as const;
const kinds = ['rssMb', 'heapMb', 'outsideHeapMb', 'handles', 'descriptors'] as const;
type Series = Record<(typeof kinds)[number], Point[]>;
const series: Record<(typeof processes)[number], Series> = { main: emptySeries(), room: emptySeries() };

await using stage = await Stage.open({ guests: Number(values.guests), bin: values.bin });
const { server } = stage;
const pids = { main: server.mainPid, room: await server.roomPid() };
await stage.switchTo('collab', systemClock);
const participants = await stage.onAir();

const beganUs = systemClock.nowUs();
const elapsedMs = (): number => (systemClock.nowUs() - beganUs) / 1_000;
let switches = 0;
let failedSwitches = 0;
const loads: number[] = [];
while (elapsedMs() < minutes * 60_000) {
  await delay(isSoak ? SAMPLE_MS : SHORT_SAMPLE_MS);
  sample();
  if (isSoak && elapsedMs() > (switches + failedSwitches + 1) * SWITCH_MS) await change();
}
const rows = processes.flatMap((name) => kinds.map((kind) => rowOf(name, kind)));
const highestRoomMb = rounded(figuresOf('room').peakRssMb);
const missing = Number(values.guests) + 1 - participants;
const goals: Goal[] = [
  goal('participants missing in the mix', missing, 0),
  goal('room process, highest RSS in MB', highestRoomMb, ROOM_LIMIT_MB),
];
if (isSoak)
  goals.push(goal('figures that grow', rows.filter(({ verdict }) => verdict === 'growing').length, 0));
report(isSoak ? `${minutes} minutes with a switch every 20 s` : 'Memory in collab', rows, {
  goals,
  participants,
  rows,
  highestMainMb: rounded(figuresOf('main').peakRssMb),
  switches,
  failedSwitches,
  highestLoad: Math.max(...loads),
  continuity: stage.target.continuity(),
  restarts: await server.metric('anchornet_room_restarts_total'),
  lateTicks: await server.metric('anchornet_room_late_ticks_total'),
  decodeErrors: await server.metric('anchornet_room_decode_errors_total'),
});

function emptySeries(): Series {
  return { rssMb: [], heapMb: [], outsideHeapMb: [], handles: [], descriptors: [] };
}

function sample(): void {
  const at = elapsedMs() / 60_000;
  loads.push(load().average);
  for (const name of processes) {
    const outside = figuresOf(name);
    const inside = newestProbe(pids[name]);
    const add = (kind: (typeof kinds)[number], value: number | undefined): void => {
      if (value !== undefined) series[name][kind].push({ minutes: at, value });
    };
    add('rssMb', outside.rssMb);
    add('descriptors', outside.descriptors);
    add('heapMb', inside === undefined ? undefined : inside.heapUsed / 2 ** 20);
    add('outsideHeapMb', inside === undefined ? undefined : inside.external / 2 ** 20);
    add('handles', inside?.resources);
  }
  if (!isSoak) return;
  const { main, room } = { main: figuresOf('main'), room: figuresOf('room') };
  process.stderr.write(
    `${at.toFixed(1)} min: main ${main.rssMb.toFixed(0)} MB, room ${room.rssMb.toFixed(0)} MB, load ${loads.at(-1)}\n`,
  );
}

function figuresOf(name: (typeof processes)[number]): ProcessFigures {
  try {
    return processFigures(pids[name]);
  } catch (cause) {
    throw new Error(`the ${name} process is gone: the run says nothing about its memory`, { cause });
  }
}

/** What the process has last told about itself. */
function newestProbe(pid: number): { heapUsed: number; external: number; resources: number } | undefined {
  try {
    const lines = readFileSync(stage.folder.file(`${pid}.jsonl`), 'utf8')
      .trimEnd()
      .split('\n');
    return JSON.parse(lines.at(-1) ?? '') as { heapUsed: number; external: number; resources: number };
  } catch {
    return undefined;
  }
}

async function change(): Promise<void> {
  try {
    await stage.switchTo((switches + failedSwitches) % 2 === 0 ? 'live' : 'collab', systemClock);
    switches++;
  } catch (error) {
    failedSwitches++;
    process.stderr.write(`${String(error)}\n`);
  }
}

function rowOf(
  name: (typeof processes)[number],
  kind: (typeof kinds)[number],
): { process: string; figure: string; median: number; highest: number } & Partial<Trend> {
  const points = series[name][kind];
  const sorted = points.map(({ value }) => value).toSorted((a, b) => a - b);
  const row = {
    process: name,
    figure: kind,
    median: rounded(sorted[sorted.length >> 1] ?? Number.NaN),
    highest: rounded(sorted.at(-1) ?? Number.NaN),
  };
  if (!isSoak) return row;
  const warmUp = Math.max(MIN_WARM_UP_MINUTES, minutes / 5);
  const isMemory = kind.endsWith('Mb');
  const settled = points.filter((point) => point.minutes >= warmUp);
  return { ...row, ...trend(settled, isMemory ? MB_PER_HOUR : ITEMS_PER_HOUR, isMemory && kind !== 'rssMb') };
}
