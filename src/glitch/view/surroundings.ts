import { audioTimeMs } from '../bitstream/aac-frame.js';
import type { CaptureEvent } from '../capture/event.js';
import { byWeight, severityRank, type Finding } from '../finding.js';
import type { SoundPlace } from '../signal/place-map.js';
import type { Witness } from '../witness.js';
import { drawCloseUp, type CloseUp, type Surrounding } from './close-up.js';
import { OverviewBins, type Overview } from './overview.js';
import { RecentSound } from './recent-sound.js';
import { RecentStamps } from './recent-stamps.js';

/** What a report draws. Times count from the capture's beginning, as those of findings do. */
export interface CaptureView {
  readonly overview: Overview;
  /** Worst first; at most {@link MAX_CLOSE_UPS}. */
  readonly closeUps: readonly CloseUp[];
}

/** Some 60 KB of report each, and more than anybody looks at. */
export const MAX_CLOSE_UPS = 40;
const LONGEST_MS = 2000;
const SHORTEST_MS = { audio: 200, video: 1000 };
/** Rows of stamps on each side of a finding. */
const STAMPS = 6;

/** Watches an analysis and remembers what lies around the worst findings: memory does not grow with the capture. */
export class Surroundings implements Witness {
  readonly #overview = new OverviewBins();
  readonly #sound = new RecentSound();
  readonly #audio = new RecentStamps();
  readonly #video = new RecentStamps();
  #kept: Surrounding[] = [];
  #originMs: number | undefined;

  event(event: CaptureEvent): void {
    if (event.type === 'damage' || event.type === 'pcm') return;
    const stamps = event.type === 'audio' ? this.#audio : this.#video;
    stamps.add(event);
    const timeMs =
      event.type === 'audio' ? audioTimeMs(event) : (event.stamp.pts * 1000) / event.stamp.timescale;
    this.#originMs ??= timeMs;
    this.#overview.unit(event.type, timeMs, event.unit.data.length);
  }

  sound(channels: readonly Float32Array[], sampleRate: number, place: SoundPlace): void {
    this.#originMs ??= place.timeMs;
    this.#sound.append(channels, sampleRate, place);
    this.#overview.sound(channels, sampleRate, place.timeMs);
  }

  finding(finding: Finding): void {
    if (this.#kept.length >= MAX_CLOSE_UPS && !this.#makeRoom(finding)) return;
    this.#kept.push(this.#around(finding));
  }

  /** Draws what was kept. */
  view(): CaptureView {
    const originMs = this.#originMs ?? 0;
    return {
      overview: this.#overview.take(originMs),
      closeUps: this.#kept
        .sort((a, b) => byWeight(a.finding, b.finding))
        .map((surrounding) => drawCloseUp(surrounding, originMs)),
    };
  }

  /** The least of those kept goes: the mildest, of a kind that is shown often, the latest. */
  #makeRoom(newcomer: Finding): boolean {
    const shown = new Map<string, number>();
    for (const { finding } of this.#kept) shown.set(finding.kind, (shown.get(finding.kind) ?? 0) + 1);
    const times = (finding: Finding): number => shown.get(finding.kind) ?? 0;
    const isLess = (a: Finding, b: Finding): boolean =>
      severityRank(a.severity) !== severityRank(b.severity)
        ? severityRank(a.severity) < severityRank(b.severity)
        : times(a) > times(b);
    let least = this.#kept.length - 1;
    for (let i = least - 1; i >= 0; i--) {
      if (isLess(this.#kept[i]!.finding, this.#kept[least]!.finding)) least = i;
    }
    if (!isLess(this.#kept[least]!.finding, newcomer)) return false;
    this.#kept.splice(least, 1);
    return true;
  }

  #around(finding: Finding): Surrounding {
    const { timeMs, durationMs, medium } = finding;
    const lengthMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS[medium], 2 * durationMs));
    const fromMs = Math.max(
      this.#originMs ?? timeMs,
      durationMs < lengthMs ? timeMs - (lengthMs - durationMs) / 2 : timeMs - lengthMs / 4,
    );
    const toMs = fromMs + lengthMs;
    return {
      finding,
      fromMs,
      toMs,
      sound: this.#sound.window(fromMs, toMs),
      lanes: { audio: this.#audio.within(fromMs, toMs), video: this.#video.within(fromMs, toMs) },
      stamps: { audio: this.#audio.around(timeMs, STAMPS), video: this.#video.around(timeMs, STAMPS) },
    };
  }
}
