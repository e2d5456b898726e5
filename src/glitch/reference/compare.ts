import type { Report, SoundDetector } from '../detector.js';
import type { Sound } from '../signal/sound.js';
import { Alike } from './alike.js';
import { middle, mix, power } from './align.js';
import { FirstAlignment } from './first-alignment.js';
import { AHEAD, goesOnElsewhere, LEAST_JUMP, PIECE } from './goes-on-elsewhere.js';
import type { Line } from './line.js';
import type { Stretch } from './stretch.js';
import { FRAME, SKIRT } from './frame.js';
import { FrameErrors, type AverageErrors, type FrameError } from './frame-errors.js';
import { LevelChanges } from './level-changes.js';
import { Baseline } from './baseline.js';
import { StepNoise } from './step-noise.js';
import { MASK_WINDOW } from './noise-to-mask.js';
import type { ReferenceSound } from './reference-sound.js';
import { Peaks } from './peaks.js';
import { reportEpisode, reportJump, type Episode } from './report-difference.js';
import { switchPoint } from './switch-point.js';

/** Good frames that end an episode of bad ones. */
const CALM_FRAMES = 3;
/** Of an episode so much is looked at, to tell what it is. */
const LONGEST_FRAMES = 100;
/** What goes on for so many frames, while the capture is like its reference, is how the codec does this sound. */
const SETTLED_FRAMES = 24;
/** Of the sound, the most that a codec makes noise of, in power. */
const CODED_SHARE = 0.5;
/** What lies so close to a jump is its edge. */
const EDGE_FRAMES = 3;
/** Mean square from which on sound tells whether the capture follows the line. */
const TELLING = 1e-6;
/** Frames after its end by which it is known whether an episode was the beginning of a change that lasts. */
const TELL_AFTER = 16;
const FOLLOW_TIME = 0.2;
const FOLLOW_DRIFT = 0.005;

/** What the comparison with a reference came to. */
export interface Comparison extends AverageErrors {
  /** Where the capture's first sample is in the reference; below 0 the capture begins earlier. */
  readonly offsetMs: number;
  /** Of the capture's clock against the reference's. */
  readonly driftPpm: number;
  readonly comparedMs: number;
  readonly lostSamples: number;
  readonly insertedSamples: number;
}

interface Compared {
  readonly position: number;
  /** Of the reference, skirts included. */
  readonly references: readonly Float32Array[];
  readonly error: FrameError;
}

interface Wanted {
  readonly from: number;
  readonly length: number;
  readonly line: Line;
  /** The reference as it is, not brought to the level of the capture. */
  readonly isRaw?: boolean;
}

/** Compares decoded sound with a reference's, frame by frame, along a line that follows drift and jumps. */
export class Compare implements SoundDetector {
  readonly #reference: ReferenceSound;
  readonly #alignment: FirstAlignment;
  readonly #report: Report;
  #noise: StepNoise;
  readonly #baseline = new Baseline();
  readonly #levels: LevelChanges;
  /** Where capture and reference are alike. */
  readonly alike = new Alike();
  readonly #errors: FrameErrors;
  #line: Line | undefined;
  #firstLine: Line | undefined;
  #next = 0;
  /** Up to three frames in a row: the one that is judged, and one on either side. */
  #recent: Compared[] = [];
  #episode: Episode | undefined;
  /** Those that are over, and may yet turn out to be the beginning of a change that lasts. */
  #over: Episode[] = [];
  #calm = 0;
  readonly #peaks: Peaks;
  #jumpedTo = -Infinity;
  /** Sound was found to be where the line says. */
  #isOnLine = false;
  #lost = 0;
  #inserted = 0;

  /** @param name of the reference, for messages */
  constructor(reference: ReferenceSound, name: string, report: Report) {
    this.#reference = reference;
    this.#alignment = new FirstAlignment(reference, name);
    this.#report = report;
    this.#errors = new FrameErrors(reference.format);
    this.#noise = new StepNoise(reference.format.channels);
    this.#levels = new LevelChanges(reference.format.channels, report);
    this.#peaks = new Peaks(report);
  }

