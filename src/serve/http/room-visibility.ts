import { mayRun, type Caller } from '../auth/access.js';
import type { RoomApi, RoomEvent, RoomView } from '../room-api.js';

/** Who looks: decides what is shown. Callers of one audience are shown the very same. */
export type Audience = 'run' | 'public' | `guest:${string}`;

export function audienceOf(caller: Caller, room: RoomApi): Audience {
  if (mayRun(caller, room)) return 'run';
  if (caller.kind === 'participant' && caller.room === room.id) return `guest:${caller.participantId}`;
  return 'public';
}

/**
 * The room as this audience may see it. The host and administrators see all; a guest sees who is in the room and
 * itself; the public sees who is on air. Targets, recordings and the machine are nobody else's business.
 */
export function visibleRoom(room: RoomApi, audience: Audience): RoomView {
  const view = room.view();
  if (audience === 'run') return view;
  const guestId = audience === 'public' ? undefined : audience.slice('guest:'.length);
  const participants = view.participants
    .filter(({ id, state, onAir }) =>
      guestId === undefined ? onAir : state === 'accepted' || id === guestId,
    )
    .map((participant) => (participant.id === guestId ? participant : { ...participant, stats: null }));
  return {
    ...view,
    participants,
    targets: [],
    recording: { ...view.recording, file: null, bytes: 0, lastError: null },
    process: { cpuPercent: 0, rssBytes: 0, restarts: 0 },
  };
}

/** Whether this audience is told of an event. */
export function isToldOf(audience: Audience, event: RoomEvent): boolean {
  if (event.type === 'changed' || event.type === 'keyframe' || event.type === 'pts-gap') return false;
  if (audience === 'run' || event.type === 'switched' || event.type === 'closed') return true;
  return (event.type === 'left' || event.type === 'replaced') && audience === `guest:${event.participantId}`;
}
