import type { Finding } from '../../src/glitch/finding.js';
import { isAtLeast } from '../../src/glitch/finding.js';
import type { Clip, Label } from './clip.js';

/** Position within one frame. */
export const FRAME_MS = 1024 / 48;
export const NARROW_MS = 10;
/** A defect of one kind has others for consequence: what is near a label is no false alarm. */
const NEAR_MS = 400;
/** The bursts of a clip, and what a codec makes of them. */
const BURST_MS = 60;
/** Names that are as good: which of the two it was cannot be told from periodic sound. */
const alike: Readonly<Record<string, readonly string[]>> = {
  skip: ['skip', 'repeat'],
  repeat: ['repeat', 'skip'],
};

export interface Tally {
  labels: number;
  found: number;
  foundNarrow: number;
  /** Labels of which hardly anything is left in the decoded sound, and how many are found all the same; not in `labels`. */
  masked: number;
  maskedFound: number;
  /** Something of `minor` or worse at the place, whatever its name. */
  noticed: number;
  /** Findings of the kind, `minor` and up (any severity for kinds that are `info`), and how many are at a label. */
  claimed: number;
  claimedRight: number;
}

export interface AlarmTally {
  minutes: number;
  alarms: number;
  byKind: Map<string, number>;
}

export class Score {
  readonly byKind = new Map<string, Tally>();
  readonly byKindAndCoding = new Map<string, Tally>();
  readonly byStrength = new Map<string, Tally>();
  readonly clean: AlarmTally = { minutes: 0, alarms: 0, byKind: new Map() };
  readonly negatives: AlarmTally = { minutes: 0, alarms: 0, byKind: new Map() };
  readonly misses: string[] = [];
  readonly falseAlarms: string[] = [];

  add(clip: Clip, findings: readonly Finding[]): void {
    const used = new Set<Finding>();
    for (const label of clip.labels) this.#label(clip, label, { findings, used });
    const alarms = findings.filter(
      (finding) =>
        isAtLeast(finding.severity, 'minor') &&
        clip.burstsMs?.some((ms) => Math.abs(ms - finding.timeMs) < BURST_MS) !== true &&
        !clip.labels.some((label) => Math.abs(label.timeMs - finding.timeMs) < NEAR_MS + reach(label)),
    );
    for (const alarm of alarms) {
      this.falseAlarms.push(
        `${clip.file} ${(alarm.timeMs / 1000).toFixed(3)} ${alarm.kind} ${JSON.stringify(alarm.measured)}`,
      );
      for (const tally of this.#tallies(alarm.kind, clip)) tally.claimed++;
    }
    const counted = clip.isNegative ? this.negatives : this.clean;
    counted.minutes += clip.durationMs / 60_000;
    counted.alarms += alarms.length;
    for (const { kind } of alarms) {
      const key = `${clip.isNegative ? clip.material : 'clean'}: ${kind}`;
      counted.byKind.set(key, (counted.byKind.get(key) ?? 0) + 1);
    }
  }

  #label(
    clip: Clip,
    label: Label,
    { findings, used }: { findings: readonly Finding[]; used: Set<Finding> },
  ): void {
    const kinds = alike[label.kind] ?? [label.kind];
    const distance = ({ timeMs }: Finding): number => distanceTo(label, timeMs);
    const near = findings
      .filter(
        (finding) => kinds.includes(finding.kind) && !used.has(finding) && distance(finding) <= FRAME_MS + 1,
      )
      .sort((a, b) => distance(a) - distance(b))[0];
    const tallies = [
      ...this.#tallies(label.kind, clip),
      tallyOf(this.byStrength, `${label.kind} ${label.strength}`),
    ];
    if (near !== undefined) used.add(near);
    if (label.masked === true) {
      for (const tally of tallies) {
        tally.masked++;
        if (near !== undefined) tally.maskedFound++;
      }
      return;
    }
    if (near === undefined) {
      const others = findings
        .filter((finding) => distance(finding) < 150)
        .map(({ kind, timeMs, severity }) => `${kind}/${severity}@${(timeMs - label.timeMs).toFixed(0)}`);
      this.misses.push(
        `${clip.file} ${(label.timeMs / 1000).toFixed(3)} ${label.kind} ${label.strength} (${label.overNoiseDb ?? '–'} dB) [${others.join(' ')}]`,
      );
    }
    const noticed = findings.some(
      (finding) => isAtLeast(finding.severity, 'minor') && distance(finding) <= 2 * FRAME_MS,
    );
    for (const tally of tallies) {
      tally.labels++;
      if (noticed) tally.noticed++;
      if (near === undefined) continue;
      tally.found++;
      tally.claimed++;
      tally.claimedRight++;
      if (distance(near) <= NARROW_MS) tally.foundNarrow++;
    }
  }

  #tallies(kind: string, clip: Clip): Tally[] {
    const sound = clip.encoder === 'pcm' ? 'pcm' : `${clip.encoder} ${clip.bitrateBps / 1000}k`;
    const coding = clip.pictures ?? sound;
    return [tallyOf(this.byKind, kind), tallyOf(this.byKindAndCoding, `${kind} | ${coding}`)];
  }
}

/** In milliseconds; 0 between its time and that from which on it is heard. */
export function distanceTo(label: Label, timeMs: number): number {
  return Math.max(0, label.timeMs - timeMs, timeMs - (label.heardMs ?? label.timeMs));
}

/** How far the consequences of a label reach. */
export function reach(label: Label): number {
  const ms = /^(\d+) ms/.exec(label.strength);
  if (ms !== null) return Number(ms[1]);
  return ['clipping', 'bandwidth-drop'].includes(label.kind) ? 1300 : 0;
}

function tallyOf(map: Map<string, Tally>, key: string): Tally {
  let tally = map.get(key);
  if (tally === undefined) {
    const found = { labels: 0, found: 0, foundNarrow: 0, masked: 0, maskedFound: 0 };
    tally = { ...found, noticed: 0, claimed: 0, claimedRight: 0 };
    map.set(key, tally);
  }
  return tally;
}

/** Wilson's 95 % interval of a share. */
export function interval(hits: number, of: number): [number, number] {
  if (of === 0) return [0, 1];
  const z = 1.96;
  const p = hits / of;
  const centre = (p + (z * z) / (2 * of)) / (1 + (z * z) / of);
  const half = (z / (1 + (z * z) / of)) * Math.sqrt((p * (1 - p)) / of + (z * z) / (4 * of * of));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

export function f1({ labels, foundNarrow, claimed }: Tally): number {
  return labels + claimed === 0 ? 0 : (2 * foundNarrow) / (labels + claimed);
}
