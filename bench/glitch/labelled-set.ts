import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { adtsFrame } from '../../src/container/adts/adts.js';
import { writeWav } from '../../src/container/wav/wav.js';
import type { GlitchKind } from '../../src/glitch/finding.js';
import { makeCaptures } from './captures.js';
import type { Clip, Label } from './clip.js';
import { codedDefects } from './coded-defects.js';
import { soundDefects, type Defect } from './defects.js';
import { decodeUnits, encodeUnits } from './encode-units.js';
import { type Coded, breakOverNoise, MASKED_BELOW_DB, overNoise } from './masking.js';
import { makeNegative, negatives, type Negative } from './negatives.js';
import { makePictureClips } from './picture-clips.js';
import { Random } from './random.js';
import { RATE, type Stereo } from './sounds.js';
import { recordedSources, syntheticSources, type Source } from './sources.js';

export interface SetOptions {
  readonly folder: string;
  readonly seed: number;
  readonly bitratesBps: readonly number[];
  /** Without the sounds: only captures with defects of times, and pictures. */
  readonly capturesOnly: boolean;
  /** Whether the clean sound of each clip is written beside it. */
  readonly references: boolean;
  /** Recordings of the user's own take the place of all the rest: so many excerpts for each kind and coding. */
  readonly recordings?: { readonly folder: string; readonly count: number } | undefined;
  /** These hard negatives alone, so many of each. */
  readonly negatives?: HardNegatives | undefined;
}

interface HardNegatives {
  readonly kinds: readonly Negative[];
  readonly count: number;
}

const SECONDS = 14;
/** Defects of one clip lie this far apart, so that each is a case of its own. */
const FIRST_AT = 1.6;
const APART = 2.4;

interface Made {
  readonly data: Buffer;
  /** The sound before codec and defects. */
  readonly clean: Stereo;
}

interface Coding {
  readonly encoder: Clip['encoder'];
  readonly bitrateBps: number;
}

/** Writes the clips and `manifest.json`; the same seed gives the same sounds and places. */
export async function makeSet(options: SetOptions): Promise<Clip[]> {
  await mkdir(options.folder, { recursive: true });
  const { folder, seed, recordings } = options;
  const clips: Clip[] = [];
  if (options.negatives !== undefined) {
    clips.push(...(await makeSounds(options, [], options.negatives)));
  } else if (recordings !== undefined) {
    const sources = await recordedSources(recordings.folder, recordings.count);
    clips.push(...(await makeSounds(options, sources)));
  } else {
    if (!options.capturesOnly)
      clips.push(...(await makeSounds(options, syntheticSources, { kinds: negatives, count: 1 })));
    clips.push(...(await makeCaptures(folder, seed)));
    clips.push(...makePictureClips(folder, seed));
  }
  await writeFile(join(options.folder, 'manifest.json'), `${JSON.stringify(clips, null, 2)}\n`);
  return clips;
}

async function makeSounds(
  options: SetOptions,
  sources: readonly Source[],
  hard?: HardNegatives,
): Promise<Clip[]> {
  const clips: Clip[] = [];
  const add = async (clip: Omit<Clip, 'file'>, name: string, made: Made): Promise<void> => {
    const file = `${name}.${clip.encoder === 'pcm' ? 'wav' : 'aac'}`;
    await writeFile(join(options.folder, file), made.data);
    const reference = `${name}.reference.wav`;
    if (options.references) {
      const bytes = writeWav({ sampleRate: RATE, pts: 0, channels: made.clean });
      await writeFile(join(options.folder, reference), bytes);
    }
    clips.push({ file, ...clip, ...(options.references && { reference }) });
  };
  const codings: Coding[] = [
    { encoder: 'pcm', bitrateBps: 0 },
    ...(['libfdk_aac', 'aac'] as const).flatMap((encoder) =>
      options.bitratesBps.map((bitrateBps) => ({ encoder, bitrateBps })),
    ),
  ];
  let seed = options.seed * 100_000;
  for (const coding of codings) {
    const tag = `${coding.encoder}-${coding.bitrateBps / 1000}`;
    for (const source of sources) {
      const material = source.name;
      const base = { material, ...coding, durationMs: SECONDS * 1000 };
      for (const defect of soundDefects) {
        seed++;
        const { clean, sound, labels } = await withDefects(source, defect, seed);
        const { data, labels: told } = encode(sound, coding, labels, clean);
        await add({ seed, ...base, isNegative: false, labels: told }, `${tag}-${material}-${defect.kind}`, {
          data,
          clean,
        });
      }
      seed++;
      const clean = await source.make(SECONDS, seed);
      const { data } = encode(clean, coding, []);
      const named = `${tag}-${material}-clean`;
      await add({ seed, ...base, isNegative: false, labels: [] }, named, { data, clean });
      if (coding.encoder === 'pcm') continue;
      for (const defect of codedDefects) {
        seed++;
        const made = await defect.make({
          source,
          seed,
          encoder: coding.encoder,
          bitrateBps: coding.bitrateBps,
        });
        await add(
          { seed, ...base, isNegative: false, labels: made.labels, burstsMs: made.burstsMs },
          `${tag}-${material}-${defect.name}`,
          { data: Buffer.concat(made.frames), clean: made.clean },
        );
      }
    }
    for (let n = 1; hard !== undefined && n <= hard.count; n++) {
      for (const negative of hard.kinds) {
        seed++;
        const clean = await makeNegative(negative, SECONDS, seed);
        const { data } = encode(clean, coding, []);
        await add(
          { seed, material: negative, ...coding, durationMs: SECONDS * 1000, isNegative: true, labels: [] },
          `${tag}-${negative}${hard.count === 1 ? '' : n}`,
          { data, clean },
        );
      }
    }
  }
  return clips;
}

