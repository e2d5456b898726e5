import { EventEmitter } from 'node:events';
import { asAnchorNetError, DestinationError, type AnchorNetError } from '../base/errors.js';
import { silentLogger, type Logger } from '../base/logger.js';
import { FragmentedMp4Writer } from '../container/mp4/fragmented-writer.js';
import type { AccessUnit } from '../media/access-unit.js';
import type { ProgramSink } from '../media/program-sink.js';
import { rescale, VIDEO_TIMESCALE } from '../media/timestamp.js';
import { RecordingFile } from './recording-file.js';

export interface RecorderOptions {
  /** Must not exist yet. */
  readonly path: string;
  readonly logger?: Logger;
  /** Length of a fragment: what a crash costs at most. */
  readonly fragmentMs?: number;
  /** Units that may wait for the disk; beyond it the recording drops to the next IDR. */
  readonly maxQueueBytes?: number;
  /** How much audio is held back at the start until video turns up. */
  readonly videoWaitMs?: number;
}

export interface RecorderStats {
  readonly path: string;
  readonly state: 'waiting' | 'recording' | 'stopped' | 'failed';
  readonly bytes: number;
  readonly durationMs: number;
  readonly droppedUnits: number;
}

export interface RecorderEvents {
  /** Once, when nothing more is written: after {@link Recorder.close}, or by itself with an error (e.g. a full disk). */
  stopped: [{ readonly error?: AnchorNetError; readonly stats: RecorderStats }];
}

const FRAGMENT_MS = 1_000;
const MAX_QUEUE_BYTES = 64 * 1024 * 1024;
const VIDEO_WAIT_MS = 2_000;
/** A fragment of a very high bit rate ends early, so that memory stays small. */
const MAX_FRAGMENT_BYTES = 8 * 1024 * 1024;

/**
 * Records a program, or one participant, into an MP4 that is playable up to its last whole fragment whatever happens
 * to this process, and a plain seekable file after a clean stop. Never makes its source wait.
 */
export class Recorder extends EventEmitter<RecorderEvents> implements ProgramSink {
  readonly #options: Required<Omit<RecorderOptions, 'logger'>>;
  readonly #logger: Logger;
  readonly #file: RecordingFile;
  #writer: FragmentedMp4Writer | undefined;
  #early: AccessUnit[] = [];
  #state: RecorderStats['state'] = 'waiting';
  #work: Promise<void> = Promise.resolve();
  #waitingBytes = 0;
  #writtenVersion = 0;
  #fragmentStart: number | undefined;
  #end = 0;
  #origin = 0;
  #dropping = false;
  #droppedUnits = 0;
  #closing: Promise<void> | undefined;
  #failure: AnchorNetError | undefined;

