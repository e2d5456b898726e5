/**
 * What the analyser says to joins: pieces of one sound, each encoded alone, joined by the splicer and by ffmpeg's concat
 * demuxer. The splicer's seams must have no finding of `minor` or worse, each of concat's must have one.
 *
 *   node bench/run.mjs joins [--bitrates 64,128] [--seed 1]
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { adtsFrame } from '../../src/container/adts/adts.js';
import { analyseCapture } from '../../src/glitch/analyse-capture.js';
import { openCapture } from '../../src/glitch/capture/open.js';
import { isAtLeast, type Finding } from '../../src/glitch/finding.js';
import type { AacUnit } from '../../src/media/access-unit.js';
import { allTechniques } from '../../src/splice/techniques.js';
import { encodeSource, piece, splice, type KnownSource } from '../../test/splice/rig.js';
import { makeSound, materials, RATE } from './sounds.js';

const { values } = parseArgs({
  options: { bitrates: { type: 'string', default: '64,128' }, seed: { type: 'string', default: '1' } },
});
const SECONDS = 14;
/** On no frame border, and far from each other. */
const CUTS = [0, 2.713, 5.127, 7.931, 10.377, SECONDS].map((seconds) => Math.round(seconds * RATE));
const FRAME_MS = (1024 * 1000) / RATE;
/** Bridges are a few frames long. */
const NEAR_MS = 6 * FRAME_MS;

async function findingsOf(path: string): Promise<Finding[]> {
  const capture = await openCapture(path);
  const findings: Finding[] = [];
  await analyseCapture(capture, { pictures: false, onFinding: (finding) => findings.push(finding) });
  await capture.close();
  return findings.filter(({ severity }) => isAtLeast(severity, 'minor'));
}

interface Tally {
  seams: number;
  hit: number;
  readonly kinds: Map<string, number>;
  readonly examples: string[];
}
const tally = (): Tally => ({ seams: 0, hit: 0, kinds: new Map(), examples: [] });
const spliced = tally();
const concatenated = tally();

function count(
  into: Tally,
  seamMs: number,
  { findings, name }: { findings: readonly Finding[]; name: string },
): void {
  const near = findings.filter(({ timeMs }) => Math.abs(timeMs - seamMs) <= NEAR_MS);
  into.seams++;
  if (near.length > 0) into.hit++;
  for (const { kind } of near) into.kinds.set(kind, (into.kinds.get(kind) ?? 0) + 1);
  const kinds = near.map(({ kind, timeMs }) => `${kind}@${(timeMs - seamMs).toFixed(0)}`).join(' ');
  into.examples.push(`${name} ${(seamMs / 1000).toFixed(2)}: ${kinds}`);
}

const adts = (units: readonly AacUnit[]): Buffer => Buffer.concat(units.map(adtsFrame));
const folder = await mkdtemp(join(tmpdir(), 'anchornet-joins-'));
try {
  for (const encoder of ['libfdk_aac', 'aac'] as const) {
    for (const bitrate of values.bitrates.split(',')) {
      for (const material of materials) {
        const sound = await makeSound(material, SECONDS, Number(values.seed) * 31 + 7);
        const sources: KnownSource[] = CUTS.slice(1).map((to, i) =>
          encodeSource(sound, {
            sampleRate: RATE,
            encoder,
            bitrateBps: Number(bitrate) * 1000,
            from: CUTS[i]!,
            to,
          }),
        );
        const name = `${encoder} ${bitrate}k ${material}`;
        const pieces = sources.map((source, i) => piece(source, CUTS[i]!, CUTS[i + 1]! - CUTS[i]!));
        const done = await splice(sources, { pieces, trims: true, techniques: allTechniques });
        const path = join(folder, 'spliced.aac');
        await writeFile(path, adts(done.units));
        const found = await findingsOf(path);
        const origin = done.units[0]!.pts;
        for (const cut of CUTS.slice(1, -1)) {
          count(spliced, ((cut - origin) * 1000) / RATE, { findings: found, name });
        }
        const files = await Promise.all(
          sources.map(async ({ units }, i) => {
            const file = join(folder, `${i}.aac`);
            await writeFile(file, adts(units));
            return `file '${file}'`;
          }),
        );
        const list = join(folder, 'list.txt');
        await writeFile(list, files.join('\n'));
        const joined = join(folder, 'concat.aac');
        execFileSync('ffmpeg', [
          '-v',
          'error',
          '-y',
          '-f',
          'concat',
          '-safe',
          '0',
          '-i',
          list,
          '-c',
          'copy',
          joined,
        ]);
        const alarms = await findingsOf(joined);
        let frames = 0;
        for (const { units } of sources.slice(0, -1)) {
          frames += units.length;
          count(concatenated, frames * FRAME_MS, { findings: alarms, name });
        }
      }
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

const out = (line: string): boolean => process.stdout.write(`${line}\n`);
const print = (name: string, { seams, hit, kinds }: Tally): void => {
  const named = [...kinds].map(([kind, times]) => `${kind} ${times}`).join(', ');
  out(
    `${name}: ${hit} of ${seams} seams have a finding of minor or worse${named === '' ? '' : ` (${named})`}`,
  );
};
print('splicer', spliced);
for (const line of spliced.examples.filter((example) => !example.endsWith(': '))) out(`  alarm ${line}`);
print('ffmpeg concat', concatenated);
for (const line of concatenated.examples.filter((example) => example.endsWith(': '))) out(`  missed ${line}`);
