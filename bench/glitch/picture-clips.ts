import { join } from 'node:path';
import type { Clip, Label } from './clip.js';
import { defectPlaces } from './defect-places.js';
import { decodePictures, encodePictures, pictureCodings, type PictureCoding } from './picture-coding.js';
import { isMasked, pictureDefects, type PictureDefect, type Run } from './picture-defects.js';
import { makeScene, PICTURE_RATE, pictureMaterials, type Luma, type Scene } from './picture-materials.js';
import { makePictureNegative, pictureNegatives } from './picture-negatives.js';
import { Random } from './random.js';

const SECONDS = 20;

/**
 * Captures of pictures alone, of each material in each coding: clean, frozen and black; and hard negatives. The same seed
 * gives the same pictures and places.
 *
 * @param folder where they are written
 */
export function makePictureClips(folder: string, seed: number): Clip[] {
  const clips: Clip[] = [];
  let clipSeed = seed * 1000;
  const about = (name: string, coding: PictureCoding): Omit<Clip, 'material' | 'isNegative' | 'labels'> => ({
    file: `picture-${name.replaceAll(' ', '-')}-${coding.name}.${coding.container}`,
    ...{ seed: clipSeed, encoder: 'pcm', bitrateBps: 0, durationMs: SECONDS * 1000, pictures: coding.name },
  });
  for (const material of pictureMaterials) {
    const filmed = film(makeScene(material, ++clipSeed));
    for (const coding of pictureCodings) {
      const clean = about(`${material}-clean`, coding);
      encodePictures(filmed, coding, join(folder, clean.file));
      clips.push({ ...clean, material, isNegative: false, labels: [] });
      const twin = decodePictures(join(folder, clean.file));
      for (const defect of pictureDefects) {
        const clip = about(`${material}-${defect.kind}`, coding);
        const { pictures, runs } = withDefect(filmed, defect, new Random(++clipSeed));
        encodePictures(pictures, coding, join(folder, clip.file));
        const broken = decodePictures(join(folder, clip.file));
        const labels = runs.map((run, n): Label => {
          const { kind, strengths, begins } = defect;
          return {
            ...{ kind, timeMs: (begins(run) * 1000) / PICTURE_RATE },
            strength: `${strengths[n % strengths.length]!} ms`,
            ...(isMasked(run, { filmed, broken, twin }) ? { masked: true } : {}),
          };
        });
        clips.push({ ...clip, material, isNegative: false, labels });
      }
    }
  }
  for (const material of pictureNegatives) {
    const pictures = film(makePictureNegative(material, ++clipSeed));
    for (const coding of pictureCodings) {
      const clip = about(material, coding);
      encodePictures(pictures, coding, join(folder, clip.file));
      clips.push({ ...clip, material, isNegative: true, labels: [] });
    }
  }
  return clips;
}

function film(scene: Scene): Luma[] {
  return Array.from({ length: SECONDS * PICTURE_RATE }, (_, n) => scene(n));
}

function withDefect(
  filmed: readonly Luma[],
  { strengths, make }: PictureDefect,
  random: Random,
): { readonly pictures: readonly Luma[]; readonly runs: readonly Run[] } {
  const pictures = [...filmed];
  const runs = defectPlaces(SECONDS, random).map((atMs, n): Run => {
    const first = Math.round((atMs * PICTURE_RATE) / 1000);
    const count = Math.round((strengths[n % strengths.length]! * PICTURE_RATE) / 1000);
    const run: Run = [first, first + count - 1];
    for (let at = run[0]; at <= run[1]; at++) pictures[at] = make(filmed, run);
    return run;
  });
  return { pictures, runs };
}
