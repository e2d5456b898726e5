import { box, container, serialise, type Box, type BoxOf } from './boxes.js';

export interface FragmentSample {
  readonly data: Buffer;
  /** In the track's timescale. */
  readonly duration: number;
  /** Presentation less decoding time, in the track's timescale; may be negative. */
  readonly compositionOffset: number;
  readonly isSync: boolean;
}

/** Consecutive samples of one track and one sample entry. */
export interface FragmentRun {
  readonly trackId: number;
  /** From 1. */
  readonly descriptionIndex: number;
  /** Decoding time of the first sample in the track's timescale, 0 and up. */
  readonly baseDecodeTime: number;
  readonly samples: readonly FragmentSample[];
}

/** Sample flags, ISO/IEC 14496-12 §8.8.3.1: sync samples depend on no others. */
const SYNC = 0x02000000;
const NON_SYNC = 0x01010000;
/** tr_flags: offset, duration, size, flags, composition offset. */
const RUN_FLAGS = 0x1 | 0x100 | 0x200 | 0x400 | 0x800;
/** tf_flags: sample description index, default-base-is-moof. */
const HEADER_FLAGS = 0x2 | 0x20000;
const MDAT_HEADER = 8;

/**
 * One movie fragment: moof and mdat. The samples' own buffers follow the header, nothing is copied.
 *
 * @param sequenceNumber from 1, growing
 */
export function fragment(sequenceNumber: number, runs: readonly FragmentRun[]): Buffer[] {
  const trafs = runs.map((run) => trackFragment(run));
  const boxes = trafs.map((traf) => container('traf', [traf.header, traf.time, traf.run]));
  const header = serialise([container('moof', [box('mfhd', { sequence_number: sequenceNumber }), ...boxes])]);
  // Offsets count from the moof, whose size is known only now; mp4box has noted where they stand.
  let offset = header.length + MDAT_HEADER;
  for (const [index, run] of runs.entries()) {
    header.writeInt32BE(offset, trafs[index]?.run.data_offset_position);
    offset += run.samples.reduce((sum, sample) => sum + sample.data.length, 0);
  }
  const data = runs.flatMap((run) => run.samples.map((sample) => sample.data));
  const mdat = Buffer.from('\0\0\0\0mdat', 'latin1');
  mdat.writeUInt32BE(offset - header.length);
  return [header, mdat, ...data];
}

function trackFragment(run: FragmentRun): { header: Box; time: Box; run: BoxOf<'trun'> } {
  return {
    header: box('tfhd', {
      flags: HEADER_FLAGS,
      track_id: run.trackId,
      default_sample_description_index: run.descriptionIndex,
    }),
    time: box('tfdt', { version: 1, baseMediaDecodeTime: run.baseDecodeTime }),
    run: box('trun', {
      version: 1,
      flags: RUN_FLAGS,
      sample_count: run.samples.length,
      data_offset: 0,
      sample_duration: run.samples.map((sample) => sample.duration),
      sample_size: run.samples.map((sample) => sample.data.length),
      sample_flags: run.samples.map((sample) => (sample.isSync ? SYNC : NON_SYNC)),
      sample_composition_time_offset: run.samples.map((sample) => sample.compositionOffset),
    }),
  };
}
