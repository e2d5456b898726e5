import { writeFile } from 'node:fs/promises';
import { FlvMuxer } from '../../src/container/flv/muxer.js';
import { flvFileHeader, serialiseTag } from '../../src/container/flv/tag.js';
import type { AacUnit, AudioUnit, VideoUnit } from '../../src/media/access-unit.js';
import type { Role } from '../../src/media/participant.js';
import {
  defaultProgramSettings,
  type ProgramSettings,
  type ProgramSource,
} from '../../src/media/program-settings.js';
import type { RoomStats } from '../../src/room/protocol.js';
import { RoomProcess, type Switched } from '../../src/room/room-process.js';
import { waitFor } from '../peers/wait-for.js';
import { LiveSource, type LiveSourceOptions } from './live-source.js';
import { RecordedSource, type RecordedSourceOptions } from './recorded-source.js';

/** A small canvas: what is tested is time, and two cores are shared by all tests. */
const settings: ProgramSettings = {
  ...defaultProgramSettings,
  width: 640,
  height: 360,
  videoBitrateBps: 1_200_000,
  x264Preset: 'ultrafast',
  labels: false,
};

/** A real room process with live publishers; keeps what comes out. */
export class RoomRig {
  readonly video: VideoUnit[] = [];
  readonly audio: AacUnit[] = [];
  readonly sources: ProgramSource[] = [];
  readonly switched: Switched[] = [];
  readonly warnings: string[] = [];
  readonly stats: RoomStats[] = [];
  readonly restarted: string[] = [];
  readonly opus: AudioUnit[] = [];
  ended = 0;
  readonly #publishers = new Map<string, LiveSource | RecordedSource>();

  private constructor(
    readonly room: RoomProcess,
    readonly settings: ProgramSettings,
  ) {
    room.on('unit', (unit, source) => {
      if (unit.kind === 'audio') {
        this.audio.push(unit);
      } else {
        this.video.push(unit);
        this.sources.push(source);
      }
    });
    room.on('switched', (switched) => this.switched.push(switched));
    room.on('warning', (message) => this.warnings.push(message));
    room.on('stats', (stats) => this.stats.push(stats));
    room.on('restarted', (reason) => this.restarted.push(reason));
    room.on('opus', (unit) => this.opus.push(unit));
    room.on('program-ended', () => this.ended++);
    room.on('request-keyframe', (id) => this.#publishers.get(id)?.requestKeyframe());
  }

  static async open(overrides: Partial<ProgramSettings> = {}): Promise<RoomRig> {
    const all = { ...settings, ...overrides };
    return new RoomRig(await RoomProcess.open({ settings: all }), all);
  }

  join(id: string, role: Role, options: Omit<LiveSourceOptions, 'onUnit'> = {}): void {
    this.room.setParticipant(id, { role, name: id, gainDb: 0, muted: false, onAir: true }, true);
    this.publish(id, options);
  }

  /** A new media session of a participant that is there already. */
  publish(id: string, options: Omit<LiveSourceOptions, 'onUnit'> = {}): void {
    this.#publishers.get(id)?.close();
    this.room.beginSession(id);
    const onUnit: LiveSourceOptions['onUnit'] = (unit, arrivalUs) => this.room.write(id, unit, arrivalUs);
    this.#publishers.set(id, new LiveSource({ ...options, onUnit }));
  }

  /** A participant that sends a recorded FLV as an RTMP publisher does. */
  async joinRecorded(
    id: string,
    path: string,
    options: Omit<RecordedSourceOptions, 'onUnit'> & { readonly role?: Role } = {},
  ): Promise<RecordedSource> {
    const { role = 'host', ...impairment } = options;
    this.room.setParticipant(id, { role, name: id, gainDb: 0, muted: false, onAir: true }, false);
    this.room.beginSession(id);
    const onUnit: RecordedSourceOptions['onUnit'] = (unit, arrivalUs) => this.room.write(id, unit, arrivalUs);
    const source = await RecordedSource.open(path, { ...impairment, onUnit });
    this.#publishers.set(id, source);
    return source;
  }

  /** The publisher falls silent without a word. */
  vanish(id: string): void {
    this.#publishers.get(id)?.close();
    this.#publishers.delete(id);
  }

  /** Waits until the program has gone on by so much. */
  async goOn(seconds: number): Promise<void> {
    const from = this.video.at(-1)?.pts ?? 0;
    const target = this.video.length === 0 ? 0 : from + seconds * 90_000;
    await waitFor(`${seconds} s of program`, () => (this.video.at(-1)?.pts ?? -1) >= target, {
      timeoutMs: 15_000 + seconds * 3_000,
      intervalMs: 10,
      state: () => ({ from, at: this.video.at(-1)?.pts, warnings: this.warnings }),
    });
  }

  /** Waits for one more switch than there were, and returns it. */
  async nextSwitch(start: () => void): Promise<Switched> {
    const before = this.switched.length;
    start();
    await waitFor('a switch', () => this.switched.length > before, { intervalMs: 5 });
    return this.switched.at(-1)!;
  }

  /** Writes what came out as one FLV, as an RTMP target would get it. */
  async write(path: string): Promise<void> {
    const muxer = new FlvMuxer();
    const units = [...this.video, ...this.audio].sort((a, b) => seconds(a) - seconds(b));
    const tags = units.flatMap((unit) => muxer.tags(unit));
    await writeFile(
      path,
      Buffer.concat([flvFileHeader({ audio: true, video: true }), ...tags.map((tag) => serialiseTag(tag))]),
    );
  }

  async close(): Promise<void> {
    for (const publisher of this.#publishers.values()) publisher.close();
    this.#publishers.clear();
    await this.room.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function seconds(unit: VideoUnit | AacUnit): number {
  return unit.kind === 'video' ? unit.dts / 90_000 : unit.pts / unit.config.sampleRate;
}
