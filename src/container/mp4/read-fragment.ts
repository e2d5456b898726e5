import { MalformedMediaError } from '../../base/errors.js';
import { parseBox, walkBoxes, type BoxOf, type BoxPlace } from './boxes.js';
import type { FragmentDefaults } from './read-movie.js';
import type { SampleInfo } from './sample.js';

/** Samples that one moof adds to one track. */
export interface ReadRun {
  readonly trackId: number;
  readonly samples: readonly SampleInfo[];
}

export interface ReadFragmentContext {
  /** Of the moof, in bytes from the start of the file. */
  readonly moofOffset: number;
  readonly defaults: (trackId: number) => FragmentDefaults | undefined;
  /** Where the track's last fragment ended, in its timescale: for fragments without a tfdt. */
  readonly decodeTime: (trackId: number) => number;
}

const HeaderFlag = {
  baseOffset: 0x1,
  description: 0x2,
  duration: 0x8,
  size: 0x10,
  flags: 0x20,
  moof: 0x20000,
};
const RunFlag = {
  offset: 0x1,
  firstFlags: 0x4,
  duration: 0x100,
  size: 0x200,
  flags: 0x400,
  composition: 0x800,
};
/** sample_is_non_sync_sample, ISO/IEC 14496-12 §8.8.3.1. */
const NON_SYNC = 0x10000;

/**
 * The samples of a movie fragment, ISO/IEC 14496-12 §8.8. Tracks without defaults (not in the movie) are left out.
 *
 * @param bytes the whole moof box
 * @throws MalformedMediaError when it is damaged
 */
export function readFragment(bytes: Buffer, context: ReadFragmentContext): ReadRun[] {
  const [moof] = walkBoxes(bytes);
  if (moof?.type !== 'moof') throw new MalformedMediaError('MP4: expected a moof');
  const found: ReadRun[] = [];
  // Without a base of its own, a traf's data follow those of the traf before it (§8.8.7.1).
  let followingOffset = context.moofOffset;
  const decodeTimes = new Map<number, number>();
  for (const traf of walkBoxes(bytes, moof.body, moof.end).filter((place) => place.type === 'traf')) {
    const children = walkBoxes(bytes, traf.body, traf.end);
    const headerPlace = children.find((place) => place.type === 'tfhd');
    if (headerPlace === undefined) {
      throw new MalformedMediaError('MP4: expected a tfhd, got none', { offset: traf.start });
    }
    const header = parseBox('tfhd', bytes, headerPlace);
    const defaults = withDefaults(header, context.defaults(header.track_id));
    const base =
      (header.flags & HeaderFlag.baseOffset) !== 0
        ? header.base_data_offset
        : (header.flags & HeaderFlag.moof) !== 0
          ? context.moofOffset
          : followingOffset;
    const tfdt = children.find((place) => place.type === 'tfdt');
    let dts =
      tfdt === undefined
        ? (decodeTimes.get(header.track_id) ?? context.decodeTime(header.track_id))
        : parseBox('tfdt', bytes, tfdt).baseMediaDecodeTime;
    let offset = base;
    const samples: SampleInfo[] = [];
    for (const place of children.filter((child) => child.type === 'trun')) {
      const run = parseBox('trun', bytes, place);
      checkRun(run, place);
      if ((run.flags & RunFlag.offset) !== 0) offset = base + run.data_offset;
      ({ dts, offset } = addRun(samples, run, { dts, offset, defaults }));
    }
    followingOffset = offset;
    decodeTimes.set(header.track_id, dts);
    if (context.defaults(header.track_id) !== undefined) found.push({ trackId: header.track_id, samples });
  }
  return found;
}

function withDefaults(header: BoxOf<'tfhd'>, defaults: FragmentDefaults | undefined): FragmentDefaults {
  const has = (flag: number): boolean => (header.flags & flag) !== 0;
  return {
    descriptionIndex: has(HeaderFlag.description)
      ? header.default_sample_description_index
      : (defaults?.descriptionIndex ?? 1),
    duration: has(HeaderFlag.duration) ? header.default_sample_duration : (defaults?.duration ?? 0),
    size: has(HeaderFlag.size) ? header.default_sample_size : (defaults?.size ?? 0),
    flags: has(HeaderFlag.flags) ? header.default_sample_flags : (defaults?.flags ?? 0),
  };
}

/** mp4box takes a run that ends before its samples for one without fields. */
function checkRun(run: BoxOf<'trun'>, place: BoxPlace): void {
  const fields = [RunFlag.duration, RunFlag.size, RunFlag.flags, RunFlag.composition];
  const perSample = 4 * fields.filter((flag) => (run.flags & flag) !== 0).length;
  const fixed = [RunFlag.offset, RunFlag.firstFlags].filter((flag) => (run.flags & flag) !== 0).length;
  const needed = 8 + 4 * fixed + perSample * run.sample_count;
  if (needed > place.end - place.body) {
    throw new MalformedMediaError(
      `MP4 box trun: expected ${needed} bytes for ${run.sample_count} samples, got ${place.end - place.body}`,
      { offset: place.start },
    );
  }
}

function addRun(
  samples: SampleInfo[],
  run: BoxOf<'trun'>,
  at: { dts: number; offset: number; readonly defaults: FragmentDefaults },
): { dts: number; offset: number } {
  let { dts, offset } = at;
  for (let i = 0; i < run.sample_count; i++) {
    const size = run.sample_size[i] ?? at.defaults.size;
    const duration = run.sample_duration[i] ?? at.defaults.duration;
    const firstFlags = i === 0 && (run.flags & RunFlag.firstFlags) !== 0 ? run.first_sample_flags : undefined;
    const flags = firstFlags ?? run.sample_flags[i] ?? at.defaults.flags;
    samples.push({
      offset,
      size,
      dts,
      duration,
      compositionOffset: run.sample_composition_time_offset[i] ?? 0,
      isSync: (flags & NON_SYNC) === 0,
      descriptionIndex: at.defaults.descriptionIndex,
    });
    dts += duration;
    offset += size;
  }
  return { dts, offset };
}
