import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import {
  openPlayer,
  PROTOCOLS,
  type Player,
  type PlayerFigures,
  type Protocol,
} from '../../media/players.js';

const SAMPLE_EVERY_MS = 1_000;
/** Samples kept for the little curves: one minute. */
const HISTORY = 60;
/** A protocol that shows no picture in this time is given up for the next. */
const FIRST_PICTURE_MS = 8_000;
const RETRY_MS = 2_000;

export interface Sample {
  readonly latencyMs: number | undefined;
  readonly bufferMs: number;
  readonly bitrateBps: number;
  readonly droppedFrames: number;
  readonly totalFrames: number;
  readonly fps: number;
  readonly stalls: number;
  readonly stalledMs: number;
  readonly width: number;
  readonly height: number;
}

export interface Playback {
  readonly video: RefObject<HTMLVideoElement | null>;
  /** What plays now. */
  readonly protocol: Protocol;
  readonly playing: boolean;
  readonly problem: string | undefined;
  readonly samples: readonly Sample[];
}

/** Keeps the program playing: by the protocol chosen, or by the first that works. */
export function usePlayback(roomId: string, choice: Protocol | 'auto', onAir: boolean): Playback {
  const video = useRef<HTMLVideoElement>(null);
  const [attempt, setAttempt] = useState(0);
  const [playing, setPlaying] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const protocol = choice === 'auto' ? (PROTOCOLS[attempt % PROTOCOLS.length] ?? 'hls') : choice;

  useEffect(() => setAttempt(0), [choice]);
  useEffect(() => {
    const element = video.current;
    if (!onAir || element === null) return;
    setPlaying(false);
    setSamples([]);
    let player: Player | undefined;
    let over = false;
    let retry: ReturnType<typeof setTimeout> | undefined;
    const failed = (reason: string): void => {
      if (over) return;
      over = true;
      setProblem(reason);
      setPlaying(false);
      player?.close();
      retry = setTimeout(() => setAttempt((count) => count + 1), RETRY_MS);
    };
    const firstPicture = setTimeout(() => failed('no picture came'), FIRST_PICTURE_MS);
    const stalls = new StallWatch(element);
    const meter = new Meter(element, stalls);
    const onPlaying = (): void => {
      clearTimeout(firstPicture);
      setPlaying(true);
      setProblem(undefined);
    };
    element.addEventListener('playing', onPlaying);
    void openPlayer(protocol, { video: element, roomId, onFailed: failed }).then(
      (opened) => {
        if (over) return opened.close();
        player = opened;
        void element.play().catch(() => undefined);
      },
      (error: unknown) => failed(error instanceof Error ? error.message : String(error)),
    );
    const sampling = setInterval(() => {
      if (player === undefined) return;
      void player.figures().then((figures) => {
        if (!over) setSamples((before) => [...before, meter.sample(figures)].slice(-HISTORY));
      });
    }, SAMPLE_EVERY_MS);
    return () => {
      over = true;
      clearTimeout(firstPicture);
      clearTimeout(retry);
      clearInterval(sampling);
      element.removeEventListener('playing', onPlaying);
      stalls.close();
      player?.close();
    };
  }, [roomId, protocol, attempt, onAir]);
  return { video, protocol, playing, problem, samples };
}

/** Counts how often, and how long, the picture waited for data after it had begun. */
class StallWatch {
  readonly #video: HTMLVideoElement;
  readonly #listening = new AbortController();
  #begun = false;
  #since: number | undefined;
  #total = 0;
  count = 0;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    const { signal } = this.#listening;
    video.addEventListener('waiting', () => this.#wait(), { signal });
    video.addEventListener('playing', () => this.#go(), { signal });
  }

  get stalledMs(): number {
    return this.#total + (this.#since === undefined ? 0 : performance.now() - this.#since);
  }

  close(): void {
    this.#listening.abort();
  }

  #wait(): void {
    if (!this.#begun || this.#video.paused || this.#since !== undefined) return;
    this.count += 1;
    this.#since = performance.now();
  }

  #go(): void {
    this.#begun = true;
    if (this.#since !== undefined) this.#total += performance.now() - this.#since;
    this.#since = undefined;
  }
}

class Meter {
  readonly #video: HTMLVideoElement;
  readonly #stalls: StallWatch;
  #last: { at: number; bytes: number; frames: number } | undefined;

  constructor(video: HTMLVideoElement, stalls: StallWatch) {
    this.#video = video;
    this.#stalls = stalls;
  }

  sample({ latencyMs, bytes }: PlayerFigures): Sample {
    const video = this.#video;
    const { droppedVideoFrames, totalVideoFrames } = video.getVideoPlaybackQuality();
    const now = { at: performance.now(), bytes, frames: totalVideoFrames };
    const last = this.#last ?? now;
    this.#last = now;
    const seconds = Math.max(0.001, (now.at - last.at) / 1000);
    const { buffered } = video;
    const ahead = buffered.length === 0 ? 0 : buffered.end(buffered.length - 1) - video.currentTime;
    return {
      latencyMs,
      bufferMs: Math.max(0, ahead * 1000),
      bitrateBps: Math.max(0, ((now.bytes - last.bytes) * 8) / seconds),
      droppedFrames: droppedVideoFrames,
      totalFrames: totalVideoFrames,
      fps: Math.max(0, (now.frames - last.frames) / seconds),
      stalls: this.#stalls.count,
      stalledMs: this.#stalls.stalledMs,
      width: video.videoWidth,
      height: video.videoHeight,
    };
  }
}
