import { Mp4Reader } from '../../src/container/mp4/reader.js';
import { FRAME } from '../../src/splice/piece.js';
import { hopErrors } from '../../test/splice/seam-noise.js';
import { bestLag, worstMatch } from './local-match.js';

const HOP = 256;
const REACH = 4 * FRAME;
/** What is rescaled lies within this before the cut. */
const RESCALED_SECONDS = 5.5;
const LAG_WINDOW = 8 * FRAME;
const LAG_REACH = 3 * FRAME;

/** Both sides of the seam are compared where they are heard, so that a shift alone is not taken for noise. */
export function judgeJoined(
  of: {
    readonly heard: readonly Float32Array[];
    readonly sound: readonly Float32Array[];
    readonly uncut: readonly Float32Array[];
    /** The inputs decoded and laid end to end: what they themselves sound like at the cut. */
    readonly laid: readonly Float32Array[];
    /** Then the sound near the cut is nowhere where it was, and errors say nothing about noise. */
    readonly isRescaled: boolean;
  },
  cut: number,
  sampleRate: number,
): string {
  const { heard, sound, uncut, laid, isRescaled } = of;
  const lagAt = (from: number): number =>
    bestLag(heard[0]!, sound[0]!, { from, size: LAG_WINDOW, reach: LAG_REACH });
  const lags = [lagAt(LAG_WINDOW), lagAt(sound[0]!.length - 2 * LAG_WINDOW)] as const;
  const noise = loudest(heard, sound, { cut, lags });
  const [overUncut, overInputs] = [uncut, laid].map((plain) =>
    (10 * Math.log10(noise / loudest(plain, sound, { cut, lags: [0] }))).toFixed(1),
  );
  const from = cut - (isRescaled ? Math.floor(RESCALED_SECONDS * sampleRate) : REACH);
  const place = { from, to: cut + REACH, sampleRate };
  const match = worstMatch(heard[0]!, sound[0]!, { ...place, lags: [...new Set(lags)] });
  const uncutMatch = worstMatch(uncut[0]!, sound[0]!, place);
  const excess = isRescaled ? 'rescaled' : `${overUncut}, ${overInputs}`;
  return `${lags[1] - lags[0]}; ${excess}; ${uncutMatch.toFixed(3)} ${match.toFixed(3)}`;
}

/** The loudest hop of the error near the cut, each at the lag that suits it best. */
function loudest(
  heard: readonly Float32Array[],
  sound: readonly Float32Array[],
  { cut, lags }: { readonly cut: number; readonly lags: readonly number[] },
): number {
  const hops = (2 * REACH) / HOP;
  let most = 0;
  for (const [channel, samples] of sound.entries()) {
    const byLag = lags.map((lag) => hopErrors(heard[channel]!, samples, { from: cut - REACH, hops, lag }));
    for (let hop = 0; hop < hops; hop++)
      most = Math.max(most, Math.min(...byLag.map((errors) => errors[hop]!)));
  }
  return most;
}

async function unitsOf(path: string): Promise<string[]> {
  const reader = await Mp4Reader.open(path);
  const units: string[] = [];
  for await (const { data } of reader.units()) units.push(data.toString('base64'));
  await reader.close();
  return units;
}

/** Output units that are bytes of an input, against those that the splicer says it passed through. */
export async function identicalUnits(
  path: string,
  inputs: readonly string[],
  passedFrames: number,
): Promise<string> {
  const known = new Set((await Promise.all(inputs.map(unitsOf))).flat());
  const units = await unitsOf(path);
  const found = units.filter((unit) => known.has(unit)).length;
  const share = (100 * Math.min(found, passedFrames)) / passedFrames;
  return `${share.toFixed(1)} % of ${passedFrames} frames outside bridges identical (${units.length} in all)`;
}

export function decodersDiffer(
  ours: readonly Float32Array[],
  theirs: readonly Float32Array[],
  cut: number,
): string {
  const lag = bestLag(theirs[0]!, ours[0]!, { from: cut - LAG_WINDOW, size: LAG_WINDOW, reach: LAG_REACH });
  let [near, far] = [0, 0];
  for (const [channel, samples] of ours.entries()) {
    for (let i = 0; i < samples.length; i++) {
      const other = theirs[channel]![i + lag];
      if (other === undefined) continue;
      const differs = Math.abs(samples[i]! - other);
      if (Math.abs(i - cut) <= REACH) near = Math.max(near, differs);
      else far = Math.max(far, differs);
    }
  }
  return (
    `lag ${lag}, lengths ${ours[0]!.length} and ${theirs[0]!.length}, largest difference ` +
    `${near.toExponential(1)} around the seam, ${far.toExponential(1)} elsewhere`
  );
}