  private constructor(file: RecordingFile, options: RecorderOptions) {
    super();
    this.#file = file;
    this.#logger = options.logger ?? silentLogger;
    this.#options = {
      path: options.path,
      fragmentMs: options.fragmentMs ?? FRAGMENT_MS,
      maxQueueBytes: options.maxQueueBytes ?? MAX_QUEUE_BYTES,
      videoWaitMs: options.videoWaitMs ?? VIDEO_WAIT_MS,
    };
  }

  /** @throws InvalidOptionError when the file exists already or cannot be made */
  static async open(options: RecorderOptions): Promise<Recorder> {
    return new Recorder(await RecordingFile.create(options.path), options);
  }

  get stats(): RecorderStats {
    return {
      path: this.#options.path,
      state: this.#state,
      bytes: this.#file.size,
      durationMs: Math.max(0, Math.round((this.#end - this.#origin) / 90)),
      droppedUnits: this.#droppedUnits + (this.#writer?.droppedUnits ?? 0),
    };
  }

  write(unit: AccessUnit): void {
    if (this.#closing !== undefined || this.#state === 'failed') return;
    if (this.#writer === undefined) this.#begin(unit);
    else this.#take(unit);
  }

  /** Writes what is queued and makes a plain MP4 of it. Idempotent; never throws: see `stopped`. */
  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Recording starts with an IDR, or with audio when no video turns up. */
  #begin(unit: AccessUnit): void {
    if (unit.kind === 'video' && !unit.isIdr) {
      this.#droppedUnits++;
      return;
    }
    this.#early.push(unit);
    const [first] = this.#early;
    const waited = first === undefined ? 0 : timeOf(unit) - timeOf(first);
    if (unit.kind === 'audio' && waited * 1_000 < this.#options.videoWaitMs * VIDEO_TIMESCALE) return;
    this.#start(unit.kind === 'video' ? unit.pts : timeOf(first ?? unit));
  }

  #start(origin: number): void {
    this.#origin = this.#end = origin;
    this.#writer = new FragmentedMp4Writer({ newConfig: 'add', origin, editList: true });
    this.#state = 'recording';
    for (const early of this.#early.splice(0)) this.#take(early);
  }

  #take(unit: AccessUnit): void {
    const writer = this.#writer;
    if (writer === undefined) return;
    const time = timeOf(unit);
    if (this.#dropping) {
      if (!isStart(unit, writer) || this.#waitingBytes > this.#options.maxQueueBytes / 2) {
        this.#droppedUnits++;
        return;
      }
      this.#dropping = false;
    }
    const leads = unit.kind === 'video' || !writer.has('video');
    this.#fragmentStart ??= time;
    const isDue = (time - this.#fragmentStart) * 1_000 >= this.#options.fragmentMs * VIDEO_TIMESCALE;
    writer.write(unit);
    this.#end = Math.max(this.#end, endOf(unit));
    if (leads && (isDue || writer.queuedBytes > MAX_FRAGMENT_BYTES)) {
      this.#cut(unit.kind === 'video' ? unit.dts : undefined);
      this.#fragmentStart = time;
    }
    if (this.#waitingBytes > this.#options.maxQueueBytes) {
      this.#dropping = true;
      this.#logger.warn({ path: this.#options.path }, 'the disk is too slow for the recording: dropping');
    }
  }

  #cut(before: number | undefined): void {
    const writer = this.#writer;
    const made = writer?.cut(before);
    if (writer === undefined || made === undefined) return;
    const moov = made.movieVersion === this.#writtenVersion ? undefined : writer.movie();
    this.#writtenVersion = made.movieVersion;
    this.#waitingBytes += made.byteLength;
    this.#work = this.#work
      .then(async () => {
        if (this.#state === 'failed') return;
        if (moov !== undefined) await this.#file.setMovie(moov);
        await this.#file.append(made.buffers);
      })
      .catch((cause: unknown) => this.#fail(cause))
      .finally(() => {
        this.#waitingBytes -= made.byteLength;
      });
  }

  /** The first error ends the recording; what is on disk is made as good as can be. */
  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = asRecordingError(this.#options.path, cause);
    this.#state = 'failed';
    this.#logger.error({ path: this.#options.path, err: this.#failure }, 'the recording has stopped');
    this.#closing ??= this.#finish();
  }

  async #finish(): Promise<void> {
    if (this.#failure === undefined) {
      if (this.#writer === undefined && this.#early[0] !== undefined) this.#start(timeOf(this.#early[0]));
      this.#cut(undefined);
      await this.#work;
    }
    try {
      if (this.#writtenVersion > 0) await this.#file.finalise();
      await this.#file.close();
    } catch (cause) {
      this.#failure ??= asRecordingError(this.#options.path, cause);
      await this.#file.close().catch(() => undefined);
    }
    this.#state = this.#failure === undefined ? 'stopped' : 'failed';
    this.emit('stopped', {
      ...(this.#failure === undefined ? {} : { error: this.#failure }),
      stats: this.stats,
    });
  }
}

/** Decoding time in 1/90000 s. */
function timeOf(unit: AccessUnit): number {
  return unit.kind === 'video' ? unit.dts : rescale(unit.pts, unit.config.sampleRate, VIDEO_TIMESCALE);
}

function endOf(unit: AccessUnit): number {
  if (unit.kind === 'video') return unit.pts;
  return rescale(unit.pts + unit.durationSamples, unit.config.sampleRate, VIDEO_TIMESCALE);
}

/** Where a recording that has dropped can go on. */
function isStart(unit: AccessUnit, writer: FragmentedMp4Writer): boolean {
  return unit.kind === 'video' ? unit.isIdr : !writer.has('video');
}

function asRecordingError(path: string, cause: unknown): AnchorNetError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new DestinationError(`${path}: no space is left for the recording`, {
      cause,
      hint: 'Free some space and start a new recording; this one is playable up to here.',
    });
  }
  if (typeof code === 'string') {
    return new DestinationError(`${path}: the recording cannot be written (${code})`, { cause });
  }
  return asAnchorNetError(cause);
}
