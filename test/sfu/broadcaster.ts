import type { AudioUnit, VideoUnit } from '../../src/media/access-unit.js';
import { parseRtcp, type RtcpPacket } from '../../src/rtp/rtcp.js';
import { RtpStreamWriter, type OutgoingPacket } from '../../src/rtp/stream-writer.js';
import type { MediaKind } from '../../src/webrtc/types.js';
import { RtcClient } from '../../src/webrtc/rtc-client.js';

/** A WHIP publisher that sends what the test tells it to, when it tells it to, and no sender reports. */
export class Broadcaster {
  readonly received: { readonly packet: RtcpPacket; readonly atUs: number }[] = [];
  readonly #writers = { audio: new RtpStreamWriter(), video: new RtpStreamWriter() };

  private constructor(readonly client: RtcClient) {
    client.on('rtcp', (compound, atUs) => {
      for (const packet of parseRtcp(compound)) this.received.push({ packet, atUs });
    });
  }

  static async open(url: string): Promise<Broadcaster> {
    return new Broadcaster(await RtcClient.publish({ url, timeoutMs: 30_000 }));
  }

  get plis(): { readonly atUs: number }[] {
    return this.received.filter(({ packet }) => packet.type === 'pli');
  }

  video(unit: VideoUnit): void {
    for (const packet of this.#writers.video.video(unit)) this.send('video', packet);
  }

  audio(unit: AudioUnit): void {
    this.send('audio', this.#writers.audio.opus(unit));
  }

  send(kind: MediaKind, packet: OutgoingPacket): void {
    const media = this.client.media[kind]!;
    this.client.sendRtp({ kind, payloadType: media.payloadType, ssrc: media.ssrc!, ...packet });
  }

  /** Calls `step` with 0, 1, 2 … at 30 per second until disposed. */
  static every33ms(step: (index: number) => void): Disposable {
    const beginMs = performance.now();
    let next = 0;
    const timer = setInterval(() => {
      for (; next <= (performance.now() - beginMs) / (1000 / 30); next++) step(next);
    }, 5);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  close(): Promise<void> {
    return this.client.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
