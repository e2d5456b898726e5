import { FRAME, type SplicePiece } from './piece.js';
import type { SplicePlan, WarpSegment } from './plan.js';
import { interpolate, REACH } from './interpolate.js';
import { AROUND, MENDED, mendedBorder } from './mended-border.js';
import { continueMirrored } from './mirrored-tail.js';

/** The sound of the whole program on its own timeline: the pieces cut to the sample, warped by the plan. */
export class ProgramPcm {
  readonly #pieces: readonly SplicePiece[];
  readonly #plan: SplicePlan;
  readonly #channels: number;
  readonly #duplicate: boolean;
  readonly #mended: Promise<readonly Float32Array[]>[] = [];

  constructor(
    pieces: readonly SplicePiece[],
    plan: SplicePlan,
    options: { readonly channels: number; readonly duplicate: boolean },
  ) {
    this.#pieces = pieces;
    this.#plan = plan;
    this.#channels = options.channels;
    this.#duplicate = options.duplicate;
  }

  /** Silence before the program and, past what its trailing samples are stretched to, after it. */
  async read(from: number, to: number): Promise<Float32Array[]> {
    const out = this.#silence(to - from);
    for (const segment of this.#plan.segments) {
      const start = Math.max(from, segment.start);
      const end = Math.min(to, segment.end);
      if (start >= end || segment.trueStart === undefined) continue;
      const sound = await this.#segment(segment, segment.trueStart, start, end);
      sound.forEach((samples, channel) => out[channel]?.set(samples, start - from));
    }
    if (this.#duplicate) await this.#extend(out, from, to);
    return out;
  }

  async #segment(
    segment: WarpSegment,
    trueStart: number,
    start: number,
    end: number,
  ): Promise<Float32Array[]> {
    const first = trueStart + (start - segment.start) * segment.rate;
    if (segment.rate === 1) return this.#laid(first, first + end - start);
    const last = trueStart + (end - 1 - segment.start) * segment.rate;
    const base = Math.floor(first) - REACH;
    const laid = await this.#laid(base, Math.ceil(last) + REACH + 1);
    return laid.map((samples) => interpolate(samples, first - base, segment.rate, end - start));
  }

  /** The pieces end to end in true time. */
  async #laid(from: number, to: number): Promise<Float32Array[]> {
    const out = this.#silence(to - from);
    for (const [index, piece] of this.#pieces.entries()) {
      const pieceStart = this.#plan.starts[index] ?? 0;
      const start = Math.max(from, pieceStart);
      const end = Math.min(to, pieceStart + piece.length);
      if (start >= end) continue;
      const sound = await piece.pcm(piece.start + start - pieceStart, piece.start + end - pieceStart);
      sound.forEach((samples, channel) => out[channel]?.set(samples, start - from));
    }
    for (const [index, border] of this.#plan.starts.entries()) {
      if (index === 0 || border + MENDED <= from || border - MENDED >= to) continue;
      const mended = await (this.#mended[index] ??= this.#mend(index));
      const first = border - MENDED - from;
      const skipped = Math.max(0, -first);
      mended.forEach((samples, channel) => {
        out[channel]!.set(samples.subarray(skipped, to - from - first), first + skipped);
      });
    }
    return out;
  }

  /** One array per channel of what takes the place of the samples around a piece's beginning; none where nothing does. */
  async #mend(index: number): Promise<readonly Float32Array[]> {
    const [before, after] = [this.#pieces[index - 1]!, this.#pieces[index]!];
    const reach = AROUND + MENDED;
    const end = before.start + before.length;
    const isEdge = end >= before.available.to || after.start <= after.available.from;
    if (!isEdge || before.length < reach || after.length < reach) return [];
    const sides = [await before.pcm(end - reach, end), await after.pcm(after.start, after.start + reach)];
    return this.#silence(2 * reach).map((line, channel) => {
      sides.forEach((side, n) => line.set(side[channel]!, n * reach));
      return mendedBorder(line) ?? line.subarray(AROUND, AROUND + 2 * MENDED);
    });
  }

  /** See {@link continueMirrored}; one frame and a half: as much as the last block of the program reaches over. */
  async #extend(out: readonly Float32Array[], from: number, to: number): Promise<void> {
    const end = this.#plan.length;
    const reach = Math.min(FRAME + FRAME / 2, end);
    if (to <= end || from >= end + reach) return;
    const last = this.#plan.segments.at(-1);
    if (last?.trueStart === undefined) return;
    const tail = await this.#segment(last, last.trueStart, Math.max(last.start, end - reach), end);
    continueMirrored(tail, out, end - from);
  }

  #silence(samples: number): Float32Array[] {
    return Array.from({ length: this.#channels }, () => new Float32Array(samples));
  }
}
