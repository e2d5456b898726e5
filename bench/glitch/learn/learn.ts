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
import { Forest, type Features, type ForestData, type Watch } from '../../../src/glitch/signal/forest.js';
import { ChannelDropout } from '../../../src/glitch/signal/channel-dropout.js';
import { Holes } from '../../../src/glitch/signal/holes.js';
import { LevelJump } from '../../../src/glitch/signal/level-jump.js';
import { LowBand } from '../../../src/glitch/signal/low-band.js';
import { NoiseBurst } from '../../../src/glitch/signal/noise-burst.js';
import type { Clip, Label } from '../clip.js';
import { reach } from '../score.js';
import { RATE } from '../sounds.js';
import { boost, rounded, type BoostingOptions } from './boosting.js';

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
const OPTIONS: BoostingOptions = { trees: 160, leaves: 12, rate: 0.1 };
/** At a glance, most places are to be passed over, and hardly any that the labels tell of. */
const GLANCE: BoostingOptions = { trees: 40, leaves: 8, rate: 0.2 };
const KEPT_AT_A_GLANCE = 0.99;

/** What a forest is taught to tell from all else that a detector looks at. */
interface Lesson {
  readonly kinds: readonly GlitchKind[];
  /** How near to a label is at its place. */
  readonly atMs: number;
  /** Kinds whose places are no more than other sound to it; what is near any other label teaches nothing. */
  readonly others: ReadonlySet<GlitchKind>;
  readonly detectors: (watch: Watch) => DetectorSet;
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
  burst: {
    kinds: ['noise-burst'],
    atMs: SMEAR_MS,
    others: new Set(),
    detectors: (watch) => ({ stream: [], sound: [new NoiseBurst(() => undefined, watch)] }),
  },
  dropout: {
    kinds: ['channel-dropout'],
    atMs: SMEAR_MS,
    others: new Set(),
    detectors: (watch) => ({ stream: [], sound: [new ChannelDropout(() => undefined, watch)] }),
  },
  hole: {
    kinds: ['gap', 'silence-run'],
    atMs: SMEAR_MS,
    others: new Set(),
    detectors: (watch) => ({ stream: [], sound: [new Holes(() => undefined, watch)] }),
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
  /** In samples of the clip's sound. */
  readonly position: number;
  readonly kind: GlitchKind | undefined;
  /** In the order of the sheet's names. */
  readonly values: readonly number[];
}

/** Places at which the same was measured. */
interface Sheet {
  readonly names: string[];
  readonly places: Place[];
}

/** Of each lesson, what was seen at a glance and what at a closer look. */
type Sheets = Readonly<Record<LessonName, Readonly<Record<keyof Watch, Sheet>>>>;

interface Measured {
  readonly minutes: number;
  /** How many labels of each kind there are to find. */
  readonly labels: Partial<Record<GlitchKind, number>>;
  readonly sheets: Sheets;
}

async function measure(folder: string): Promise<Measured> {
  const clips = (JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Clip[]).filter(
    ({ file }) => /\.(wav|aac)$/.test(file),
  );
  const empty = (): Sheet => ({ names: [], places: [] });
  const sheets = Object.fromEntries(
    lessonNames.map((name) => [name, { glance: empty(), look: empty() }]),
  ) as unknown as Sheets;
  const labels: Partial<Record<GlitchKind, number>> = {};
  for (const clip of clips) {
    for (const { kind, masked } of clip.labels) if (masked !== true) labels[kind] = (labels[kind] ?? 0) + 1;
    await measureClip(folder, clip, sheets);
  }
  const minutes = clips.reduce((sum, { durationMs }) => sum + durationMs / 60_000, 0);
  return { minutes, labels, sheets };
}

async function measureClip(folder: string, clip: Clip, sheets: Sheets): Promise<void> {
  const watch = (lesson: LessonName): Watch => {
    const into =
      ({ names, places }: Sheet) =>
      (position: number, features: Features): void => {
        if (names.length === 0) names.push(...Object.keys(features));
        const label = labelAt(clip, lessons[lesson], (position * 1000) / RATE);
        if (label === 'unclear') return;
        const values = names.map((name) => rounded(features[name]!));
        places.push({ clip: join(folder, clip.file), position, kind: label?.kind, values });
      };
    return { glance: into(sheets[lesson].glance), look: into(sheets[lesson].look) };
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

/** The sheets of all sets for a lesson, in one. */
function sheetFor(lesson: LessonName, watched: keyof Watch): Sheet {
  const own = sets.map(({ sheets }) => sheets[lesson][watched]);
  return { names: own[0]!.names, places: own.flatMap(({ places }) => places) };
}

function teach({ names, places }: Sheet, isSo: (place: Place) => boolean, options = OPTIONS): ForestData {
  return boost(
    names,
    places.map((place) => ({ values: place.values, isSo: isSo(place) })),
    options,
  );
}

const isDefect = ({ kind }: Place): boolean => kind !== undefined;
const isClick = ({ kind }: Place): boolean => kind === 'click';

function oddsOf(forest: Forest, { names }: Sheet): (place: Place) => number {
  return ({ values }) =>
    forest.logOdds(Object.fromEntries(names.map((name, n) => [name, values[n]!] as const)));
}

/** Its bias is such that what a closer look may tell of has odds of 1 and more. */
function teachGlance(lesson: LessonName): ForestData {
  const look = sheetFor(lesson, 'look');
  const told = oddsOf(new Forest(teach(look, isDefect)), look);
  const keyOf = ({ clip, position }: Place): string => `${clip} ${position}`;
  const worthIt = new Set(look.places.filter((place) => isDefect(place) && told(place) >= 0).map(keyOf));
  const sheet = sheetFor(lesson, 'glance');
  const data = teach(sheet, isDefect, GLANCE);
  const odds = sheet.places
    .filter((place) => worthIt.has(keyOf(place)))
    .map(oddsOf(new Forest(data), sheet))
    .sort((a, b) => b - a);
  const least = odds[Math.floor(KEPT_AT_A_GLANCE * odds.length)]!;
  return { ...data, bias: rounded(data.bias - least) };
}

/** What is left for a closer look. */
function afterGlance(glance: ForestData, sheet: Sheet): Sheet {
  const odds = oddsOf(new Forest(glance), sheet);
  return { ...sheet, places: sheet.places.filter((place) => odds(place) >= 0) };
}

/** What forests that have not seen a clip say to its places. */
function unseen(sheet: Sheet, isSo: (place: Place) => boolean): Map<Place, number> {
  const told = new Map<Place, number>();
  for (let fold = 0; fold < FOLDS; fold++) {
    const others = sheet.places.filter((place) => foldOf(place) !== fold);
    const odds = oddsOf(new Forest(teach({ ...sheet, places: others }, isSo)), sheet);
    for (const place of sheet.places) if (foldOf(place) === fold) told.set(place, odds(place));
  }
  return told;
}

const out = (line: string): boolean => process.stdout.write(`${line}\n`);

function tellUnseen(lesson: LessonName, sheet: Sheet): void {
  const odds = unseen(sheet, isDefect);
  for (const [n, { minutes, labels }] of sets.entries()) {
    const own = sheet.places.filter(({ clip }) => clip.startsWith(join(positionals[n]!, '/')));
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
const breakGlance = teachGlance('break');
const gainGlance = teachGlance('gain');
const looks = {
  break: afterGlance(breakGlance, sheetFor('break', 'look')),
  gain: afterGlance(gainGlance, sheetFor('gain', 'look')),
  burst: sheetFor('burst', 'look'),
  dropout: sheetFor('dropout', 'look'),
  hole: sheetFor('hole', 'look'),
  seam: sheetFor('seam', 'look'),
} as const satisfies Record<LessonName, Sheet>;
const broken = { ...looks.break, places: looks.break.places.filter(isDefect) };
for (const lesson of ['break', 'gain'] as const) {
  const [all, left] = [sheetFor(lesson, 'glance').places, looks[lesson].places];
  out(`${lesson}: ${all.length} places at a glance, ${left.length} left for a closer look`);
}
if (values.check) {
  for (const lesson of lessonNames) tellUnseen(lesson, looks[lesson]);
  const odds = unseen(broken, isClick);
  const right = broken.places.filter((place) => odds.get(place)! > 0 === isClick(place)).length;
  out(`click or cut: ${(right / broken.places.length).toFixed(3)} told right`);
}
if (!values.dry) {
  const forests = {
    breakGlance,
    breakForest: teach(looks.break, isDefect),
    clickForest: teach(broken, isClick),
    gainGlance,
    gainForest: teach(looks.gain, isDefect),
    burstForest: teach(looks.burst, isDefect),
    dropoutForest: teach(looks.dropout, isDefect),
    holeForest: teach(looks.hole, isDefect),
    seamForest: teach(looks.seam, isDefect),
  };
  const text = Object.entries(forests).map(
    ([name, data]) => `export const ${name}: ForestData = ${JSON.stringify(data)};\n`,
  );
  await writeFile(
    new URL('../../../src/glitch/signal/forests.ts', import.meta.url),
    `// Written by bench/glitch/learn/learn.ts.\nimport type { ForestData } from './forest.js';\n\n${text.join('')}`,
  );
}
