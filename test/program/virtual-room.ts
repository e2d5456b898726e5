import { VirtualClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import type { AacUnit, AccessUnit, VideoUnit } from '../../src/media/access-unit.js';
import {
  defaultProgramSettings,
  type Mode,
  type ProgramSettings,
  type ProgramSource,
} from '../../src/media/program-settings.js';
import type { AudioFormat } from '../../src/program/audio-format.js';
import { Backlog, HEARD_INTERVAL_US } from '../../src/program/backlog.js';
import type { ProgramAacEncoder } from '../../src/program/ports.js';
import { Program } from '../../src/program/program.js';
import type { ResumeAt } from '../../src/program/program-options.js';
import type { LiveSeam } from '../../src/splice/live-seam.js';
import { FakeAac, FakeMixer, opusFrame, picture } from './fake-media.js';

export interface Sent {
  readonly unit: VideoUnit | AacUnit;
  readonly source: ProgramSource;
  readonly atUs: number;
}

export interface Switched {
  readonly mode: Mode;
  readonly source: ProgramSource;
  readonly videoPts: number;
  readonly tookMs: number;
}

/** A publisher on the virtual clock: pictures and Opus on a timeline of its own, both delayed by the network. */
export interface FakePublisher {
  readonly id: string;
  /** Its media time 0, on the system clock. */
  readonly originUs: number;
  /** Added to its times, so that its timeline starts anywhere. */
  readonly mediaUs: number;
  readonly fps: number;
  readonly gopPictures: number;
  readonly delayUs: number;
  /** Extra delay of each unit; order within a track is kept. */
  readonly jitterUs: () => number;
  /** B-pictures between two others; decoding order is kept. */
  readonly bPictures: number;
  readonly video: boolean;
  readonly audio: boolean;
  readonly answersPli: boolean;
  /** ppm by which its clock is faster than the system's. */
  readonly driftPpm: number;
  /** Sends these instead of Opus, as far as they go; `undefined` stands for one that gets lost. */
  readonly aac: readonly (AacUnit | undefined)[];
}

/** What waits in the pipe: a unit, or word that there was nothing more until then. */
interface Unread {
  readonly sent?: { readonly id: string; readonly unit: AccessUnit };
  readonly arrivalUs: number;
}

interface PublisherState {
  readonly options: FakePublisher;
  nextVideo: number;
  nextAudio: number;
  /** On their way: when they arrive, in µs. */
  readonly underway: { readonly unit: AccessUnit; readonly atUs: number }[];
  sinceIdr: number;
  idrWanted: boolean;
}

/** What makes a room's sound real. */
export interface SoundMakers {
  openMixer(settings: ProgramSettings): FakeMixer;
  openAac(format: AudioFormat): ProgramAacEncoder;
}

export const stepUs = 1_000;
export const switchEveryMs = 1_170;

/** A {@link Program} with publishers, all on one virtual clock. */
export class VirtualRoom {
  readonly clock = new VirtualClock(5_000_000);
  readonly mixers: FakeMixer[] = [];
  readonly sent: Sent[] = [];
  readonly switched: Switched[] = [];
  readonly seams: LiveSeam[] = [];
  readonly warnings: string[] = [];
  readonly asked: { readonly id: string; readonly atUs: number }[] = [];
  ended = 0;
  readonly program: Program;
  /** While the process does not get the processor: what arrives and is not read. */
  #unread: Unread[] | undefined;
  #heardUs = 0;
  readonly #backlog = new Backlog();
  readonly #publishers = new Map<string, PublisherState>();
  #wakeUs = 0;

  /** @param sound makes the program's sound; without it there is none */
  constructor(settings: Partial<ProgramSettings> = {}, resumeAt?: ResumeAt, sound?: SoundMakers) {
    this.program = new Program({
      settings: { ...defaultProgramSettings, ...settings },
      resumeAt,
      clock: this.clock,
      backlog: this.#backlog,
      logger: silentLogger,
      openMixer: (own) => {
        const mixer = sound?.openMixer(own) ?? new FakeMixer();
        this.mixers.push(mixer);
        return mixer;
      },
      openAac: (format) => sound?.openAac(format) ?? new FakeAac(),
      openOpus: () => ({ encode: () => [], close: () => undefined }),
      events: {
        unit: (unit, source) => this.sent.push({ unit, source, atUs: this.clock.nowUs() }),
        opus: () => undefined,
        requestKeyframe: (id) => {
          this.asked.push({ id, atUs: this.clock.nowUs() });
          const publisher = this.#publishers.get(id);
          if (publisher?.options.answersPli === true) publisher.idrWanted = true;
        },
        switched: (change) => this.switched.push(change),
        seam: (seam) => this.seams.push(seam),
        ended: () => this.ended++,
        warning: (message) => this.warnings.push(message),
      },
    });
  }

  get mixer(): FakeMixer {
    return this.mixers.at(-1)!;
  }

  get video(): VideoUnit[] {
    return this.sent.flatMap(({ unit }) => (unit.kind === 'video' ? [unit] : []));
  }

  get audio(): AacUnit[] {
    return this.sent.flatMap(({ unit }) => (unit.kind === 'audio' ? [unit] : []));
  }

  join(id: string, role: 'host' | 'guest', options: Partial<FakePublisher> = {}): void {
    const settings = { role, name: id, gainDb: 0, muted: false, onAir: true };
    this.program.setParticipant(id, settings, options.answersPli ?? true);
    this.publish(id, options);
  }

  /** A new media session of a participant that is there already. */
  publish(id: string, options: Partial<FakePublisher> = {}): void {
    this.program.beginSession(id);
    this.#publishers.set(id, {
      options: {
        id,
        originUs: this.clock.nowUs(),
        mediaUs: 777_000_000,
        fps: 30,
        gopPictures: 60,
        delayUs: 20_000,
        jitterUs: () => 0,
        bPictures: 0,
        video: true,
        audio: true,
        answersPli: true,
        driftPpm: 0,
        aac: [],
        ...options,
      },
      nextVideo: 0,
      nextAudio: 0,
      underway: [],
      sinceIdr: 0,
      idrWanted: true,
    });
  }

  /** To collab and back to live, `times` switches in all. */
  switchToAndFro(times: number): void {
    for (let i = 0; i < times; i++) {
      this.program.setMode(i % 2 === 0 ? 'collab' : 'live');
      // Not a multiple of the picture duration: every phase of the GOP gets its turn.
      this.run(switchEveryMs);
    }
  }

  /** The publisher falls silent without a word. */
  vanish(id: string): void {
    this.#publishers.delete(id);
  }

  run(ms: number): void {
    const end = this.clock.nowUs() + ms * 1_000;
    while (this.clock.nowUs() < end) {
      this.#step();
      for (let turns = 0; this.clock.nowUs() >= this.#wakeUs && turns < 100; turns++) {
        this.#wakeUs = this.program.advance();
        if (this.#wakeUs > this.clock.nowUs()) break;
      }
    }
  }

  /**
   * The process does not run for so long. What arrives meanwhile is read afterwards, some units at a time as they come
   * out of a pipe, with turns of the program in between.
   */
  freeze(ms: number, unitsAtOnce = 8): void {
    const unread = (this.#unread = []);
    this.#sleep(ms);
    this.#unread = undefined;
    this.#read(unread, unitsAtOnce);
  }

  /** The process gets a turn every `gapMs` only, and then reads what came more than `behindMs` ago; in the end all. */
  lag({ ms, gapMs, behindMs }: { ms: number; gapMs: number; behindMs: number }): void {
    const end = this.clock.nowUs() + ms * 1_000;
    const unread: Unread[] = (this.#unread = []);
    while (this.clock.nowUs() < end) {
      this.#sleep(gapMs);
      const later = unread.findIndex(({ arrivalUs }) => arrivalUs > this.clock.nowUs() - behindMs * 1_000);
      this.#read(unread.splice(0, later));
      while (this.program.advance() <= this.clock.nowUs());
    }
    this.#unread = undefined;
    this.#read(unread);
  }

  #sleep(ms: number): void {
    const end = this.clock.nowUs() + ms * 1_000;
    while (this.clock.nowUs() < end) this.#step();
  }

  #step(): void {
    this.clock.advanceTo(this.clock.nowUs() + stepUs);
    for (const publisher of this.#publishers.values()) this.#send(publisher);
    const nowUs = this.clock.nowUs();
    if (nowUs < this.#heardUs + HEARD_INTERVAL_US) return;
    this.#heardUs = nowUs;
    this.#arrive({ arrivalUs: nowUs });
  }

  #arrive(message: Unread): void {
    if (this.#unread === undefined) this.#take(message);
    else this.#unread.push(message);
  }

  #take({ sent, arrivalUs }: Unread): void {
    if (sent === undefined) this.#backlog.note(arrivalUs, this.clock.nowUs());
    else this.program.write(sent.id, sent.unit, arrivalUs);
  }

  #read(unread: readonly Unread[], atOnce = Infinity): void {
    for (let first = 0; first < unread.length; first += atOnce) {
      for (const message of unread.slice(first, first + atOnce)) this.#take(message);
      if (atOnce !== Infinity) this.clock.advanceTo(this.clock.nowUs() + stepUs);
      this.#wakeUs = this.program.advance();
    }
  }

  #launch({ options, underway }: PublisherState, unit: AccessUnit): void {
    const before = underway.findLast((other) => other.unit.kind === unit.kind)?.atUs ?? 0;
    underway.push({ unit, atUs: Math.max(before, this.clock.nowUs() + options.jitterUs()) });
  }

  #deliver({ options, underway }: PublisherState): void {
    const arrivalUs = this.clock.nowUs();
    for (const arrived of underway.filter(({ atUs }) => atUs <= arrivalUs)) {
      underway.splice(underway.indexOf(arrived), 1);
      this.#arrive({ sent: { id: options.id, unit: arrived.unit }, arrivalUs });
    }
  }

  #send(state: PublisherState): void {
    const { options } = state;
    const ownUs = (this.clock.nowUs() - options.delayUs - options.originUs) * (1 + options.driftPpm / 1e6);
    const pictureUs = 1e6 / options.fps;
    while (options.video && state.nextVideo * pictureUs <= ownUs) this.#sendPicture(state);
    const { config } = options.aac.find((unit) => unit !== undefined) ?? {};
    const unitUs = config && (1_024 * 1e6) / config.sampleRate;
    while (unitUs !== undefined && (state.nextAudio + 1) * unitUs <= ownUs) {
      const index = state.nextAudio++;
      const unit = options.aac[index];
      const origin = Math.round((options.mediaUs * (config?.sampleRate ?? 0)) / 1e6);
      if (unit !== undefined) this.#launch(state, { ...unit, pts: origin + index * 1_024 });
    }
    while (options.audio && unitUs === undefined && (state.nextAudio + 1) * 20_000 <= ownUs) {
      const pts = state.nextAudio++ * 960 + (options.mediaUs * 48) / 1_000;
      this.#launch(state, opusFrame(Math.round(pts)));
    }
    this.#deliver(state);
  }

  #sendPicture(state: PublisherState): void {
    const { options } = state;
    const ticks = 90_000 / options.fps;
    const origin = Math.round((options.mediaUs * 9) / 100);
    const index = state.nextVideo++;
    const dts = origin + index * ticks;
    const cycle = options.bPictures + 1;
    const place = state.sinceIdr === 0 ? 0 : ((state.sinceIdr - 1) % cycle) + 1;
    const startsCycle = place <= 1;
    if (startsCycle && (state.idrWanted || state.sinceIdr >= options.gopPictures)) {
      state.sinceIdr = 0;
      state.idrWanted = false;
    }
    const isIdr = state.sinceIdr === 0;
    state.sinceIdr++;
    // In decoding order P comes first, `bPictures` ahead of its turn; each B then is shown one picture earlier.
    const reorder = options.bPictures === 0 ? 0 : isIdr ? 1 : place === 1 ? 1 + options.bPictures : 0;
    const type = isIdr ? 'I' : options.bPictures > 0 && place !== 1 ? 'B' : 'P';
    const pts = dts + reorder * ticks;
    this.#launch(state, picture({ pts, dts, type }));
  }
}
