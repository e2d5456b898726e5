import { setTimeout as delay } from 'node:timers/promises';
import { FlvMuxer } from '../../src/container/flv/muxer.js';
import type { AccessUnit } from '../../src/media/access-unit.js';
import type { ProgramUnit } from '../../src/media/program-sink.js';
import { RtmpClient } from '../../src/rtmp/rtmp-client.js';

/** A program on air: units sent over real RTMP when their decoding time has come. */
export class LiveSource {
  readonly #client: RtmpClient;
  #stopped = false;
  readonly #done: Promise<void>;

  private constructor(client: RtmpClient, units: readonly AccessUnit[], speed: number) {
    this.#client = client;
    this.#done = this.#run(units, speed);
  }

  static async open(url: string, units: readonly AccessUnit[], speed = 1): Promise<LiveSource> {
    return new LiveSource(await RtmpClient.connect(url), units, speed);
  }

  /** Resolves when all has been sent. */
  get finished(): Promise<void> {
    return this.#done;
  }

  async close(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    await this.#client.close();
  }

  /** Breaks the connection without goodbye. */
  vanish(): void {
    this.#stopped = true;
    this.#client.destroy();
  }

  async #run(units: readonly AccessUnit[], speed: number): Promise<void> {
    const muxer = new FlvMuxer();
    const [first] = units;
    if (first === undefined) return;
    const startMs = performance.now();
    const originMs = timeMs(first);
    for (const unit of units) {
      const wait = startMs + (timeMs(unit) - originMs) / speed - performance.now();
      if (wait > 2) await delay(wait);
      if (this.#stopped) return;
      for (const tag of muxer.tags(unit as ProgramUnit)) this.#client.write(tag);
    }
  }
}

function timeMs(unit: AccessUnit): number {
  return unit.kind === 'video' ? unit.dts / 90 : (unit.pts * 1_000) / unit.config.sampleRate;
}
