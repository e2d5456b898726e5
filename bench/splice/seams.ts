/**
 * What a listener gets at the seams of spliced AAC, against one uncut encode of the same sound and against what people
 * join files with today. The sound is known before it is encoded: it is made here, or the sample's voice.
 *
 *   node bench/run.mjs splice [--full] [--seams 4] [--many 1000] [--only grid,encoders,ablation,other-grids,files,many]
 *
 * Excess: the loudest 256-sample hop of the error within four frames of the seam, over that of the noisier of the two
 * encodes without a seam, in dB. Local match: see {@link worstMatch}. `--full` takes hours.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { ablation } from './ablation.js';
import { compareBridgeEncoders } from './bridge-encoders.js';
import { allCodings, coding, fewCodings } from './codings.js';
import { print } from './figures.js';
import { gridSeams } from './grid-seams.js';
import { joinedFiles } from './joined-files.js';
import { manySeams } from './many-seams.js';
import { otherGrids } from './other-grids.js';

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    seams: { type: 'string', default: '4' },
    many: { type: 'string', default: '1000' },
    only: { type: 'string', default: 'grid,encoders,ablation,other-grids,files,many' },
  },
});
const { full } = values;
const seams = Number(values.seams);
const mono = { sampleRate: 48_000, channels: 1 } as const;

const parts: Readonly<Record<string, () => Promise<void>>> = {
  grid: () => gridSeams(full ? allCodings : fewCodings, seams),
  encoders: compareBridgeEncoders,
  ablation: () => ablation(full ? allCodings : [fewCodings[0]!, fewCodings[2]!, fewCodings[3]!], seams),
  'other-grids': () =>
    full
      ? otherGrids(
          allCodings.filter(({ channels }) => channels === 1),
          [1, 255, 511, 512, 513, 769, 1023],
        )
      : otherGrids([coding(['libfdk_aac', 'libfdk_aac'], 96_000, mono), fewCodings[2]!], [300, 512, 900]),
  files: () =>
    joinedFiles(
      [128_000, ...(full ? [64_000, 192_000] : [])].map((bitrateBps) => ({
        sampleRate: 48_000,
        channels: 2,
        bitrateBps,
      })),
    ),
  many: () => manySeams(Number(values.many)),
};

for (const name of values.only.split(',')) {
  const part = parts[name];
  if (part === undefined)
    throw new Error(`--only: expected some of ${Object.keys(parts).join(', ')}, got ${name}`);
  const start = performance.now();
  await part();
  const seconds = (performance.now() - start) / 1000;
  print(`  (${name}: ${seconds.toFixed(0)} s, load ${loadavg()[0]!.toFixed(1)})`);
}
