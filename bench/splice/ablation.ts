import { FRAME } from '../../src/splice/piece.js';
import { allTechniques, type Techniques } from '../../src/splice/techniques.js';
import { decode, encodeSource, piece, splice, type KnownSource } from '../../test/splice/rig.js';
import { worstExcess } from '../../test/splice/seam-noise.js';
import { nameOf, type Coding } from './codings.js';
import { print, spread } from './figures.js';
import { makeSignal, type Material } from './materials.js';
import { EARLY, oneSeam, SIDE_SECONDS } from './one-seam.js';
import { unalignedSeam } from './other-grids.js';

const SECONDS = 8;
const UNALIGNED_SECONDS = 14;
const MATERIALS: readonly Material[] = ['music', 'attacks'];
/** Breaking off is least noticed in attacks, and most in what is steady. */
const END_MATERIALS: readonly Material[] = ['attacks', 'tones'];
const ENDS = 12;
/** Of grids that rescaling is measured on: cut as far as it gets, and padded. */
const OFFSETS = [-500, 500] as const;
const none: Techniques = { priming: false, duplicate: false, rescale: false, reconstruct: false };
const without = (name: keyof Techniques): Techniques => ({ ...allTechniques, [name]: false });

/** Each technique off alone where it has something to do, all off, and all on. */
export async function ablation(codings: readonly Coding[], seams: number): Promise<void> {
  for (const coding of codings) {
    print(`\n${nameOf(coding)}, ${MATERIALS.join(' and ')}: excess, median/p95/max dB; broken joints`);
    const sounds = await Promise.all(
      MATERIALS.map((material) => makeSignal(material, 5, { ...coding, seconds: SECONDS })),
    );
    const sources = sounds.map((sound) => encoded(sound, coding));
    for (const [name, techniques] of [
      ['all on', allTechniques],
      ['without priming', without('priming')],
      ['without reconstruction', without('reconstruct')],
      ['all off', none],
    ] as const) {
      const excess: number[] = [];
      let [broken, joints] = [0, 0];
      for (const { one, a, b } of sources) {
        for (const seam of places(seams, coding)) {
          const uncut = [a.decoded, b.decoded];
          const found = await oneSeam([a, b], seam, { coding, wanted: one, uncut, techniques });
          excess.push(found.excessDb);
          broken += found.broken;
          joints += found.joints;
        }
      }
      print(`  ${name.padEnd(32)}${spread(excess).padEnd(18)}${broken} of ${joints}`);
    }
    const concatenated = sources.flatMap((source) =>
      places(seams, coding).map((seam) => unitsConcatenated(source, seam, coding)),
    );
    print(`  ${'units concatenated'.padEnd(32)}${spread(concatenated)}`);
    for (const [name, techniques] of [
      ['program end, duplicated', allTechniques],
      ['program end, not duplicated', without('duplicate')],
    ] as const) {
      const excess: number[] = [];
      for (const material of END_MATERIALS) {
        const sound = await makeSignal(material, 5, { ...coding, seconds: SECONDS });
        excess.push(...(await endExcess(sound, { coding, techniques })));
      }
      print(`  ${name.padEnd(32)}${spread(excess)}`);
    }
    for (const [name, techniques] of [
      ['other grid, rescaled', allTechniques],
      ['other grid, not rescaled', without('rescale')],
    ] as const) {
      const worse: number[] = [];
      for (const material of MATERIALS) {
        const [sound] = await makeSignal(material, 5, { ...coding, seconds: UNALIGNED_SECONDS });
        for (const offset of OFFSETS) {
          const { match, uncutMatch } = await unalignedSeam([sound!], coding, offset, techniques);
          worse.push(uncutMatch - match);
        }
      }
      print(`  ${name.padEnd(32)}worst local match worse by ${spread(worse, 3)}`);
    }
  }
}

interface Encoded {
  readonly one: readonly Float32Array[];
  readonly a: KnownSource;
  readonly b: KnownSource;
}

function encoded(one: readonly Float32Array[], { first, second, sampleRate }: Coding): Encoded {
  return {
    one,
    a: encodeSource(one, { ...first, sampleRate }),
    b: encodeSource(one, { ...second, sampleRate, from: EARLY }),
  };
}

function places(seams: number, { sampleRate }: Coding): number[] {
  const room = (SECONDS - 2 * SIDE_SECONDS - 1) * sampleRate;
  return Array.from({ length: seams }, (_, n) => 2 * sampleRate + 77 + Math.floor((n * room) / seams));
}

/** Two files whose units are laid one after the other: the second one begins with its own priming. */
function unitsConcatenated({ one, a, b }: Encoded, seam: number, { second, sampleRate }: Coding): number {
  const cut = encodeSource(one, { ...second, sampleRate, from: seam });
  const kept = a.units.filter(({ pts }) => pts + FRAME <= seam);
  const start = (kept.at(-1)?.pts ?? 0) + FRAME;
  const units = [...kept, ...cut.units.map((unit, i) => ({ ...unit, pts: start + i * FRAME }))];
  const heard = decode(units, one.length, one[0]!.length);
  return worstExcess(heard, one, [a.decoded, b.decoded], seam);
}

/**
 * Of the last frames of programs that break off inside sound, all of it encoded anew (`--audio exact`), against the source
 * they were made from, which goes on.
 */
async function endExcess(
  sound: readonly Float32Array[],
  { coding, techniques }: { readonly coding: Coding; readonly techniques: Techniques },
): Promise<number[]> {
  const source = encodeSource(sound, { ...coding.first, sampleRate: coding.sampleRate });
  const found: number[] = [];
  for (const end of places(ENDS, coding)) {
    const pieces = [piece(source, 0, end, false)];
    const { decoded } = await splice([source], { pieces, trims: true, techniques });
    const within = (channels: readonly Float32Array[]): Float32Array[] =>
      channels.map((samples) => samples.subarray(0, end));
    found.push(worstExcess(decoded, within(sound), [within(source.decoded)], end - 4 * FRAME));
  }
  return found;
}
