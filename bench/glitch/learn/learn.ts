/**
 * Teaches the forests of `analyze-glitch` with labelled sets, and writes them into the source.
 *
 *   node bench/run.mjs glitch-learn FOLDER... [--reuse] [--check] [--dry]
 *
 * Each folder holds a set made by `node bench/run.mjs glitch --folder FOLDER`. What is measured of its clips is kept in
 * it, and read again with `--reuse`. `--check` tells, by leaving out an eighth of the clips at a time, what share of the
 * labels is found and how many false alarms there are; with `--dry` nothing is written.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { analyseCapture } from '../../../src/glitch/analyse-capture.js';
import { openCapture } from '../../../src/glitch/capture/open.js';
import { withSoundFormat } from '../../../src/glitch/capture/sound-format.js';
import { AacFrames } from '../../../src/glitch/bitstream/aac-frame.js';
import { BadSeam } from '../../../src/glitch/bitstream/bad-seam.js';
import type { DetectorSet } from '../../../src/glitch/detector.js';
import type { GlitchKind } from '../../../src/glitch/finding.js';
import { soundKinds } from '../../../src/glitch/merge.js';
import { Breaks } from '../../../src/glitch/signal/breaks.js';
import {
  Forest,
  type Features,
  type ForestData,
  type WatchFeatures,
} from '../../../src/glitch/signal/forest.js';
import { LevelJump } from '../../../src/glitch/signal/level-jump.js';
import { LowBand } from '../../../src/glitch/signal/low-band.js';
import type { Clip, Label } from '../clip.js';
import { reach } from '../score.js';
import { RATE } from '../sounds.js';
import { boost, type Example } from './boosting.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    reuse: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    dry: { type: 'boolean', default: false },
  },
});

/** A codec smears a defect over a frame at most. */
const SMEAR_MS = 25;
const HALF_FRAME_MS = 12;
const AWAY_MS = 400;
const FOLDS = 8;
const ALARMS_A_MINUTE = 0.1;
const OPTIONS = { trees: 160, leaves: 12, rate: 0.1 };

/** What a forest is taught to tell from all else that a detector looks at. */
interface Lesson {
  readonly kinds: readonly GlitchKind[];
  /** How near to a label is at its place. */
  readonly atMs: number;
  /** Kinds whose places are no more than other sound to it; what is near any other label teaches nothing. */
  readonly others: ReadonlySet<GlitchKind>;
  readonly detectors: (watch: WatchFeatures) => DetectorSet;
}

const lessons = {
  break: {
    kinds: ['click', 'skip', 'repeat'],
    atMs: SMEAR_MS,
    others: new Set(),
    detectors: (watch) => ({ stream: [], sound: [new Breaks(() => undefined, new LowBand(), watch)] }),
  },
  gain: {
    kinds: ['level-jump'],
    atMs: SMEAR_MS,
    others: new Set(),
    detectors: (watch) => ({ stream: [], sound: [new LevelJump(() => undefined, watch)] }),
  },
  seam: {
    kinds: ['bad-seam'],
    atMs: HALF_FRAME_MS,
    others: soundKinds,
    detectors: (watch) => {
      const seam = new BadSeam(() => undefined, new LowBand(), watch);
      return { stream: [new AacFrames([seam])], sound: [seam] };
    },
  },
} as const satisfies Record<string, Lesson>;
type LessonName = keyof typeof lessons;
const lessonNames = Object.keys(lessons) as LessonName[];

/** A place of a clip, and what is there. */
interface Place {
  readonly clip: string;
  readonly lesson: LessonName;
  readonly features: Features;
  readonly kind: GlitchKind | undefined;
}

interface Measured {
  readonly minutes: number;
  /** How many labels of each kind there are to find. */
  readonly labels: Partial<Record<GlitchKind, number>>;
  readonly places: readonly Place[];
}

async function measure(folder: string): Promise<Measured> {
  const clips = (JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Clip[]).filter(
    ({ file }) => /\.(wav|aac)$/.test(file),
  );
  const places: Place[] = [];
  const labels: Partial<Record<GlitchKind, number>> = {};
  for (const clip of clips) {
    for (const { kind, masked } of clip.labels) if (masked !== true) labels[kind] = (labels[kind] ?? 0) + 1;
    places.push(...(await placesOf(folder, clip)));
  }
  return { minutes: clips.reduce((sum, { durationMs }) => sum + durationMs / 60_000, 0), labels, places };
}

async function placesOf(folder: string, clip: Clip): Promise<Place[]> {
  const places: Place[] = [];
  const watch =
    (lesson: LessonName): WatchFeatures =>
    (position, features) => {
      const label = labelAt(clip, lessons[lesson], (position * 1000) / RATE);
      if (label !== 'unclear')
        places.push({ clip: join(folder, clip.file), lesson, features, kind: label?.kind });
    };
  const opened = await openCapture(join(folder, clip.file));
  try {
    const { capture } = await withSoundFormat(opened);
    await analyseCapture(capture, {
      pictures: false,
      onFinding: () => undefined,
      more: () => {
        const sets = lessonNames.map((lesson): DetectorSet => lessons[lesson].detectors(watch(lesson)));
        return { stream: sets.flatMap(({ stream }) => stream), sound: sets.flatMap(({ sound }) => sound) };
      },
    });
  } finally {
    await opened.close();
  }
  return places;
}

