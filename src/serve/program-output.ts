import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { InvalidStateError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { ProgramUnit } from '../media/program-sink.js';
import type { Origin } from '../origin/origin.js';
import { RtmpTarget } from '../publish/rtmp-target.js';
import { Recorder } from '../record/recorder.js';
import { parseRtmpUrl } from '../rtmp/url.js';
import type { RecordingView, RoomEvent, TargetState, TargetView } from './room-api.js';
import type { TargetRecord } from './state/state-store.js';

export interface ProgramOutputEvents {
  event: [event: RoomEvent];
  /** A sink waits for an IDR of the program. */
  'keyframe-needed': [];
}

export interface ProgramOutputOptions {
  readonly roomId: string;
  readonly origin: Origin;
  /** Where recordings go. */
  readonly recordingFolder: string;
  readonly logger: Logger;
}

interface Target {
  readonly record: TargetRecord;
  /** Undefined while the program is off air or the target is disabled. */
  sink: RtmpTarget | undefined;
}

const noRecording: RecordingView = { state: 'off', file: null, startedAt: null, bytes: 0, lastError: null };

/** Everything that a room's program goes to: the origin, the RTMP targets, a recording. One never disturbs another. */
export class ProgramOutput extends EventEmitter<ProgramOutputEvents> {
  readonly #options: ProgramOutputOptions;
  readonly #targets = new Map<string, Target>();
  #origin: RtmpTarget | undefined;
  #recorder: Recorder | undefined;
  #recording: RecordingView = noRecording;
  #onAir = false;

  constructor(options: ProgramOutputOptions) {
    super();
    this.#options = options;
  }

  /** The program goes on air: every enabled target connects. */
  begin(): void {
    this.#onAir = true;
    this.#origin = this.#open('origin', this.#options.origin.rtmpUrl(this.#options.roomId));
    for (const target of this.#targets.values()) this.#connect(target);
  }

  write(unit: ProgramUnit): void {
    this.#origin?.write(unit);
    for (const { sink } of this.#targets.values()) sink?.write(unit);
    this.#recorder?.write(unit);
  }

  /** The program ends: targets are told so, the recording is finished. */
  async end(): Promise<void> {
    this.#onAir = false;
    const sinks = [this.#origin, ...[...this.#targets.values()].map(({ sink }) => sink)];
    this.#origin = undefined;
    for (const target of this.#targets.values()) target.sink = undefined;
    await Promise.all([...sinks.map((sink) => sink?.close()), this.#finishRecording('off', null)]);
  }

  /** @throws InvalidOptionError for a URL that is no RTMP address */
  addTarget(record: TargetRecord): TargetView {
    parseRtmpUrl(record.url);
    const target: Target = { record, sink: undefined };
    this.#targets.set(record.id, target);
    this.#connect(target);
    return viewOf(target);
  }

  /** The same target with another URL, name or switch: it reconnects. */
  replaceTarget(record: TargetRecord): TargetView {
    parseRtmpUrl(record.url);
    this.removeTarget(record.id);
    return this.addTarget(record);
  }

  removeTarget(id: string): void {
    void this.#targets.get(id)?.sink?.close();
    this.#targets.delete(id);
  }

  targets(): TargetView[] {
    return [...this.#targets.values()].map(viewOf);
  }

  recording(): RecordingView {
    return this.#recorder === undefined
      ? this.#recording
      : { ...this.#recording, bytes: this.#recorder.stats.bytes };
  }

  viewers(): { hls: number; flv: number } {
    const stream = this.#options.origin.streams().find(({ name }) => name === this.#options.roomId);
    return { hls: stream?.hlsViewers ?? 0, flv: stream?.flvViewers ?? 0 };
  }

  async startRecording(): Promise<RecordingView> {
    if (!this.#onAir) throw new InvalidStateError('cannot record: the program is off air');
    if (this.#recording.state === 'recording') throw new InvalidStateError('the program is recorded already');
    const startedAt = new Date().toISOString();
    const file = `${this.#options.roomId}-${startedAt.replace(/[:.]/g, '-')}.mp4`;
    this.#recording = { state: 'recording', file, startedAt, bytes: 0, lastError: null };
    try {
      const recorder = await Recorder.open({
        path: join(this.#options.recordingFolder, file),
        logger: this.#options.logger,
      });
      recorder.once('stopped', ({ error }) => {
        if (error !== undefined) void this.#finishRecording('failed', error.message);
      });
      this.#recorder = recorder;
    } catch (error) {
      this.#recording = { ...this.#recording, state: 'failed', lastError: (error as Error).message };
      throw error;
    }
    this.emit('keyframe-needed');
    this.emit('event', { type: 'recording', state: 'recording', reason: null });
    return this.recording();
  }

  async stopRecording(): Promise<RecordingView> {
    if (this.#recorder === undefined) throw new InvalidStateError('the program is not being recorded');
    await this.#finishRecording('off', null);
    return this.recording();
  }

  async close(): Promise<void> {
    await this.end();
    this.#targets.clear();
  }

  async #finishRecording(state: 'off' | 'failed', reason: string | null): Promise<void> {
    const recorder = this.#recorder;
    if (recorder === undefined) return;
    this.#recorder = undefined;
    this.#recording = { ...this.#recording, state, bytes: recorder.stats.bytes, lastError: reason };
    await recorder.close();
    this.emit('event', { type: 'recording', state, reason });
  }

  #connect(target: Target): void {
    if (!this.#onAir || !target.record.enabled) return;
    const { id, url } = target.record;
    target.sink = this.#open(id, url);
  }

  #open(id: string, url: string): RtmpTarget {
    const sink = RtmpTarget.open({
      url,
      logger: this.#options.logger.child({ targetId: id }),
      onKeyframeNeeded: () => this.emit('keyframe-needed'),
    });
    sink.on('state', (state) => this.emit('event', { type: 'target', targetId: id, state }));
    return sink;
  }
}

function viewOf({ record, sink }: Target): TargetView {
  const { id, name, url, enabled } = record;
  const common = { id, name, url: `${parseRtmpUrl(url).shown.replace(/\/…$/, '')}/…`, enabled };
  if (sink === undefined) {
    const state: TargetState = 'idle';
    const figures = { bytesOut: 0, bitrateBps: 0, reconnects: 0, droppedUnits: 0 };
    return { ...common, state, ...figures, lastError: null, lastErrorHint: null };
  }
  const { state, bytesOut, bitrateBps, reconnects, droppedUnits, lastError, lastErrorHint } = sink.stats();
  return {
    ...common,
    state,
    bytesOut,
    bitrateBps,
    reconnects,
    droppedUnits,
    lastError: lastError ?? null,
    lastErrorHint: lastErrorHint ?? null,
  };
}
