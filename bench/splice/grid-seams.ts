import { encodeSource, type EncoderChoice, type KnownSource } from '../../test/splice/rig.js';
import { worstExcess } from '../../test/splice/seam-noise.js';
import { nameOf, type Coding } from './codings.js';
import { print, quantile, spread } from './figures.js';
import { makeSignal, materials } from './materials.js';
import { around, EARLY, oneSeam, type Seam } from './one-seam.js';

const SECONDS = 8;
/** Of the encode that tells what another grid alone is worth. */
const OTHER_GRID = 500;

interface Cell {
  readonly same: Seam[];
  readonly different: Seam[];
  readonly otherGrid: number[];
}

/** Excess error of seams on one grid, by coding and by material. */
export async function gridSeams(codings: readonly Coding[], seams: number): Promise<void> {
  const byMaterial = new Map(materials.map((material) => [material, emptyCell()]));
  const total = emptyCell();
  print(
    '\nOne grid, median/p95/max dB of excess. Same content; different content; the same over the ideal splice ' +
      'alone; uncut on another grid',
  );
  for (const coding of codings) {
    const ofCoding = emptyCell();
    for (const [i, material] of materials.entries()) {
      const format = { ...coding, seconds: SECONDS };
      const one = await makeSignal(material, 1, format);
      const other = await makeSignal(materials[(i + 1) % materials.length]!, 2, format);
      await fill([ofCoding, byMaterial.get(material)!, total], { coding, one, other, seams });
    }
    show(nameOf(coding), ofCoding);
  }
  for (const [material, cell] of byMaterial) show(material, cell);
  show('all', total);
  const all = [...total.same, ...total.different];
  const frames = all.flatMap((seam) => seam.frames);
  const broken = all.reduce((sum, seam) => sum + seam.broken, 0);
  const joints = all.reduce((sum, seam) => sum + seam.joints, 0);
  print(
    `  ${all.length} seams: bridges of ${quantile(frames, 0.5)} frames, p95 ${quantile(frames, 0.95)}, ` +
      `longest ${quantile(frames, 1)}; ${broken} of ${joints} joints broken`,
  );
}

function emptyCell(): Cell {
  return { same: [], different: [], otherGrid: [] };
}

function show(name: string, { same, different, otherGrid }: Cell): void {
  const excess = (list: readonly Seam[]): string => spread(list.map(({ excessDb }) => excessDb));
  const overIdeal = spread(different.flatMap(({ overIdealDb }) => overIdealDb ?? []));
  const columns = [excess(same), excess(different), overIdeal, spread(otherGrid)];
  print(`  ${name.padEnd(32)}${columns.map((column) => column.padEnd(18)).join('')}`);
}

async function fill(
  cells: readonly Cell[],
  of: {
    readonly coding: Coding;
    readonly one: readonly Float32Array[];
    readonly other: readonly Float32Array[];
    readonly seams: number;
  },
): Promise<void> {
  const { coding, one, other, seams } = of;
  const { sampleRate, first, second } = coding;
  const encode = (sound: readonly Float32Array[], choice: EncoderChoice, from = 0): KnownSource =>
    encodeSource(sound, { ...choice, sampleRate, from });
  const a = encode(one, first);
  const b = encode(one, second, EARLY);
  const c = encode(other, second, EARLY);
  const shifted = encode(one, first, OTHER_GRID);
  for (let n = 0; n < seams; n++) {
    const seam = 2 * sampleRate + 77 + Math.floor((n * (SECONDS - 4) * sampleRate) / seams);
    const { from, to } = around(seam, sampleRate);
    const same = await oneSeam([a, b], seam, { coding, wanted: one, uncut: [a.decoded, b.decoded] });
    // The splice as PCM, and what either encoder makes of it on the same grid.
    const wanted = joinedAt(seam, one, other);
    const ideal = [first, second].map(
      (choice) => encodeSource(wanted, { ...choice, sampleRate, from, to }).decoded,
    );
    // No splicer takes away the noise that the sources themselves have there.
    const uncut = [...ideal, joinedAt(seam, a.decoded, c.decoded)];
    const different = await oneSeam([a, c], seam, { coding, wanted, uncut, ideal });
    for (const cell of cells) {
      cell.same.push(same);
      cell.different.push(different);
      cell.otherGrid.push(worstExcess(shifted.decoded, one, [a.decoded], seam));
    }
  }
}

function joinedAt(
  seam: number,
  before: readonly Float32Array[],
  after: readonly Float32Array[],
): Float32Array[] {
  return before.map((samples, channel) => {
    const joined = samples.slice();
    joined.set(after[channel]!.subarray(seam), seam);
    return joined;
  });
}