  /** @throws InvalidOptionError when nothing of the capture is found in the reference */
  advance(sound: Sound): void {
    if (this.#line === undefined && !this.#align(sound)) return;
    while (this.#next + AHEAD <= sound.endPosition) this.#frame(sound);
  }

  /** @throws as {@link advance} */
  end(sound: Sound): void {
    if (this.#line === undefined && !this.#align(sound, true)) return;
    while (this.#next + FRAME + SKIRT <= sound.endPosition) this.#frame(sound);
    this.#close();
    this.#tell(sound, Infinity);
    this.#peaks.end(sound);
  }

  get comparison(): Comparison {
    const { sampleRate } = this.#reference.format;
    const start = this.#firstLine;
    return {
      offsetMs: start === undefined ? 0 : round((start.place(0) * 1000) / sampleRate),
      driftPpm: round((this.#line?.drift ?? 0) * 1e6),
      comparedMs: round((this.#errors.frames * FRAME * 1000) / sampleRate),
      ...this.#errors.averages,
      lostSamples: this.#lost,
      insertedSamples: this.#inserted,
    };
  }

  #align(sound: Sound, isLast = false): boolean {
    const found = this.#alignment.find(sound, isLast);
    if (found === undefined) return false;
    const { line, from, length } = found;
    this.#line = line;
    this.#errors.begin(sound, from, line.read(this.#reference, from, length));
    this.#firstLine = line.shifted(0);
    this.#next = Math.max(this.#next, Math.ceil(sound.firstPosition / FRAME) * FRAME);
    return true;
  }

  #frame(sound: Sound): void {
    const position = this.#next;
    this.#next += FRAME;
    const line = this.#line!;
    const place = line.place(position);
    if (place < SKIRT || place + FRAME + SKIRT > this.#reference.samples) {
      this.#recent = [];
      this.#close();
      return;
    }
    const references = line.read(this.#reference, position - SKIRT, MASK_WINDOW);
    this.#recent.push({ position, references, error: this.#errors.measure(sound, position, references) });
    if (this.#recent.length < 3) return;
    this.#judge(sound);
    if (this.#recent.length === 3) this.#recent.shift();
  }

  #judge(sound: Sound): void {
    const frame = this.#recent[1]!;
    const { position, references, error } = frame;
    if (this.#watchLevels(sound, frame)) {
      this.#recent = [];
      this.#next = position;
      return;
    }
    this.#peaks.watch(sound, position, this.#asItIs(sound));
    this.#tell(sound, position - TELL_AFTER * FRAME);
    const excess = this.#noise.measure(this.#recent.map((one) => one.error.shortTime));
    const fromMs = sound.locate(position).timeMs;
    this.alike.add({ fromMs, toMs: fromMs + sound.ms(FRAME), isAlike: excess === undefined });
    if (excess === undefined) {
      this.#noise.learn(error.shortTime);
      if (error.signal > TELLING * FRAME && isFollowed(error)) this.#isOnLine = true;
      const late = this.#errors.follow(sound, position, references);
      if (late !== undefined) {
        this.#line!.follow(position, FOLLOW_TIME * late, (FOLLOW_DRIFT * late) / FRAME);
      }
      this.#baseline.add(error.noiseToMaskDb);
      if (this.#episode !== undefined && ++this.#calm >= CALM_FRAMES) this.#close();
      return;
    }
    this.#calm = 0;
    if (this.#episode !== undefined && position - this.#episode.from > LONGEST_FRAMES * FRAME) {
      this.#over.push(this.#episode);
      this.#episode = { ...begun(position, this.#line!), frames: this.#episode.frames, goesOn: true };
    }
    this.#episode ??= begun(position, this.#line!);
    const episode = this.#episode;
    episode.frames++;
    episode.end = position + FRAME;
    episode.isWide ||= excess.isWide;
    episode.errorShare = Math.max(episode.errorShare, shareOf(this.#recent));
    const { noiseToMaskDb } = error;
    const excessDb = this.#baseline.excessDb(noiseToMaskDb);
    if (noiseToMaskDb > (episode.worst?.noiseToMaskDb ?? -Infinity)) {
      episode.worst = { position, noiseToMaskDb, excessDb, channel: excess.channel };
    }
    if (episode.frames % SETTLED_FRAMES === 0 && isFollowed(error)) {
      this.#noise = new StepNoise(error.levels.length);
      episode.isSettled = true;
    }
    const samples = goesOnElsewhere(sound, this.#reference, {
      after: position + FRAME,
      line: this.#line!,
      badFrames: episode.frames,
      usualShare: this.#noise.shareLeft,
    });
    if (samples !== undefined) this.#jump(sound, position, samples);
  }

  /** @returns whether a level has changed: what was measured by the one before is measured again */
  #watchLevels(sound: Sound, { position, error }: Compared): boolean {
    const { places, isTurned } = this.#levels.watch(
      sound,
      { position, levels: error.levels },
      { errors: this.#errors, stretch: this.#asItIs(sound) },
    );
    if (places.length > 0) this.#noise = new StepNoise(error.levels.length);
    for (const at of places) {
      const isPart = ({ from, end }: Episode): boolean => at >= from - 3 * FRAME && at <= end + 2 * FRAME;
      this.#over = this.#over.filter((episode) => !isPart(episode));
      if (this.#episode !== undefined && isPart(this.#episode)) this.#episode = undefined;
    }
    return isTurned;
  }

  /** Reads stretches along the line, the reference at its own level. */
  #asItIs(sound: Sound): (from: number, length: number) => Stretch {
    return (from, length) => this.#stretch(sound, { from, length, line: this.#line!, isRaw: true });
  }

  #jump(sound: Sound, position: number, samples: number): void {
    const old = this.#line!;
    const fresh = old.shifted(samples);
    this.#line = fresh;
    if (Math.abs(samples) < LEAST_JUMP) return;
    const episode = this.#episode!;
    this.#episode = undefined;
    this.#levels.forget(episode.from - FRAME);
    this.#recent = [];
    this.#next = position;
    const from = Math.max(sound.firstPosition, episode.from - FRAME);
    const length = position + FRAME + SKIRT + PIECE - from;
    const heard = middle(sound, from, length);
    const { gain } = this.#errors;
    const errors = [old, fresh].map((line) => {
      const reference = mix(line.read(this.#reference, from, length));
      return heard.map((x, i) => (x - gain * reference[i]!) ** 2);
    });
    const { leaves, arrives } = switchPoint(errors[0]!, errors[1]!, 0.5 * power(heard));
    this.#over = this.#over.filter(({ end }) => end < from + leaves - EDGE_FRAMES * FRAME);
    this.#jumpedTo = from + arrives;
    // The place where the capture was found lay behind its first jump.
    if (!this.#isOnLine) {
      this.#firstLine = fresh.shifted(0);
      return;
    }
    const whole = Math.round(samples);
    if (whole > 0) this.#lost += whole;
    else this.#inserted -= whole;
    reportJump(sound, this.#report, { leaves: from + leaves, arrives: from + arrives, samples: whole });
  }

  /** The bad frames are over, and the capture goes on along its line. */
  #close(): void {
    const episode = this.#episode;
    this.#episode = undefined;
    this.#calm = 0;
    if (episode === undefined) return;
    const isEdge = episode.from < this.#jumpedTo + EDGE_FRAMES * FRAME && episode.frames <= 2 * EDGE_FRAMES;
    if (!isEdge) this.#over.push(episode);
  }

  /** Reports what ended before a position. */
  #tell(sound: Sound, before: number): void {
    while (this.#over.length > 0 && this.#over[0]!.end < before) {
      const episode = this.#over.shift()!;
      const from = episode.from - 2 * FRAME;
      const length = Math.min(episode.end + 2 * FRAME - from, LONGEST_FRAMES * FRAME);
      reportEpisode(sound, this.#report, {
        episode,
        isClipped: this.#peaks.explains({ from: episode.from, to: episode.end }),
        usualShare: this.#noise.shareLeft,
        from,
        stretch: this.#stretch(sound, { from, length, line: episode.line }),
      });
    }
  }

  /** The capture and, at its level, the reference along the line. */
  #stretch(sound: Sound, { from, length, line, isRaw = false }: Wanted): Stretch {
    const first = Math.max(0, sound.firstPosition - from);
    const heard = Array.from({ length: sound.channels }, (_, channel) => {
      const samples = new Float32Array(length);
      samples.set(sound.view(channel, from + first, from + length), first);
      return samples;
    });
    const reference = line.read(this.#reference, from, length).map((samples, channel) => {
      const gain = isRaw ? 1 : this.#errors.gainOf(channel);
      return samples.map((x) => gain * x);
    });
    return { sampleRate: sound.sampleRate, heard, reference };
  }
}

/** Error of the frame in the middle, over the sound of all three: a codec's noise lies beside what it belongs to. */
function shareOf(frames: readonly Compared[]): number {
  const signal = frames.reduce((sum, { error }) => sum + error.signal, 0) / frames.length;
  return frames[1]!.error.error / (signal + 1e-9);
}

/** Whether the capture is like its reference, but for a codec. */
function isFollowed({ error, signal }: FrameError): boolean {
  return error < CODED_SHARE * signal;
}

function begun(position: number, line: Line): Episode {
  return {
    from: position,
    end: position,
    line,
    frames: 0,
    errorShare: 0,
    worst: undefined,
    isWide: false,
    isSettled: false,
    goesOn: false,
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
