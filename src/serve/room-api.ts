/**
 * What the HTTP layer needs of rooms. `room.ts` and `server.ts` implement it with real media; everything here is plain
 * data, so that a view can go out as JSON as it is. Errors are those of the taxonomy; the HTTP layer turns them into
 * status codes (see `http/problem.ts`).
 */
import type { Role } from '../media/participant.js';
import type { Layout, Mode, ProgramSettings, ProgramSource } from '../media/program-settings.js';

/** `waiting`: knocked and not answered yet. `accepted`: in the room, on air whenever the mode is collab. */
export type ParticipantState = 'waiting' | 'accepted';

/** Media figures of a publishing participant; absent figures are not known for its protocol. */
export interface ParticipantStats {
  readonly videoBitrateBps: number;
  readonly audioBitrateBps: number;
  readonly width?: number;
  readonly height?: number;
  readonly fps?: number;
  /** Share of packets lost on the way to us over the last seconds, 0…1. */
  readonly lossRatio?: number;
  readonly jitterMs?: number;
  readonly roundTripMs?: number;
}

export interface ParticipantView {
  /** `host` for the host; otherwise unguessable. */
  readonly id: string;
  readonly role: Role;
  readonly name: string;
  readonly state: ParticipantState;
  readonly gainDb: number;
  readonly muted: boolean;
  /** Part of the program at this moment. */
  readonly onAir: boolean;
  readonly publishing: boolean;
  readonly protocol: 'whip' | 'rtmp' | null;
  /** A guest who comes by OBS or ffmpeg, with a stream key of its own. */
  readonly hasStreamKey: boolean;
  readonly stats: ParticipantStats | null;
}

export type TargetState = 'connecting' | 'live' | 'stalled' | 'reconnecting' | 'failed' | 'idle';

export interface TargetView {
  readonly id: string;
  readonly name: string;
  /** With the stream key and any password masked. */
  readonly url: string;
  readonly enabled: boolean;
  readonly state: TargetState;
  readonly bytesOut: number;
  readonly bitrateBps: number;
  readonly reconnects: number;
  readonly droppedUnits: number;
  readonly lastError: string | null;
  /** What can be done about it. */
  readonly lastErrorHint: string | null;
}

export interface RecordingView {
  readonly state: 'off' | 'recording' | 'failed';
  /** File name only, never a path of the server. */
  readonly file: string | null;
  /** ISO 8601. */
  readonly startedAt: string | null;
  readonly bytes: number;
  readonly lastError: string | null;
}

export interface TimelineEntry {
  /** ISO 8601. */
  readonly at: string;
  readonly mode: Mode;
  readonly source: ProgramSource;
  /** From the request (or the cause) to the first picture of the new source. */
  readonly tookMs: number;
}

export interface ProgramView {
  /** ISO 8601; null before the first unit. */
  readonly startedAt: string | null;
  readonly lastSwitchMs: number | null;
  /** Newest last, bounded. */
  readonly timeline: readonly TimelineEntry[];
  readonly bitrateBps: number;
  readonly viewers: { readonly whep: number; readonly hls: number; readonly flv: number };
}

/** Off air: `idle`. The host is gone and the slate stands in: `slate`. */
export type RoomState = 'idle' | 'live' | 'collab' | 'switching' | 'slate';

export interface RoomView {
  readonly id: string;
  readonly name: string;
  readonly state: RoomState;
  /** The mode asked for; `source` tells where the pictures come from now. */
  readonly mode: Mode;
  readonly source: ProgramSource | null;
  readonly participants: readonly ParticipantView[];
  readonly layout: Layout;
  readonly settings: ProgramSettings;
  readonly targets: readonly TargetView[];
  readonly recording: RecordingView;
  readonly program: ProgramView;
  readonly process: { readonly cpuPercent: number; readonly rssBytes: number; readonly restarts: number };
  /** ISO 8601. */
  readonly createdAt: string;
}

