/**
 * What the main process and a room process say to each other over their framed pipe. Main never decodes; the room
 * process never touches the network. Participants' times are on the participant's own media timeline (one origin for
 * all its tracks); program times are on the program's.
 */
import type { AacUnit, AccessUnit, AudioUnit, VideoUnit } from '../media/access-unit.js';
import type { ParticipantSettings } from '../media/participant.js';
import type { AudioFormat } from '../program/audio-format.js';
import type { LiveSeam } from '../splice/live-seam.js';
import type { Layout, Mode, ProgramSettings, ProgramSource } from '../media/program-settings.js';

/** Where a restarted program takes up: it must go on from here, never before. */
export interface ProgramPosition {
  /** Video time in 1/90000 s that the next picture must reach. */
  readonly videoPts: number;
  /** Audio time in samples at the program's rate: the pts of the next audio frame. */
  readonly audioPts: number;
  /** Of all the program's sound: what was on air knows better than the settings. */
  readonly audioFormat?: AudioFormat;
  /** The last unit of sound, in base64. */
  readonly lastAudio?: string;
  /** System clock at which that position was on air. */
  readonly atUs: number;
  /** The program had ended with the grace period; the host's next session begins it anew, later on the same clock. */
  readonly ended?: boolean;
}

export type ToRoom =
  | { readonly type: 'configure'; readonly settings: ProgramSettings; readonly resumeAt?: ProgramPosition }
  | {
      readonly type: 'participant';
      readonly id: string;
      readonly settings: ParticipantSettings;
      /** Whether an IDR can be asked of this publisher (WebRTC yes, RTMP no). */ readonly canRequestKeyframe: boolean;
    }
  | { readonly type: 'participant-left'; readonly id: string }
  /** A media session of the participant begins: its timeline has a new origin and its decoders start afresh. */
  | { readonly type: 'session'; readonly id: string }
  /** The media session ended or fell silent; the participant may come back with a new one. */
  | { readonly type: 'session-ended'; readonly id: string }
  | {
      readonly type: 'unit';
      readonly id: string;
      readonly unit: AccessUnit;
      /** System clock when its last packet arrived. */ readonly arrivalUs: number;
    }
  /** Again and again: all units that arrived until then, on the system clock, have been sent. */
  | { readonly type: 'heard'; readonly untilUs: number }
  | { readonly type: 'set-mode'; readonly mode: Mode }
  | { readonly type: 'set-layout'; readonly layout: Layout }
  /** An output needs an IDR of the program soon. */
  | { readonly type: 'request-program-keyframe' }
  /**
   * Also encode the program's sound as Opus, whatever its source is: somebody watches by WHEP, and the host's own packets
   * cannot be forwarded to them (a mix, or a host that sends AAC).
   */
  | { readonly type: 'set-opus'; readonly enabled: boolean }
  | { readonly type: 'stop' };

export interface RoomStats {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  /** Mixed pictures late by more than one picture duration. */
  readonly lateTicks: number;
  readonly decodeErrors: number;
  readonly concealedSamples: number;
  /** Units dropped on the way in or out because a queue was full or a timestamp would have gone back. */
  readonly droppedUnits: number;
}

export type FromRoom =
  | { readonly type: 'ready' }
  /** The program of the last `configure` could not be made. */
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'program-unit'; readonly unit: VideoUnit | AacUnit; readonly source: ProgramSource }
  | { readonly type: 'program-opus'; readonly unit: AudioUnit }
  /** Ask this publisher for an IDR (PLI). Repeated by the room until one comes. */
  | { readonly type: 'request-keyframe'; readonly id: string }
  /** The first picture of a new source has been put out. `tookMs` counts from the request or the cause. */
  | {
      readonly type: 'switched';
      readonly mode: Mode;
      readonly source: ProgramSource;
      readonly videoPts: number;
      readonly tookMs: number;
    }
  /** The host's own AAC and that of the program's encoder met. */
  | { readonly type: 'audio-seam'; readonly seam: LiveSeam }
  /** The host stayed away for longer than the grace period. A new session of the host begins the program anew. */
  | { readonly type: 'program-ended' }
  /** Every second; also the sign of life that the main process waits for. */
  | { readonly type: 'stats'; readonly stats: RoomStats }
  | { readonly type: 'warning'; readonly message: string };
