import type { People } from './people.js';
import type { ProgramOutput } from './program-output.js';
import type { RoomMetrics, RoomState, RoomView } from './room-api.js';
import type { RoomProgram } from './room-program.js';
import type { RoomRecord } from './state/state-store.js';

export interface RoomParts {
  readonly record: RoomRecord;
  readonly people: People;
  readonly program: RoomProgram;
  readonly output: ProgramOutput;
}

/** A room as the API and the pages show it; it holds no secrets. */
export function roomView({ record, people, program, output }: RoomParts): RoomView {
  const { id, name, settings, createdAt } = record;
  const { onAir, running, journal, process } = program;
  return {
    id,
    name,
    state: stateOf(program),
    mode: program.requestedMode,
    source: onAir?.source ?? null,
    participants: people.all.map((participant) => participant.view(onAir?.mode === 'collab')),
    layout: settings.layout,
    settings,
    targets: output.targets(),
    recording: output.recording(),
    program: {
      startedAt: running ? (journal?.startedAt ?? null) : null,
      lastSwitchMs: onAir?.tookMs ?? null,
      timeline: journal?.timeline ?? [],
      bitrateBps: running ? (journal?.bitrateBps ?? 0) : 0,
      viewers: viewersOf(program, output),
    },
    process: {
      cpuPercent: process.cpuPercent,
      rssBytes: process.stats?.rssBytes ?? 0,
      restarts: process.restarts,
    },
    createdAt,
  };
}

/** A room's figures for `/metrics`. */
export function roomMetrics({ people, program, output }: Omit<RoomParts, 'record'>): RoomMetrics {
  const { stats, restarts } = program.process;
  return {
    targets: output.targets().map(({ id, bytesOut, droppedUnits, reconnects, state }) => ({
      id,
      bytesOut,
      droppedUnits,
      reconnects,
      live: state === 'live',
    })),
    cpuSeconds: stats?.cpuSeconds ?? 0,
    rssBytes: stats?.rssBytes ?? 0,
    processRestarts: restarts,
    lateTicks: stats?.lateTicks ?? 0,
    decodeErrors: stats?.decodeErrors ?? 0,
    concealedSamples: stats?.concealedSamples ?? 0,
    participants: people.all.length,
    viewers: viewersOf(program, output),
  };
}

function stateOf({ running, onAir, requestedMode }: RoomProgram): RoomState {
  if (!running || onAir === undefined) return 'idle';
  if (onAir.source === 'slate') return 'slate';
  return onAir.mode === requestedMode ? onAir.mode : 'switching';
}

function viewersOf(program: RoomProgram, output: ProgramOutput): RoomMetrics['viewers'] {
  return { whep: program.track.viewers, ...output.viewers() };
}
