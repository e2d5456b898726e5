import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { RoomDirectory, RoomMetrics } from '../room-api.js';

const SWITCH_BUCKETS_S = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2, 5];
/** Below 0 the seam is quieter than the encode that it is compared with. */
const EXCESS_BUCKETS_DB = [0, 1, 2, 3, 6, 10, 20, 30];
const KEYFRAME_BUCKETS_S = [0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5];

/** Figures for Prometheus: what happened as it happens, totals and gauges when they are asked for. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #unsubscribe: () => void;

  constructor(rooms: RoomDirectory) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry, prefix: 'anchornet_' });
    const switches = new Histogram({
      name: 'anchornet_switch_duration_seconds',
      help: 'From a switch request, or its cause, to the first picture of the new source',
      labelNames: ['room', 'source'],
      buckets: SWITCH_BUCKETS_S,
      registers,
    });
    const keyframes = new Histogram({
      name: 'anchornet_keyframe_wait_seconds',
      help: 'From the first PLI to the IDR',
      labelNames: ['room'],
      buckets: KEYFRAME_BUCKETS_S,
      registers,
    });
    const gaps = new Counter({
      name: 'anchornet_program_pts_gaps_total',
      help: 'Steps of program timestamps beyond what the rate allows',
      labelNames: ['room', 'medium'],
      registers,
    });
    const bridged = new Counter({
      name: 'anchornet_audio_bridged_frames_total',
      help: "Frames encoded beside seams although the host's AAC was alone on air",
      labelNames: ['room', 'to'],
      registers,
    });
    const excess = new Histogram({
      name: 'anchornet_audio_seam_excess_db',
      help: "Error where the host's AAC and the encoder's meet, over that of an encode without a seam",
      labelNames: ['room', 'to'],
      buckets: EXCESS_BUCKETS_DB,
      registers,
    });
    const mismatched = new Counter({
      name: 'anchornet_audio_mismatched_seams_total',
      help: 'Seams whose windows could not be made to fit',
      labelNames: ['room'],
      registers,
    });
    this.#unsubscribe = rooms.subscribe((room, event) => {
      if (event.type === 'switched') switches.observe({ room, source: event.source }, event.tookMs / 1000);
      if (event.type === 'keyframe') keyframes.observe({ room }, event.tookMs / 1000);
      if (event.type === 'pts-gap') gaps.inc({ room, medium: event.medium });
      if (event.type === 'audio-seam') {
        bridged.inc({ room, to: event.to }, event.bridgedFrames);
        excess.observe({ room, to: event.to }, event.excessDb);
        if (event.joint === 'mismatched') mismatched.inc({ room });
      }
      if (event.type === 'deleted') {
        for (const source of ['relay', 'mix', 'slate']) switches.remove({ room, source });
        keyframes.remove({ room });
        for (const medium of ['audio', 'video']) gaps.remove({ room, medium });
        for (const to of ['source', 'encoder']) {
          bridged.remove({ room, to });
          excess.remove({ room, to });
        }
        mismatched.remove({ room });
      }
    });
    this.#total(
      rooms,
      'anchornet_room_cpu_seconds_total',
      'CPU time of the room process',
      (m) => m.cpuSeconds,
    );
    this.#total(rooms, 'anchornet_room_restarts_total', 'Room processes replaced', (m) => m.processRestarts);
    this.#total(rooms, 'anchornet_room_late_ticks_total', 'Pictures mixed too late', (m) => m.lateTicks);
    this.#total(
      rooms,
      'anchornet_room_decode_errors_total',
      'Units that did not decode',
      (m) => m.decodeErrors,
    );
    this.#total(
      rooms,
      'anchornet_room_concealed_samples_total',
      'Audio samples made up for lost ones',
      (m) => m.concealedSamples,
    );
    this.#gauge(rooms, 'anchornet_room_resident_bytes', 'Memory of the room process', (m) => m.rssBytes);
    this.#gauge(rooms, 'anchornet_room_participants', 'Host and guests in the room', (m) => m.participants);
    this.#viewers(rooms);
    this.#targets(rooms);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async render(): Promise<string> {
    return this.#registry.metrics();
  }

  close(): void {
    this.#unsubscribe();
    this.#registry.clear();
  }

  /** The room counts: its total is the counter's whole value, read anew each time. */
  #total(rooms: RoomDirectory, name: string, help: string, read: (metrics: RoomMetrics) => number): void {
    new Counter({
      name,
      help,
      labelNames: ['room'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const room of rooms.list()) this.inc({ room: room.id }, read(room.metrics()));
      },
    });
  }

  #gauge(rooms: RoomDirectory, name: string, help: string, read: (metrics: RoomMetrics) => number): void {
    new Gauge({
      name,
      help,
      labelNames: ['room'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const room of rooms.list()) this.set({ room: room.id }, read(room.metrics()));
      },
    });
  }

  #viewers(rooms: RoomDirectory): void {
    new Gauge({
      name: 'anchornet_viewers',
      help: 'Viewers of the program',
      labelNames: ['room', 'protocol'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const room of rooms.list()) {
          for (const [protocol, count] of Object.entries(room.metrics().viewers)) {
            this.set({ room: room.id, protocol }, count);
          }
        }
      },
    });
  }

  #targets(rooms: RoomDirectory): void {
    type Target = RoomMetrics['targets'][number];
    const labelNames = ['room', 'target'] as const;
    const registers = [this.#registry];
    const each = (set: (labels: { room: string; target: string }, target: Target) => void): void => {
      for (const room of rooms.list()) {
        for (const target of room.metrics().targets) set({ room: room.id, target: target.id }, target);
      }
    };
    const total = (name: string, help: string, read: (target: Target) => number): void => {
      new Counter({
        name,
        help,
        labelNames,
        registers,
        collect() {
          this.reset();
          each((labels, target) => this.inc(labels, read(target)));
        },
      });
    };
    total('anchornet_target_sent_bytes_total', 'Bytes the target has taken', (target) => target.bytesOut);
    total(
      'anchornet_target_dropped_units_total',
      'Units a slow target missed',
      (target) => target.droppedUnits,
    );
    total('anchornet_target_reconnects_total', 'Connections made anew', (target) => target.reconnects);
    new Gauge({
      name: 'anchornet_target_live',
      help: '1 while media flows',
      labelNames,
      registers,
      collect() {
        this.reset();
        each((labels, target) => this.set(labels, target.live ? 1 : 0));
      },
    });
  }
}
