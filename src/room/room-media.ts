import type { Duplex } from 'node:stream';
import type { Clock } from '../base/clock.js';
import { createLogger } from '../base/logger.js';
import { AacEncoder } from '../libav/aac-encoder.js';
import { OpusEncoder } from '../libav/opus-encoder.js';
import type { ProgramSettings } from '../media/program-settings.js';
import { Mixer } from '../mix/mixer.js';
import { Backlog } from '../program/backlog.js';
import type { ProgramEvents, ResumeAt } from '../program/program-options.js';
import { Program } from '../program/program.js';
import type { FromRoom, ToRoom } from './protocol.js';
import { UnitPipe } from './unit-pipe.js';

const STATS_INTERVAL_MS = 1_000;
/** A turn that comes later than this: the process did not get the processor. */
const LATE_US = 20_000;
/** Opus for WHEP viewers; the AAC rate is for the other outputs. */
const OPUS_BITRATE_BPS = 96_000;

/** What runs in a room process: the program, driven by the system clock, behind the pipe. */
export class RoomMedia {
  readonly #pipe: UnitPipe<FromRoom, ToRoom>;
  readonly #clock: Clock;
  readonly #logger = createLogger('warn');
  readonly #statsTimer: NodeJS.Timeout;
  readonly #backlog = new Backlog();
  #program: Program | undefined;
  #wake: NodeJS.Timeout | undefined;
  #afterReading: NodeJS.Immediate | undefined;
  #stop = false;

  constructor(stream: Duplex, clock: Clock) {
    this.#clock = clock;
    this.#pipe = new UnitPipe<FromRoom, ToRoom>(stream, {
      onMessage: (message) => this.#onMessage(message),
      onBroken: (error) => {
        this.#logger.error({ err: error }, 'the pipe to the main process broke');
        stream.destroy();
      },
    });
    this.#statsTimer = setInterval(() => this.#sendStats(), STATS_INTERVAL_MS);
  }

  /** Idempotent. */
  close(): void {
    this.#stop = true;
    clearInterval(this.#statsTimer);
    clearTimeout(this.#wake);
    clearImmediate(this.#afterReading);
    this.#program?.close();
    this.#program = undefined;
  }

  #onMessage(message: ToRoom): void {
    if (message.type === 'configure') {
      this.#configure(message);
      return;
    }
    if (message.type === 'stop') {
      this.close();
      this.#pipe.end();
      return;
    }
    if (message.type === 'heard') {
      this.#backlog.note(message.untilUs, this.#clock.nowUs());
      return;
    }
    const program = this.#program;
    if (program === undefined) return;
    switch (message.type) {
      case 'participant':
        program.setParticipant(message.id, message.settings, message.canRequestKeyframe);
        return;
      case 'participant-left':
        program.removeParticipant(message.id);
        return;
      case 'session':
        program.beginSession(message.id);
        return;
      case 'session-ended':
        program.endSession(message.id);
        return;
      case 'unit':
        program.write(message.id, message.unit, message.arrivalUs);
        return;
      case 'set-mode':
        program.setMode(message.mode);
        return;
      case 'set-layout':
        program.setLayout(message.layout);
        return;
      case 'request-program-keyframe':
        program.requestKeyframe();
        return;
      case 'set-opus':
        program.setOpus(message.enabled);
        return;
    }
  }

  #configure(message: ToRoom & { type: 'configure' }): void {
    // A program that runs here knows better than the main process, which may not have read its last units yet.
    const resumeAt = this.#program?.position ?? message.resumeAt;
    this.#program?.close();
    this.#program = undefined;
    try {
      this.#program = this.#openProgram(message.settings, resumeAt);
      this.#pipe.send({ type: 'ready' });
    } catch (error) {
      this.#pipe.send({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
      return;
    }
    this.#drive();
  }

  #openProgram(settings: ProgramSettings, resumeAt: ResumeAt | undefined): Program {
    const { audioBitrateBps: bitrateBps } = settings;
    return new Program({
      settings,
      resumeAt,
      clock: this.#clock,
      backlog: this.#backlog,
      logger: this.#logger,
      openMixer: (own) => Mixer.open(own, { logger: this.#logger }),
      openAac: (format) => AacEncoder.open({ ...format, bitrateBps }),
      openOpus: ({ channels, sampleRate }) =>
        OpusEncoder.open({ channels, bitrateBps: OPUS_BITRATE_BPS, inputRate: sampleRate }),
      events: this.#events(),
    });
  }

  #events(): ProgramEvents {
    return {
      unit: (unit, source) => this.#pipe.send({ type: 'program-unit', unit, source }),
      opus: (unit) => this.#pipe.send({ type: 'program-opus', unit }),
      requestKeyframe: (id) => this.#pipe.send({ type: 'request-keyframe', id }),
      switched: (change) => this.#pipe.send({ type: 'switched', ...change }),
      seam: (seam) => this.#pipe.send({ type: 'audio-seam', seam }),
      ended: () => this.#pipe.send({ type: 'program-ended' }),
      warning: (message) => this.#pipe.send({ type: 'warning', message }),
    };
  }

  /** Calls the program when it asks to be called; in between, the pipe is read. */
  #drive(): void {
    clearTimeout(this.#wake);
    clearImmediate(this.#afterReading);
    const step = (): void => {
      if (this.#stop || this.#program === undefined) return;
      const dueUs = this.#program.advance();
      const waitUs = dueUs - this.#clock.nowUs();
      if (waitUs <= 0) this.#afterReading = setImmediate(step);
      else this.#wake = setTimeout(() => wake(dueUs), Math.ceil(waitUs / 1_000));
    };
    // After a time without a turn, what has come through the pipe meanwhile counts before the clock does: units that
    // wait to be read are not missing.
    const wake = (dueUs: number): void => {
      if (this.#clock.nowUs() - dueUs < LATE_US) step();
      else this.#afterReading = setImmediate(step);
    };
    step();
  }

  #sendStats(): void {
    const { user, system } = process.cpuUsage();
    const stats = this.#program?.stats ?? {
      lateTicks: 0,
      droppedUnits: 0,
      decodeErrors: 0,
      concealedSamples: 0,
    };
    this.#pipe.send({
      type: 'stats',
      stats: {
        ...stats,
        droppedUnits: stats.droppedUnits + this.#pipe.droppedUnits,
        cpuSeconds: (user + system) / 1e6,
        rssBytes: process.memoryUsage.rss(),
      },
    });
  }
}