interface SampleLabel {
  readonly kind: GlitchKind;
  readonly sample: number;
  readonly strength: string;
}

async function withDefects(
  source: Source,
  defect: Defect,
  seed: number,
): Promise<{ clean: Stereo; sound: Stereo; labels: SampleLabel[] }> {
  const random = new Random(seed ^ 0x5eed);
  let sound = await source.make(SECONDS, seed);
  const clean: Stereo = [sound[0].slice(), sound[1].slice()];
  const labels: SampleLabel[] = [];
  for (let n = 0; FIRST_AT + n * APART < SECONDS - 1.5; n++) {
    const wanted = Math.round(RATE * (FIRST_AT + n * APART + random.between(-0.2, 0.2)));
    const at = audible(sound, wanted);
    if (at === undefined) continue;
    const strength = defect.strengths[n % defect.strengths.length]!;
    const made = defect.make(sound, at, strength, random);
    const moved = 'sound' in made ? made : undefined;
    sound = 'sound' in made ? made.sound : made;
    labels.push({
      kind: defect.kind,
      sample: moved?.at ?? at,
      strength: `${strength} ${defect.unit}`,
    });
    // A gain or a filter that is taken back is a change too.
    if (defect.kind === 'level-jump') {
      labels.push({ kind: 'level-jump', sample: at + Math.round(0.9 * RATE), strength: `${-strength} dB` });
    }
  }
  return { clean, sound, labels };
}

/** The next place with sound in it: a hole in silence is none. */
function audible([left]: Stereo, from: number): number | undefined {
  const window = 960;
  for (let at = from; at < from + RATE; at += 240) {
    let before = 0;
    let after = 0;
    for (let i = 1; i <= window; i++) {
      before += (left[at - i] ?? 0) ** 2;
      after += (left[at + i] ?? 0) ** 2;
    }
    if (Math.min(before, after) / window > 4e-4) return at;
  }
  return undefined;
}

/** @param clean the same sound without the defects */
function encode(
  sound: Stereo,
  { encoder, bitrateBps }: Coding,
  labels: readonly SampleLabel[],
  clean?: Stereo,
): { data: Buffer; labels: Label[] } {
  const coded = code(sound, { encoder, bitrateBps });
  // With nothing to tell there is no need of the other one.
  const twin =
    clean === undefined
      ? undefined
      : { sound: clean, decoded: code(clean, { encoder, bitrateBps }).decoded() };
  const broken = twin === undefined ? undefined : { sound, decoded: coded.decoded() };
  const ms = (sample: number): number => ((sample + coded.delaySamples) * 1000) / RATE;
  return {
    data: coded.data,
    labels: labels.map(({ kind, sample, strength }): Label => {
      const label = { kind, timeMs: ms(sample), strength };
      if (twin === undefined || broken === undefined) return label;
      const { db, firstAt } = standsOut(kind, sample, { twin, broken });
      return {
        ...label,
        overNoiseDb: db,
        ...(firstAt !== undefined && firstAt > sample ? { heardMs: ms(firstAt) } : {}),
        ...(db < MASKED_BELOW_DB ? { masked: true } : {}),
      };
    }),
  };
}

function code(
  sound: Stereo,
  { encoder, bitrateBps }: Coding,
): { readonly data: Buffer; readonly delaySamples: number; readonly decoded: () => Stereo } {
  if (encoder === 'pcm') {
    const data = writeWav({ sampleRate: RATE, pts: 0, channels: sound });
    return { data, delaySamples: 0, decoded: () => sound };
  }
  const { units, delaySamples } = encodeUnits(sound, { encoder, bitrateBps });
  return {
    data: Buffer.concat(units.map(adtsFrame)),
    delaySamples,
    decoded: () => decodeUnits(units, delaySamples),
  };
}

function standsOut(
  kind: GlitchKind,
  at: number,
  { twin, broken }: { readonly twin: Coded; readonly broken: Coded },
): { readonly db: number; readonly firstAt?: number | undefined } {
  // All that follows a cut lies elsewhere: there is no sample to compare it with.
  if (kind === 'skip' || kind === 'repeat') return { db: breakOverNoise(broken, at) };
  const { db, firstAt } = overNoise(twin, broken, {
    from: at,
    to: endOfChange(twin.sound, broken.sound, at),
  });
  // What is taken away of highs is missed only where there were some.
  return { db, firstAt: kind === 'bandwidth-drop' ? firstAt : undefined };
}

/** Where two sounds are alike again for a while. */
function endOfChange(one: Stereo, other: Stereo, from: number): number {
  let last = from;
  for (let i = from; i < one[0].length && i < last + RATE / 20; i++) {
    if (one[0][i] !== other[0][i] || one[1][i] !== other[1][i]) last = i;
  }
  return last;
}