/** What only an administrator or the room's host may know. */
export interface RoomSecrets {
  readonly hostKey: string;
  /** Where OBS and ffmpeg push the host. */
  readonly rtmpUrl: string;
  readonly rtmpStreamKey: string;
  /** Part of every invite token; a new one revokes all that were given out. */
  readonly inviteGeneration: string;
}

/** A WHIP or WHEP session: its URL is a resource until it is deleted or the connection ends. */
export interface SessionInfo {
  /** Unguessable. */
  readonly id: string;
  readonly kind: 'whip' | 'whep';
  /** Without quotes. */
  readonly etag: string;
  /** Whoever opened it, as the HTTP layer named it in {@link OfferOptions.subject}. */
  readonly subject: string;
}

export interface SessionAnswer {
  readonly answerSdp: string;
  readonly sessionId: string;
  /** Without quotes. */
  readonly etag: string;
}

/** What a trickle fragment came to. */
export interface SessionPatch {
  /** Without quotes; another one than before after an ICE restart. */
  readonly etag: string;
  /** After an ICE restart: our new credentials and candidates, the body of the answer (RFC 9725 §4.3.3). */
  readonly restartFragment?: string;
}

export interface OfferOptions {
  readonly offerSdp: string;
  /** Remembered with the session: `host`, `guest:<participant>`, `admin`, `viewer`. */
  readonly subject: string;
  readonly remoteAddress: string;
  readonly signal?: AbortSignal;
}

export interface ParticipantChange {
  readonly name?: string;
  readonly gainDb?: number;
  readonly muted?: boolean;
}

export interface TargetInput {
  /** `rtmp://` or `rtmps://`, stream key included. */
  readonly url: string;
  readonly name?: string;
  readonly enabled?: boolean;
}

/** Something happened in a room. `changed` stands for everything that a new view tells by itself. */
export type RoomEvent =
  | { readonly type: 'changed' }
  | {
      readonly type: 'switched';
      readonly mode: Mode;
      readonly source: ProgramSource;
      readonly tookMs: number;
    }
  | { readonly type: 'knock'; readonly participantId: string; readonly name: string }
  | { readonly type: 'left'; readonly participantId: string; readonly name: string; readonly reason: string }
  /** A media session gave way to a newer one of the same participant: its owner must not reconnect. */
  | { readonly type: 'replaced'; readonly participantId: string; readonly sessionId: string }
  | { readonly type: 'target'; readonly targetId: string; readonly state: TargetState }
  | { readonly type: 'recording'; readonly state: RecordingView['state']; readonly reason: string | null }
  /** PLI asked → IDR in. */
  | { readonly type: 'keyframe'; readonly participantId: string; readonly tookMs: number }
  /**
   * The host's own AAC and that of the program's encoder met, at a switch or at a hole: what goes on from there, how many
   * frames beside it were encoded although the host was alone, and how much louder the error is than without a joint.
   */
  | {
      readonly type: 'audio-seam';
      readonly to: 'source' | 'encoder';
      readonly joint: 'exact' | 'rebuilt' | 'mismatched' | 'none';
      readonly bridgedFrames: number;
      readonly excessDb: number;
    }
  /** A step of program timestamps beyond what the rate allows. */
  | { readonly type: 'pts-gap'; readonly medium: 'audio' | 'video'; readonly gapMs: number }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'closed' };

export type RoomEventListener = (event: RoomEvent) => void;

/** Running totals and gauges; totals only grow while the room is open. */
export interface RoomMetrics {
  readonly targets: readonly {
    readonly id: string;
    readonly bytesOut: number;
    readonly droppedUnits: number;
    readonly reconnects: number;
    readonly live: boolean;
  }[];
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  readonly processRestarts: number;
  readonly lateTicks: number;
  readonly decodeErrors: number;
  readonly concealedSamples: number;
  readonly participants: number;
  readonly viewers: { readonly whep: number; readonly hls: number; readonly flv: number };
}

