/** What Linux knows of a process from outside: memory, descriptors, CPU time. */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessFigures {
  readonly rssMb: number;
  /** The highest the RSS has ever been. */
  readonly peakRssMb: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly cpuSeconds: number;
  /** How long its main thread was ready to run and got no core. */
  readonly waitedSeconds: number;
}

/** USER_HZ, which Linux fixes at 100 for everything it shows to programs. */
const TICKS_PER_SECOND = 100;
/** Fields of /proc/PID/stat behind the program's name: proc(5). */
const PARENT_FIELD = 1;
const UTIME_FIELD = 11;
const STIME_FIELD = 12;

/** @throws Error when the process is gone */
export function processFigures(pid: number): ProcessFigures {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN);
  const stat = statFields(pid);
  const [, waitedNs] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
  return {
    rssMb: field('VmRSS') / 1024,
    peakRssMb: field('VmHWM') / 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: field('Threads'),
    cpuSeconds: (Number(stat[UTIME_FIELD]) + Number(stat[STIME_FIELD])) / TICKS_PER_SECOND,
    waitedSeconds: Number(waitedNs) / 1e9,
  };
}

/** The child of `parent` whose command line contains `part`. */
export function childProcess(parent: number, part: string): number | undefined {
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      if (Number(statFields(pid)[PARENT_FIELD]) !== parent) continue;
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(part)) return pid;
    } catch {
      // It has ended meanwhile.
    }
  }
  return undefined;
}

/** From the state on: the program's name before may hold spaces and brackets. */
function statFields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
