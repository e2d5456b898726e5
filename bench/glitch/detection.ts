/**
 * Makes the labelled set and measures what the analyser finds in it.
 *
 *   node bench/run.mjs glitch [--folder DIR] [--seed N] [--bitrates 64,128,192] [--reuse] [--captures] [--only TEXT,TEXT]
 *     [--recordings DIR | --negatives TEXT,TEXT] [--count 8] [--ffmpeg] [--reference] [--details]
 *
 * `--recordings` makes the clips of excerpts of the sound files in a folder, `--count` of them for each kind and coding;
 * `--negatives` makes hard negatives of these names alone, `--count` of each.
 * `--captures` leaves out the sounds; `--ffmpeg` measures ffmpeg's own detectors beside it, where they answer the same.
 * `--reference` writes the clean sound of each clip, too, and measures a second time with it as the reference.
 */
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InvalidOptionError } from '../../src/base/errors.js';
import { analyseCapture } from '../../src/glitch/analyse-capture.js';
import { openCapture } from '../../src/glitch/capture/open.js';
import type { Finding } from '../../src/glitch/finding.js';
import { withSoundFormat } from '../../src/glitch/capture/sound-format.js';
import { ReferenceCheck } from '../../src/glitch/reference/reference-check.js';
import type { Clip } from './clip.js';
import { ffmpegFindings, ffmpegKinds } from './ffmpeg-detectors.js';
import { makeSet } from './labelled-set.js';
import { negatives, type Negative } from './negatives.js';
import { f1, interval, Score, type AlarmTally, type Tally } from './score.js';

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: join(tmpdir(), 'anchornet-glitch-set') },
    seed: { type: 'string', default: '1' },
    bitrates: { type: 'string', default: '64,128,192' },
    only: { type: 'string' },
    reuse: { type: 'boolean', default: false },
    recordings: { type: 'string' },
    negatives: { type: 'string' },
    count: { type: 'string', default: '8' },
    captures: { type: 'boolean', default: false },
    ffmpeg: { type: 'boolean', default: false },
    reference: { type: 'boolean', default: false },
    details: { type: 'boolean', default: false },
  },
});

function negativesOf(names: string): Negative[] {
  return names.split(',').map((name) => {
    const kind = negatives.find((one) => one === name);
    if (kind === undefined)
      throw new Error(`expected hard negatives of ${negatives.join(', ')}, got ${name}`);
    return kind;
  });
}

const folder = values.folder;
const clips: Clip[] = values.reuse
  ? (JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Clip[])
  : await makeSet({
      folder,
      seed: Number(values.seed),
      bitratesBps: values.bitrates.split(',').map((kbps) => Number(kbps) * 1000),
      capturesOnly: values.captures,
      references: values.reference,
      negatives:
        values.negatives === undefined
          ? undefined
          : { kinds: negativesOf(values.negatives), count: Number(values.count) },
      recordings:
        values.recordings === undefined
          ? undefined
          : { folder: values.recordings, count: Number(values.count) },
    });
const score = new Score();
const withReference = new Score();
/** Clips whose defects ffmpeg's detectors tell, too, and those without any. */
const both = { here: new Score(), ffmpeg: new Score() };
let mediaSeconds = 0;
/** Captures of which nothing was found in their reference. */
const refused: string[] = [];
const cpuBefore = process.cpuUsage();

async function findingsOf(clip: Clip, reference: string | undefined): Promise<Finding[]> {
  const opened = await openCapture(join(folder, clip.file));
  const { capture, format } = await withSoundFormat(opened);
  const check =
    reference === undefined ? undefined : await ReferenceCheck.open(join(folder, reference), format);
  const findings: Finding[] = [];
  try {
    const summary = await analyseCapture(capture, {
      pictures: true,
      onFinding: (finding) => findings.push(finding),
      more: check && ((report) => check.detectors(report)),
    });
    mediaSeconds += summary.durationMs / 1000;
  } catch (error) {
    // Nothing of the capture was found in the reference: all its labels are missed.
    if (reference === undefined || !(error instanceof InvalidOptionError)) throw error;
    refused.push(clip.file);
    return [];
  } finally {
    await check?.close();
    await opened.close();
  }
  return findings;
}

for (const clip of clips) {
  if (values.only?.split(',').some((text) => clip.file.includes(text)) === false) continue;
  const findings = await findingsOf(clip, undefined);
  score.add(clip, findings);
  if (values.reference && clip.reference !== undefined) {
    withReference.add(clip, await findingsOf(clip, clip.reference));
  }
  if (!values.ffmpeg || !clip.labels.every(({ kind }) => ffmpegKinds.has(kind))) continue;
  both.here.add(
    clip,
    findings.filter(({ kind }) => ffmpegKinds.has(kind)),
  );
  const medium = /\.(aac|wav)$/.test(clip.file) ? 'audio' : 'video';
  both.ffmpeg.add(clip, ffmpegFindings(join(folder, clip.file), medium));
}
const cpu = process.cpuUsage(cpuBefore);
const cpuSeconds = (cpu.user + cpu.system) / 1e6;

const out = (line: string): boolean => process.stdout.write(`${line}\n`);
const share = (hits: number, of: number): string => {
  const [low, high] = interval(hits, of);
  return of === 0 ? '–' : `${(hits / of).toFixed(3)} (${low.toFixed(2)}–${high.toFixed(2)})`;
};
const row = (name: string, tally: Tally): void => {
  out(
    `| ${name} | ${tally.labels} | ${share(tally.found, tally.labels)} | ${share(tally.noticed, tally.labels)} | ` +
      `${share(tally.claimedRight, tally.claimed)} | ${f1(tally).toFixed(3)} | ${tally.maskedFound} of ${tally.masked} |`,
  );
};
const table = (title: string, tallies: ReadonlyMap<string, Tally>): void => {
  out(`\n| ${title} | labels | recall | noticed | precision | F1 at ±10 ms | masked |`);
  out('| --- | --- | --- | --- | --- | --- | --- |');
  for (const [name, tally] of [...tallies].sort(([a], [b]) => (a < b ? -1 : 1))) row(name, tally);
};
const alarms = (name: string, tally: AlarmTally): void => {
  out(
    `\n${name}: ${tally.alarms} in ${tally.minutes.toFixed(1)} min, ${(tally.alarms / tally.minutes).toFixed(2)} a minute`,
  );
  for (const [kind, count] of [...tally.byKind].sort(([, a], [, b]) => b - a)) out(`  ${kind}: ${count}`);
};
const print = (measured: Score, how: string): void => {
  table(`kind${how}`, measured.byKind);
  if (values.details) {
    table(`kind and coding${how}`, measured.byKindAndCoding);
    table(`strength${how}`, measured.byStrength);
    out(`\nMisses${how}`);
    for (const miss of measured.misses) out(`  ${miss}`);
    out(`\nFalse alarms${how}`);
    for (const alarm of measured.falseAlarms) out(`  ${alarm}`);
  }
  alarms(`False alarms on clean material and away from labels${how}`, measured.clean);
  alarms(`False alarms on hard negatives${how}`, measured.negatives);
};
print(score, '');
if (values.ffmpeg) {
  table('kind, analyze-glitch', both.here.byKind);
  table("kind, ffmpeg's detectors", both.ffmpeg.byKind);
}
if (values.reference) {
  print(withReference, ', with the reference');
  out(`\nRefused: ${refused.length} ${refused.join(' ')}`);
}
out(
  `\n${(mediaSeconds / cpuSeconds).toFixed(0)} × real time by CPU time (${cpuSeconds.toFixed(1)} s for ${mediaSeconds.toFixed(0)} s)`,
);