export interface RoomApi {
  readonly id: string;
  view(): RoomView;
  metrics(): RoomMetrics;
  secrets(): RoomSecrets;
  /** @returns a function that ends the subscription */
  subscribe(listener: RoomEventListener): () => void;

  /** A guest knocks. @throws InvalidStateError when the room is full */
  addGuest(options: { readonly name: string }): ParticipantView;
  /** A guest who comes by OBS or ffmpeg, let in from the start. @throws InvalidStateError when the room is full */
  addRtmpGuest(options: { readonly name: string }): Promise<ParticipantView>;
  /** A secret: for the host alone. @throws NotFoundError for who has none */
  streamKeyOf(participantId: string): string;
  /** @throws NotFoundError for an unknown participant, as all calls below that take an id */
  acceptParticipant(participantId: string): ParticipantView;
  updateParticipant(participantId: string, change: ParticipantChange): ParticipantView;
  /** Ends its media sessions too. `reason` reaches the event listeners. */
  removeParticipant(participantId: string, reason: string): Promise<void>;

  /** Resolves when the change is under way; `switched` tells when it is on air. @throws InvalidStateError */
  setMode(mode: Mode): Promise<void>;
  setLayout(layout: Layout): Promise<void>;
  /**
   * Takes the program off air at once, without the slate's grace: the host's session ends, targets are told, the
   * recording is finished. Nothing happens when it is off air.
   */
  endProgram(): Promise<void>;
  /** @throws InvalidOptionError; InvalidStateError for what cannot change on air */
  updateSettings(change: Partial<ProgramSettings>): Promise<ProgramSettings>;
  rename(name: string): Promise<void>;

  addTarget(input: TargetInput): Promise<TargetView>;
  updateTarget(targetId: string, change: Partial<TargetInput>): Promise<TargetView>;
  removeTarget(targetId: string): Promise<void>;

  /** @throws InvalidStateError when already recording */
  startRecording(): Promise<RecordingView>;
  stopRecording(): Promise<RecordingView>;

  /**
   * @throws MalformedMediaError for a bad offer, UnsupportedMediaError for codecs not taken, InvalidStateError when
   * the participant may not publish now. A new session of the same participant takes the place of the old one.
   */
  publish(participantId: string, options: OfferOptions): Promise<SessionAnswer>;
  subscribeMedia(
    to: { readonly participant: string } | 'program',
    options: OfferOptions,
  ): Promise<SessionAnswer>;
  session(sessionId: string): SessionInfo | undefined;
  /** Trickled candidates, or an ICE restart (RFC 8840 fragment). @throws MalformedMediaError */
  patchSession(sessionId: string, sdpFragment: string): Promise<SessionPatch>;
  endSession(sessionId: string): Promise<void>;

  /** Makes every invite given out so far worthless. */
  revokeInvites(): Promise<void>;
  /** Makes a new host key and stream key. The present host's session stays. */
  rotateHostKey(): Promise<void>;
}

export interface CreateRoomOptions {
  /** Lower-case letters, digits and hyphens; made from the name when absent. */
  readonly id?: string;
  readonly name: string;
  readonly settings?: Partial<ProgramSettings>;
}

export interface RoomDirectory {
  list(): readonly RoomApi[];
  get(id: string): RoomApi | undefined;
  /** @throws InvalidStateError when the id is taken or there are too many rooms */
  create(options: CreateRoomOptions): Promise<RoomApi>;
  /** Ends everything in it and forgets it. @throws NotFoundError */
  delete(id: string): Promise<void>;
  /** Events of every room, present and to come; rooms themselves: `created` and `deleted`. */
  subscribe(listener: (roomId: string, event: RoomEvent | DirectoryEvent) => void): () => void;
}

export type DirectoryEvent = { readonly type: 'created' } | { readonly type: 'deleted' };
