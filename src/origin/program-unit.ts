import type { AccessUnit } from '../media/access-unit.js';
import type { ProgramUnit } from '../media/program-sink.js';

/** FLV carries no Opus here; a program has none. */
export function isProgramUnit(unit: AccessUnit): unit is ProgramUnit {
  return unit.kind === 'video' || unit.config.codec === 'aac';
}
