import type { CutPiece } from './cut-pieces.js';
import { FRAME } from './piece.js';
import { stretchedSamples } from './plan.js';
import type { SeamReport } from './splice-job.js';
import type { SplicedPictures } from './splice-pictures.js';
import type { SplicedSound } from './splice-sound.js';
import type { TechniqueName } from './techniques.js';

/** What was done at each place where two pieces meet. A bridge over several seams is told at each of them. */
export function reportSeams(done: {
  readonly cuts: readonly CutPiece[];
  readonly clock: number;
  readonly sound: SplicedSound | undefined;
  readonly pictures: SplicedPictures | undefined;
}): SeamReport[] {
  const { cuts, clock, sound, pictures } = done;
  const seams: SeamReport[] = [];
  let at = 0;
  for (const [index, after] of cuts.entries()) {
    const before = cuts[index - 1];
    if (before !== undefined) {
      const found = sound && soundAt(sound, at, index);
      seams.push({
        seconds: at / clock,
        before: before.name,
        after: after.name,
        bridgedFrames: found?.bridgedFrames ?? 0,
        rescaledFrames: found?.rescaledFrames ?? 0,
        start: found?.start ?? 'none',
        end: found?.end ?? 'none',
        techniques: found?.techniques ?? [],
        offsetSamples: found?.offsetSamples ?? 0,
        excessDb: found?.excessDb,
        encodedPictures: pictures?.encoded[index] ?? 0,
      });
    }
    at += after.out - after.in;
  }
  return seams;
}

type SoundSeam = Omit<SeamReport, 'seconds' | 'before' | 'after' | 'encodedPictures'>;

function soundAt({ splicer, cutOf, excessDb }: SplicedSound, at: number, cut: number): SoundSeam | undefined {
  const { plan } = splicer;
  const offsetSamples = plan.offsets[cutOf.lastIndexOf(cut)] ?? 0;
  const time = at + offsetSamples;
  const number = splicer.bridges.findIndex(
    ({ frame, frames }) => splicer.timeOf(frame - 1) <= time && time <= splicer.timeOf(frame + frames + 1),
  );
  const bridge = splicer.bridges[number];
  if (bridge === undefined) return undefined;
  const [from, to] = [splicer.timeOf(bridge.frame), splicer.timeOf(bridge.frame + bridge.frames)];
  const rescaled = stretchedSamples(plan, from, to);
  const rescaledFrames = Math.floor(rescaled / FRAME);
  const techniques: TechniqueName[] = [];
  if (bridge.start !== 'none') techniques.push('priming');
  if (rescaled > 0) techniques.push('rescale');
  if (bridge.start === 'rebuilt' || bridge.end === 'rebuilt') techniques.push('reconstruct');
  return {
    bridgedFrames: bridge.frames - rescaledFrames,
    rescaledFrames,
    start: bridge.start,
    end: bridge.end,
    techniques,
    offsetSamples,
    excessDb: excessDb[number],
  };
}
