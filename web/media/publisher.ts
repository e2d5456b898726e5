import type { ApiError } from '../api/client.js';
import { preferH264, RtcLink, type LinkState } from './rtc-link.js';

export type Quality = 'good' | 'fair' | 'poor';

export interface PublishFigures {
  readonly quality: Quality;
  readonly bitrateBps: number;
  readonly roundTripMs: number | undefined;
  /** 0…1 */
  readonly lossRatio: number;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly fps: number | undefined;
  /** Why the encoder holds back, if it does. */
  readonly limitedBy: string;
}

/** Any line that carries live video at all carries this; an uplink that does not is found out within a second. */
const START_BITRATE_BPS = 1_000_000;

/** Less is no picture worth having, and from 30 kb/s, Chromium's own least, a hiccup of the machine takes minutes to mend. */
const LEAST_BITRATE_BPS = 200_000;

export interface PublisherOptions {
  readonly url: string;
  readonly token: string | undefined;
  readonly stream: MediaStream;
  readonly maxVideoBitrateBps: number;
  onState(state: LinkState, error?: ApiError): void;
  onFigures(figures: PublishFigures): void;
}

/** Sends camera and microphone by WHIP and keeps at it. Devices can be changed while it runs. */
export class Publisher {
  readonly #link: RtcLink;
  #video: MediaStreamTrack | null;
  #audio: MediaStreamTrack | null;
  #lastBytes = 0;
  #lastAt = 0;

  constructor(options: PublisherOptions) {
    const { stream, maxVideoBitrateBps } = options;
    this.#video = stream.getVideoTracks()[0] ?? null;
    this.#audio = stream.getAudioTracks()[0] ?? null;
    this.#link = new RtcLink({
      ...options,
      setUp: (connection) => {
        connection.addTransceiver(this.#audio ?? 'audio', { direction: 'sendonly', streams: [stream] });
        const video = connection.addTransceiver(this.#video ?? 'video', {
          direction: 'sendonly',
          streams: [stream],
          sendEncodings: [{ maxBitrate: maxVideoBitrateBps }],
        });
        preferH264(video);
      },
      adapt: (answer) => startAt(answer, Math.min(START_BITRATE_BPS, maxVideoBitrateBps)),
      onStats: (report) => options.onFigures(this.#figures(report)),
    });
  }

  /** Takes another camera or microphone without a new session. */
  replace(stream: MediaStream): void {
    this.#video = stream.getVideoTracks()[0] ?? null;
    this.#audio = stream.getAudioTracks()[0] ?? null;
    for (const { sender, receiver } of this.#link.connection?.getTransceivers() ?? []) {
      void sender.replaceTrack(receiver.track.kind === 'video' ? this.#video : this.#audio);
    }
  }

  owns(sessionId: string): boolean {
    return this.#link.owns(sessionId);
  }

  /** @param isOver the server has ended the session already */
  close(isOver = false): void {
    this.#link.close(isOver);
  }

  #figures(report: RTCStatsReport): PublishFigures {
    let bytes = 0;
    let lossRatio = 0;
    let roundTripMs: number | undefined;
    let video: Record<string, unknown> = {};
    report.forEach((entry: Record<string, unknown>) => {
      if (entry['type'] === 'outbound-rtp') {
        bytes += Number(entry['bytesSent'] ?? 0);
        if (entry['kind'] === 'video') video = entry;
      }
      if (entry['type'] === 'remote-inbound-rtp') {
        lossRatio = Math.max(lossRatio, Number(entry['fractionLost'] ?? 0));
        if (entry['roundTripTime'] !== undefined) roundTripMs = Number(entry['roundTripTime']) * 1000;
      }
    });
    const at = performance.now();
    const bitrateBps = this.#lastAt === 0 ? 0 : ((bytes - this.#lastBytes) * 8000) / (at - this.#lastAt);
    this.#lastBytes = bytes;
    this.#lastAt = at;
    const limitedBy = (video['qualityLimitationReason'] as string | undefined) ?? 'none';
    return {
      quality: judge(lossRatio, roundTripMs, limitedBy),
      bitrateBps: Math.max(0, bitrateBps),
      roundTripMs,
      lossRatio,
      width: video['frameWidth'] as number | undefined,
      height: video['frameHeight'] as number | undefined,
      fps: video['framesPerSecond'] as number | undefined,
      limitedBy,
    };
  }
}

/**
 * Has Chromium begin with this much instead of 300 kb/s, and look for more from there: a show begins sharp, not after
 * half a minute of cautious growth. Other browsers ignore the parameter.
 */
function startAt(answerSdp: string, bitrateBps: number): string {
  const h264 = new Set([...answerSdp.matchAll(/^a=rtpmap:(\d+) H264\//gim)].map(([, type]) => type));
  return answerSdp.replace(/^a=fmtp:(\d+) [^\r\n]*/gm, (line, type: string) =>
    h264.has(type)
      ? `${line};x-google-start-bitrate=${Math.round(bitrateBps / 1000)};x-google-min-bitrate=${LEAST_BITRATE_BPS / 1000}`
      : line,
  );
}

function judge(lossRatio: number, roundTripMs = 0, limitedBy: string): Quality {
  if (lossRatio > 0.08 || roundTripMs > 500) return 'poor';
  if (lossRatio > 0.02 || roundTripMs > 200 || limitedBy === 'bandwidth') return 'fair';
  return 'good';
}
