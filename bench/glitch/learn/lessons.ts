import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { analyseCapture } from '../../../src/glitch/analyse-capture.js';
import { openCapture } from '../../../src/glitch/capture/open.js';
import { withSoundFormat } from '../../../src/glitch/capture/sound-format.js';
import { AacFrames } from '../../../src/glitch/bitstream/aac-frame.js';
import { BadSeam } from '../../../src/glitch/bitstream/bad-seam.js';
import type { DetectorSet, SoundDetector } from '../../../src/glitch/detector.js';
import type { GlitchKind } from '../../../src/glitch/finding.js';
import { soundKinds } from '../../../src/glitch/merge.js';
import { BandwidthDrop } from '../../../src/glitch/signal/bandwidth-drop.js';
import { Breaks } from '../../../src/glitch/signal/breaks.js';
import { ChannelDropout } from '../../../src/glitch/signal/channel-dropout.js';
import type { Features, Watch } from '../../../src/glitch/signal/forest.js';
import { Holes } from '../../../src/glitch/signal/holes.js';
import { LevelJump } from '../../../src/glitch/signal/level-jump.js';
import { LowBand } from '../../../src/glitch/signal/low-band.js';
import { NoiseBurst } from '../../../src/glitch/signal/noise-burst.js';
import type { Clip, Label } from '../clip.js';
import { distanceTo, reach } from '../score.js';
import { RATE } from '../sounds.js';
import { rounded } from './boosting.js';

/** A codec smears a defect over a frame at most. */
const SMEAR_MS = 25;
const HALF_FRAME_MS = 12;
const AWAY_MS = 400;

/** What a forest is taught to tell from all else that a detector looks at. */
interface Lesson {
  readonly kinds: readonly GlitchKind[];
  /** How near to a label is at its place. */
  readonly atMs: number;
  /** Kinds whose places are no more than other sound to it; what is near any other label teaches nothing. */
  readonly others: ReadonlySet<GlitchKind>;
  readonly detectors: (watch: Watch) => DetectorSet;
}

/** A lesson of a detector that hears the decoded sound. */
function inSound(kinds: readonly GlitchKind[], detector: (watch: Watch) => SoundDetector): Lesson {
  const detectors = (watch: Watch): DetectorSet => ({ stream: [], sound: [detector(watch)] });
  return { kinds, atMs: SMEAR_MS, others: new Set(), detectors };
}

export const lessons = {
  break: inSound(['click', 'skip', 'repeat'], (watch) => new Breaks(() => undefined, new LowBand(), watch)),
  gain: inSound(['level-jump'], (watch) => new LevelJump(() => undefined, watch)),
  burst: inSound(['noise-burst'], (watch) => new NoiseBurst(() => undefined, watch)),
  dropout: inSound(['channel-dropout'], (watch) => new ChannelDropout(() => undefined, watch)),
  bandwidth: inSound(['bandwidth-drop'], (watch) => new BandwidthDrop(() => undefined, watch)),
  hole: inSound(['gap', 'silence-run'], (watch) => new Holes(() => undefined, watch)),
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
export type LessonName = keyof typeof lessons;
export const lessonNames = Object.keys(lessons) as LessonName[];

/** A place of a clip, and what is there. */
export interface Place {
  readonly clip: string;
  /** In samples of the clip's sound. */
  readonly position: number;
  readonly kind: GlitchKind | undefined;
  /** In the order of the sheet's names. */
  readonly values: readonly number[];
}

/** Places at which the same was measured. */
export interface Sheet {
  readonly names: string[];
  readonly places: Place[];
}

/** Of each lesson, what was seen at a glance and what at a closer look. */
type Sheets = Readonly<Record<LessonName, Readonly<Record<keyof Watch, Sheet>>>>;

export interface Measured {
  readonly minutes: number;
  /** How many labels of each kind there are to find. */
  readonly labels: Partial<Record<GlitchKind, number>>;
  readonly sheets: Sheets;
}

/** Measures the places of a set of `node bench/run.mjs glitch --folder`. */
export async function measure(folder: string): Promise<Measured> {
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
  const label = labels.find((one) => kinds.includes(one.kind) && distanceTo(one, timeMs) < atMs);
  if (label !== undefined) return label.masked === true ? 'unclear' : label;
  const isAway =
    labels.every(
      (other) => others.has(other.kind) || Math.abs(other.timeMs - timeMs) > AWAY_MS + reach(other),
    ) && burstsMs.every((ms) => Math.abs(ms - timeMs) > AWAY_MS);
  return isAway ? undefined : 'unclear';
}
