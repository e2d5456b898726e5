import type { ProgramSettings } from '../../media/program-settings.js';
import type { ParticipantStats, ParticipantView, ProgramView, RecordingView } from '../room-api.js';
import type { RoomView, TargetView, TimelineEntry } from '../room-api.js';
import type { Problem } from './problem.js';
import { layoutSchema, settingsSchema } from './schemas.js';

/**
 * JSON schemas of what the API answers, each by its name in the OpenAPI description. They describe and do nothing else:
 * `http-server.ts` sends what a route returns as it is. Later versions may add fields, so none of them is closed.
 */
type Schema = Readonly<Record<string, unknown>>;

/** A schema for every field of a view; whoever adds a field has to describe it. */
type Fields<View> = { readonly [Field in keyof View]-?: Schema };

function object<View>(
  description: string,
  properties: Fields<View>,
  optional: readonly (keyof View)[] = [],
): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name as keyof View));
  return { type: 'object', description, required, properties };
}

const text = { type: 'string' };
const flag = { type: 'boolean' };
const number = { type: 'number' };
const count = { type: 'integer', minimum: 0 };
const instant = { type: 'string', format: 'date-time' };
const mode = { type: 'string', enum: ['live', 'collab'] };
const source = { type: 'string', enum: ['relay', 'mix', 'slate'] };
const viewers = object<ProgramView['viewers']>('Viewers by protocol', {
  whep: count,
  hls: count,
  flv: count,
});

function orNull(schema: Schema, description?: string): Schema {
  return { anyOf: [schema, { type: 'null' }], ...(description === undefined ? {} : { description }) };
}

