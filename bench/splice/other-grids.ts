import { FRAME } from '../../src/splice/piece.js';
import { allTechniques, type Techniques } from '../../src/splice/techniques.js';
import { ProgramPcm } from '../../src/splice/program-pcm.js';
import { encodeSource, piece, splice, type KnownSource, type Spliced } from '../../test/splice/rig.js';
import { nameOf, type Coding } from './codings.js';
import { print, quantile, spread } from './figures.js';
import { worstExcess } from '../../test/splice/seam-noise.js';
import { bestLag, worstMatch } from './local-match.js';
import { makeSignal, materials } from './materials.js';
import { brokenJoints, EARLY } from './one-seam.js';

const SECONDS = 14;
/** Sound around the rescaled stretch and the seam that is looked at as well. */
const MARGIN = 4 * FRAME;
const LAG_WINDOW = 16 * FRAME;

interface UnalignedSeam {
  readonly spliced: Spliced;
  readonly broken: number;
  /** By how much what follows is later than it was, as heard. */
  readonly gained: number;
  readonly match: number;
  /** Over the same stretching of the encodes that have no seam. */
  readonly excessDb: number;
  readonly uncutMatch: number;
  readonly rescaledFrames: number;
}

/** Seams between grids that are off by so many samples: what the rescaled stretch sounds like. */
export async function otherGrids(codings: readonly Coding[], offsets: readonly number[]): Promise<void> {
  print('\nOther grids: worst local match, uncut and spliced; how much worse, median/p95/max');
  const worse: number[] = [];
  const excess: number[] = [];
  const gained: number[] = [];
  const bridges: number[] = [];
  const rescaled: number[] = [];
  let broken = 0;
  for (const coding of codings) {
    for (const material of materials) {
      const [sound] = await makeSignal(material, 3, { ...coding, channels: 1, seconds: SECONDS });
      const found: UnalignedSeam[] = [];
      for (const offset of offsets) found.push(await unalignedSeam([sound!], coding, offset));
      const differences = found.map(({ match, uncutMatch }) => uncutMatch - match);
      worse.push(...differences);
      excess.push(...found.map(({ excessDb }) => excessDb));
      gained.push(...found.map((seam) => Math.abs(seam.gained)));
      rescaled.push(...found.map(({ rescaledFrames }) => rescaledFrames));
      for (const { spliced, rescaledFrames } of found) {
        const frames = spliced.splicer.bridges.reduce((sum, bridge) => sum + bridge.frames, 0);
        bridges.push(frames - rescaledFrames);
      }
      broken += found.reduce((sum, seam) => sum + seam.broken, 0);
      const least = (list: readonly number[]): string => Math.min(...list).toFixed(3);
      const name = `${nameOf(coding)} ${material}`;
      print(
        `  ${name.padEnd(40)}${least(found.map(({ uncutMatch }) => uncutMatch))} ` +
          `${least(found.map(({ match }) => match))}  ${spread(differences, 3)}`,
      );
    }
  }
  print(
    `  all ${worse.length}: worse by ${spread(worse, 3)}; excess ${spread(excess)} dB; ${Math.max(...gained)} samples gained or lost at most; ` +
      `bridges p50 ${quantile(bridges, 0.5)}, p95 ${quantile(bridges, 0.95)} frames and ` +
      `${spread(rescaled, 0)} rescaled; ${broken} joints broken`,
  );
}

export async function unalignedSeam(
  original: readonly Float32Array[],
  coding: Coding,
  offset: number,
  techniques: Techniques = allTechniques,
): Promise<UnalignedSeam> {
  const { sampleRate, first, second } = coding;
  const length = original[0]!.length;
  const a: KnownSource = encodeSource(original, { ...first, sampleRate });
  const b = encodeSource(original, { ...second, sampleRate, from: EARLY + offset });
  const seam = Math.floor(length / 2) + 5;
  const pieces = [piece(a, 0, seam), piece(b, seam, length - seam)];
  const spliced = await splice([a, b], { pieces, trims: true, techniques });
  const stretches = spliced.splicer.plan.segments.filter(({ rate }) => rate !== 1);
  const place = {
    from: Math.min(seam, ...stretches.map(({ start }) => start)) - MARGIN,
    to: Math.max(seam, ...stretches.map(({ end }) => end)) + MARGIN,
    sampleRate,
  };
  const matchOf = ([heard]: readonly Float32Array[]): number => worstMatch(heard!, original[0]!, place);
  const late = { from: length - 2 * LAG_WINDOW, size: LAG_WINDOW, reach: 2 * FRAME };
  return {
    spliced,
    broken: await brokenJoints(spliced, pieces),
    gained: bestLag(spliced.decoded[0]!, original[0]!, late),
    match: matchOf(spliced.decoded),
    excessDb: await warpedExcess(spliced, [a, b], seam),
    uncutMatch: Math.min(matchOf(a.decoded), matchOf(b.decoded)),
    rescaledFrames: Math.floor(stretches.reduce((sum, { start, end }) => sum + end - start, 0) / FRAME),
  };
}

/** At the seam of two sources, everything stretched as the plan has it. */
async function warpedExcess(
  { splicer, decoded }: Spliced,
  sources: readonly [KnownSource, KnownSource],
  seam: number,
): Promise<number> {
  const { plan } = splicer;
  const at = seam + plan.offsets[1]!;
  const [from, to] = [at - MARGIN - FRAME, at + MARGIN + FRAME];
  const length = sources[0].original[0]!.length;
  const warped = (sound: readonly Float32Array[]): Promise<Float32Array[]> => {
    const source = { ...sources[0], decoded: sound };
    const pieces = [piece(source, 0, seam), piece(source, seam, length - seam)];
    return new ProgramPcm(pieces, plan, { channels: sound.length, duplicate: true }).read(from, to);
  };
  const heard = decoded.map((samples) => samples.subarray(from, to));
  const uncut = await Promise.all(sources.map((source) => warped(source.decoded)));
  return worstExcess(heard, await warped(sources[0].original), uncut, at - from);
}