/** Masked labels, and what is near those of other kinds, teach nothing. */
function labelAt(
  { labels, burstsMs = [] }: Clip,
  { kinds, atMs, others }: Lesson,
  timeMs: number,
): Label | 'unclear' | undefined {
  const label = labels.find((one) => kinds.includes(one.kind) && Math.abs(one.timeMs - timeMs) < atMs);
  if (label !== undefined) return label.masked === true ? 'unclear' : label;
  const isAway =
    labels.every(
      (other) => others.has(other.kind) || Math.abs(other.timeMs - timeMs) > AWAY_MS + reach(other),
    ) && burstsMs.every((ms) => Math.abs(ms - timeMs) > AWAY_MS);
  return isAway ? undefined : 'unclear';
}

async function measured(folder: string): Promise<Measured> {
  const file = join(folder, 'places.json');
  if (values.reuse && existsSync(file)) return JSON.parse(await readFile(file, 'utf8')) as Measured;
  const made = await measure(folder);
  await writeFile(file, JSON.stringify(made));
  return made;
}

/** Each clip is in one fold with all its places. */
function foldOf({ clip }: Place): number {
  let hash = 0;
  for (const char of clip) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) >>> 0;
  return hash % FOLDS;
}

function teach(places: readonly Place[], isSo: (place: Place) => boolean): ForestData {
  return boost(
    places.map((place): Example => ({ features: place.features, isSo: isSo(place) })),
    OPTIONS,
  );
}

const isDefect = ({ kind }: Place): boolean => kind !== undefined;
const isClick = ({ kind }: Place): boolean => kind === 'click';

/** What forests that have not seen a clip say to its places. */
function unseen(places: readonly Place[], isSo: (place: Place) => boolean): Map<Place, number> {
  const odds = new Map<Place, number>();
  for (let fold = 0; fold < FOLDS; fold++) {
    const forest = new Forest(
      teach(
        places.filter((place) => foldOf(place) !== fold),
        isSo,
      ),
    );
    for (const place of places) if (foldOf(place) === fold) odds.set(place, forest.logOdds(place.features));
  }
  return odds;
}

const out = (line: string): boolean => process.stdout.write(`${line}\n`);

function tellUnseen(lesson: LessonName): void {
  const odds = unseen(placesFor(lesson), isDefect);
  for (const [n, { minutes, labels, places }] of sets.entries()) {
    const own = places.filter((place) => place.lesson === lesson);
    const wrong = own.filter((place) => !isDefect(place)).map((place) => odds.get(place)!);
    wrong.sort((a, b) => b - a);
    const found = (least: number): string =>
      lessons[lesson].kinds
        .map((kind) => {
          const count = own.filter((place) => place.kind === kind && odds.get(place)! > least).length;
          return `${kind} ${(count / (labels[kind] ?? 1)).toFixed(2)}`;
        })
        .join(', ');
    const least = wrong[Math.floor(ALARMS_A_MINUTE * minutes)] ?? 0;
    out(`${positionals[n]}, ${lesson}: ${own.length} places; candidates ${found(-Infinity)}`);
    out(`  at ${ALARMS_A_MINUTE} alarms a minute, log odds of ${least.toFixed(2)}: ${found(least)}`);
    for (const odds of [0, 0.5, 1, 1.5, 2]) {
      const alarms = wrong.filter((value) => value > odds).length / minutes;
      out(`  from ${odds} on: ${alarms.toFixed(2)} alarms a minute, ${found(odds)}`);
    }
  }
}

const sets = await Promise.all(positionals.map(measured));
const placesFor = (lesson: LessonName): Place[] =>
  sets.flatMap(({ places }) => places.filter((place) => place.lesson === lesson));
const broken = placesFor('break').filter(isDefect);
if (values.check) {
  for (const lesson of lessonNames) tellUnseen(lesson);
  const odds = unseen(broken, isClick);
  const right = broken.filter((place) => odds.get(place)! > 0 === isClick(place)).length;
  out(`click or cut: ${(right / broken.length).toFixed(3)} told right`);
}
if (!values.dry) {
  const forests = {
    breakForest: teach(placesFor('break'), isDefect),
    clickForest: teach(broken, isClick),
    gainForest: teach(placesFor('gain'), isDefect),
    seamForest: teach(placesFor('seam'), isDefect),
  };
  const text = Object.entries(forests).map(
    ([name, data]) => `export const ${name}: ForestData = ${JSON.stringify(data)};\n`,
  );
  await writeFile(
    new URL('../../../src/glitch/signal/forests.ts', import.meta.url),
    `// Written by bench/glitch/learn/learn.ts.\nimport type { ForestData } from './forest.js';\n\n${text.join('')}`,
  );
}