function described(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

function listOf(items: Schema): Schema {
  return { type: 'array', items };
}

type Named =
  | 'Room'
  | 'Participant'
  | 'Target'
  | 'Recording'
  | 'Program'
  | 'Invite'
  | 'Keys'
  | 'StreamKey'
  | 'Admission'
  | 'Caller'
  | 'Health'
  | 'Problem';

/** What a route answers with. */
export function answer(name: Named): Schema {
  return { $ref: `${name}#` };
}

export function answerList(name: Named): Schema {
  return { ...listOf(answer(name)), description: `${name}s` };
}

/** 204. */
export const nothing = { type: 'null', description: 'Done' } as const;

const settings: Schema = {
  type: 'object',
  required: Object.keys(settingsSchema.properties satisfies Fields<ProgramSettings>),
  properties: settingsSchema.properties,
};

const stats = object<ParticipantStats>(
  'Media figures; those that its protocol does not know are absent',
  {
    videoBitrateBps: number,
    audioBitrateBps: number,
    width: count,
    height: count,
    fps: number,
    lossRatio: described(number, 'share of packets lost on the way here over the last seconds, 0 to 1'),
    jitterMs: number,
    roundTripMs: number,
  },
  ['width', 'height', 'fps', 'lossRatio', 'jitterMs', 'roundTripMs'],
);

const views: Readonly<Record<Named, Schema>> = {
  Room: object<RoomView>('A room, as far as the caller may see it', {
    id: text,
    name: text,
    state: {
      type: 'string',
      enum: ['idle', 'live', 'collab', 'switching', 'slate'],
      description: 'idle: off air; slate: the host is gone and a slate stands in',
    },
    mode: described(mode, 'the mode asked for; `source` tells where the pictures come from now'),
    source: orNull(source),
    participants: listOf(answer('Participant')),
    layout: layoutSchema,
    settings,
    targets: described(listOf(answer('Target')), 'empty for all but the host and the administrator'),
    recording: answer('Recording'),
    program: answer('Program'),
    process: object<RoomView['process']>('The process that makes the program', {
      cpuPercent: number,
      rssBytes: count,
      restarts: count,
    }),
    createdAt: instant,
  }),
  Participant: object<ParticipantView>('The host or a guest', {
    id: described(text, '`host` for the host; otherwise unguessable'),
    role: { type: 'string', enum: ['host', 'guest'] },
    name: text,
    state: { type: 'string', enum: ['waiting', 'accepted'] },
    gainDb: number,
    muted: flag,
    onAir: described(flag, 'part of the program at this moment'),
    publishing: flag,
    protocol: orNull({ type: 'string', enum: ['whip', 'rtmp'] }),
    hasStreamKey: described(flag, 'comes by OBS or ffmpeg, with a stream key of its own'),
    stats: orNull(stats),
  }),
  Target: object<TargetView>('An RTMP server that the program goes to, and how it is doing', {
    id: text,
    name: text,
    url: described(text, 'with the stream key and any password masked'),
    enabled: flag,
    state: {
      type: 'string',
      enum: ['connecting', 'live', 'stalled', 'reconnecting', 'failed', 'idle'],
    },
    bytesOut: count,
    bitrateBps: number,
    reconnects: count,
    droppedUnits: count,
    lastError: orNull(text),
    lastErrorHint: orNull(text, 'what can be done about it'),
  }),
  Recording: object<RecordingView>('The recording of the program: the present or the last one', {
    state: { type: 'string', enum: ['off', 'recording', 'failed'] },
    file: orNull(text, 'file name only'),
    startedAt: orNull(instant),
    bytes: count,
    lastError: orNull(text),
  }),
  Program: object<ProgramView>('What viewers get', {
    startedAt: orNull(instant, 'null before the first picture'),
    lastSwitchMs: orNull(number),
    timeline: described(
      listOf(
        object<TimelineEntry>('A change of the source', {
          at: instant,
          mode,
          source,
          tookMs: described(number, 'from the request, or the cause, to the first picture of the new source'),
        }),
      ),
      'newest last, bounded',
    ),
    bitrateBps: number,
    viewers,
  }),
  Invite: object<Record<'token' | 'path' | 'expiresAt', string>>('A link for guests', {
    token: text,
    path: described(text, 'of the page to send to guests, token included'),
    expiresAt: instant,
  }),
  Keys: object<Record<'hostKey' | 'rtmpUrl' | 'rtmpStreamKey', string>>('What makes somebody the host', {
    hostKey: text,
    rtmpUrl: described(text, 'where OBS and ffmpeg push the host to'),
    rtmpStreamKey: text,
  }),
  StreamKey: object<Record<'rtmpUrl' | 'streamKey', string>>('Where OBS and ffmpeg push to', {
    rtmpUrl: text,
    streamKey: text,
  }),
  Admission: object(
    'A new guest, with what only it may know',
    {
      participant: answer('Participant'),
      token: described(text, 'of a guest by WHIP, for all that it does from here on'),
      rtmpUrl: described(text, 'of a guest by RTMP'),
      streamKey: described(text, 'of a guest by RTMP'),
    },
    ['token', 'rtmpUrl', 'streamKey'],
  ),
  Caller: object(
    'Who the caller is, and how it connects',
    {
      kind: { type: 'string', enum: ['admin', 'host', 'participant', 'invite', 'anonymous'] },
      implied: described(flag, 'the user of this machine, without a token'),
      room: text,
      participantId: text,
      adminTokenRequired: flag,
      iceServers: listOf(
        object('An RTCIceServer', { urls: text, username: text, credential: text }, [
          'username',
          'credential',
        ]),
      ),
    },
    ['implied', 'room', 'participantId'],
  ),
  Health: object('The server is up', {
    status: { type: 'string', enum: ['ok'] },
    rooms: count,
    uptimeSeconds: count,
  }),
  Problem: object<Problem>(
    'A problem (RFC 9457)',
    {
      type: described(text, 'a URN made from the code'),
      title: described(text, 'the phrase of the status'),
      status: { type: 'integer', minimum: 400, maximum: 599 },
      detail: described(text, 'what was wrong, expected and got'),
      code: described(text, 'stable, machine-readable'),
      hint: described(text, 'what to do next'),
    },
    ['hint'],
  ),
};

/** The views as a server's shared schemas, each by its name. */
export const sharedSchemas: readonly Schema[] = Object.entries(views).map(([name, view]) => ({
  $id: name,
  ...view,
}));
