import { parseAsc } from '../../src/codec/aac/asc.js';
import { AacEncoder } from '../../src/libav/aac-encoder.js';
import { AudioDecoder } from '../../src/libav/audio-decoder.js';
import type { AacConfig, AacUnit } from '../../src/media/access-unit.js';
import { bridgeEncoders } from '../../src/splice/bridge-encoder.js';
import { FRAME, type SplicePiece } from '../../src/splice/piece.js';
import { Splicer, type SplicedRun, type SplicerOptions } from '../../src/splice/splicer.js';

export interface EncoderChoice {
  readonly encoder: 'libfdk_aac' | 'aac';
  readonly bitrateBps: number;
}

/** A source whose sound is known before it was encoded. */
export interface KnownSource {
  readonly sampleRate: number;
  readonly original: readonly Float32Array[];
  /** On a grid that begins at `units[0].pts`; times are those of `original`. */
  readonly units: readonly AacUnit[];
  readonly decoded: readonly Float32Array[];
  readonly config: AacConfig;
  /** Of `original` all that was encoded. */
  readonly available: { readonly from: number; readonly to: number };
}

/**
 * Encodes a signal on a grid of the caller's choice.
 *
 * @param options.from the encoder begins here, so that the grid is `from` modulo 1024 and the sound before it is missing
 */
export function encodeSource(
  original: readonly Float32Array[],
  options: EncoderChoice & { readonly sampleRate: number; readonly from?: number; readonly to?: number },
): KnownSource {
  const { sampleRate, encoder, bitrateBps, from = 0, to = original[0]?.length ?? 0 } = options;
  const aac = AacEncoder.open({ encoder, sampleRate, bitrateBps, channels: original.length as 1 | 2 });
  const units = [
    ...aac.encode({ sampleRate, pts: from, channels: original.map((samples) => samples.subarray(from, to)) }),
    ...aac.flush(),
  ];
  return {
    sampleRate,
    original,
    units,
    decoded: decode(units, original.length, original[0]?.length ?? 0),
    config: aac.config,
    available: { from, to },
  };
}

/** Laid on the time of the units; what lies outside [0, length) is left out. */
export function decode(units: readonly AacUnit[], channels: number, length: number): Float32Array[] {
  const rate = units[0]?.config.sampleRate ?? 48_000;
  const decoder = AudioDecoder.open({ sampleRate: rate, channels: channels as 1 | 2 });
  const out = Array.from({ length: channels }, () => new Float32Array(length));
  for (const unit of units) {
    const block = decoder.decode(unit);
    block?.channels.forEach((samples, channel) => {
      samples.forEach((sample, i) => {
        const at = block.pts + i;
        if (at >= 0 && at < length) out[channel]![at] = sample;
      });
    });
  }
  decoder.close();
  return out;
}

/** The stretch [start, start + length) of a source. */
export function piece(source: KnownSource, start: number, length: number, pass = true): SplicePiece {
  const origin = source.units[0]?.pts ?? 0;
  return {
    start,
    length,
    available: source.available,
    pcm: (from, to) =>
      Promise.resolve(
        source.decoded.map((samples) => {
          const out = new Float32Array(to - from);
          const first = Math.max(0, from);
          if (first < to) out.set(samples.subarray(first, Math.max(first, to)), first - from);
          return out;
        }),
      ),
    units: pass
      ? { origin, count: source.units.length, read: (index) => Promise.resolve(source.units[index]!.data) }
      : undefined,
  };
}

export interface Spliced {
  readonly splicer: Splicer;
  readonly runs: readonly SplicedRun[];
  /** On program time. */
  readonly units: readonly AacUnit[];
  readonly decoded: readonly Float32Array[];
}

export async function splice(
  sources: readonly KnownSource[],
  options: Omit<SplicerOptions, 'sampleRate' | 'channels' | 'config' | 'openEncoder' | 'bridgeEncoders'> & {
    /** By default as `anchornet splice` has it. */
    readonly bridge?: Partial<EncoderChoice>;
  },
): Promise<Spliced> {
  const [first] = sources;
  if (first === undefined) throw new Error('no sources');
  const channels = first.original.length;
  const splicer = new Splicer({
    ...options,
    sampleRate: first.sampleRate,
    channels,
    config: parseAsc(first.config.asc),
    openEncoder: () =>
      AacEncoder.open({
        encoder: options.bridge?.encoder ?? 'libfdk_aac',
        bitrateBps: options.bridge?.bitrateBps ?? 192_000 * channels,
        sampleRate: first.sampleRate,
        channels: channels as 1 | 2,
      }),
    bridgeEncoders:
      options.bridge === undefined
        ? bridgeEncoders({ sampleRate: first.sampleRate, channels: channels as 1 | 2 })
        : undefined,
  });
  const runs: SplicedRun[] = [];
  const units: AacUnit[] = [];
  for await (const run of splicer.runs()) {
    runs.push(run);
    const grid = run.kind === 'passed' ? options.pieces[run.piece]?.units : undefined;
    const count = run.kind === 'passed' ? run.count : run.data.length;
    for (let i = 0; i < count; i++) {
      const data = run.kind === 'passed' ? await grid!.read(run.unit + i) : run.data[i]!;
      const pts = splicer.timeOf(run.frame + i);
      units.push({ kind: 'audio', config: first.config, pts, durationSamples: FRAME, data });
    }
  }
  return { splicer, runs, units, decoded: decode(units, channels, splicer.plan.length) };
}
