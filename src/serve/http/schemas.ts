import { MAX_INVITE_SECONDS } from '../auth/room-tokens.js';

/** JSON schemas of what the API takes; those of what it answers are in `view-schemas.ts`. */
const layoutNames = ['solo', 'side-by-side', 'grid', 'pip', 'host-left'];
const fraction = { type: 'number', minimum: 0, maximum: 1 };

export const roomIdPattern = '^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$';

const displayName = {
  type: 'string',
  minLength: 1,
  maxLength: 60,
  // No control characters: names end up in labels, logs and terminals.
  pattern: '^(?=.*\\S)[^\\u0000-\\u001f\\u007f-\\u009f]*$',
};

export const layoutSchema = {
  description: 'A named layout, or one tile per participant (fractions of the canvas), host first',
  anyOf: [
    { type: 'string', enum: layoutNames },
    {
      type: 'array',
      minItems: 1,
      maxItems: 6,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['x', 'y', 'width', 'height'],
        properties: { x: fraction, y: fraction, width: fraction, height: fraction },
      },
    },
  ],
};

export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: {
    width: { type: 'integer', minimum: 160, maximum: 3840 },
    height: { type: 'integer', minimum: 90, maximum: 2160 },
    fps: { type: 'integer', minimum: 1, maximum: 60 },
    videoBitrateBps: { type: 'integer', minimum: 50_000, maximum: 50_000_000 },
    x264Preset: {
      type: 'string',
      enum: ['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium'],
    },
    keyframeIntervalMs: { type: 'integer', minimum: 250, maximum: 10_000 },
    audioBitrateBps: { type: 'integer', minimum: 16_000, maximum: 512_000 },
    audioSampleRate: { type: 'integer', enum: [44_100, 48_000] },
    audioChannels: { type: 'integer', enum: [1, 2] },
    relay: { type: 'string', enum: ['on', 'off'] },
    layout: layoutSchema,
    aspect: { type: 'string', enum: ['crop', 'fit'] },
    labels: { type: 'boolean' },
    background: { type: 'string', pattern: '^#[0-9a-fA-F]{6}$' },
    mixLatencyMs: { type: 'integer', minimum: 20, maximum: 2_000 },
    graceMs: { type: 'integer', minimum: 0, maximum: 3_600_000 },
  },
};

export const createRoomSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  properties: {
    id: { type: 'string', pattern: roomIdPattern, description: 'made from the name when absent' },
    name: displayName,
    settings: settingsSchema,
  },
};

export const changeRoomSchema = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: { name: displayName, settings: settingsSchema },
};

export const modeSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['mode'],
  properties: { mode: { type: 'string', enum: ['live', 'collab'] } },
};

export const setLayoutSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['layout'],
  properties: { layout: layoutSchema },
};

export const inviteSchema = {
  type: 'object',
  additionalProperties: false,
  properties: { expiresInSeconds: { type: 'integer', minimum: 60, maximum: MAX_INVITE_SECONDS } },
};

export const knockSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  properties: {
    name: displayName,
    protocol: {
      type: 'string',
      enum: ['whip', 'rtmp'],
      default: 'whip',
      description: 'rtmp: a guest by OBS or ffmpeg, let in at once; the answer holds its stream key',
    },
  },
};

export const changeParticipantSchema = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: {
    state: { type: 'string', enum: ['accepted'], description: 'lets a waiting guest in' },
    name: displayName,
    gainDb: { type: 'number', minimum: -60, maximum: 20 },
    muted: { type: 'boolean' },
  },
};

const targetUrl = {
  type: 'string',
  maxLength: 2_000,
  pattern: '^rtmps?://[^\\s/]+/\\S+$',
  description: 'rtmp:// or rtmps://, stream key included',
};

export const addTargetSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  properties: { url: targetUrl, name: displayName, enabled: { type: 'boolean' } },
};

export const changeTargetSchema = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: addTargetSchema.properties,
};

export const recordingSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['state'],
  properties: { state: { type: 'string', enum: ['recording', 'off'] } },
};
