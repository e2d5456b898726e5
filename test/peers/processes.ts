import { readdirSync, readFileSync } from 'node:fs';

export interface RunningProcess {
  readonly pid: number;
  /** Its arguments, joined by spaces. */
  readonly command: string;
}

/** The children of a process that run at this moment, from /proc. */
export function childrenOf(parent: number): RunningProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
        // The name in brackets may hold spaces and brackets of its own; state and parent come after the last one.
        const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (Number(ppid) !== parent || state === 'Z') return [];
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return [{ pid: Number(name), command }];
      } catch {
        // It has ended since the folder was read.
        return [];
      }
    });
}

export function isRoomProcess({ command }: RunningProcess): boolean {
  return /room\/child\.[jt]s/.test(command);
}

/** The media process of a server's only room. @throws Error when there is none, or more than one */
export function roomProcessOf(server: number): number {
  const found = childrenOf(server).filter(isRoomProcess);
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new Error(`${found.length} room processes of ${server}: ${JSON.stringify(found)}`);
  return only.pid;
}

export function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
