import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';

/** The value that `percent` of the values do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export interface Distribution {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export function distribution(values: readonly number[]): Distribution {
  return {
    count: values.length,
    p50: rounded(percentile(values, 50)),
    p95: rounded(percentile(values, 95)),
    p99: rounded(percentile(values, 99)),
    max: rounded(percentile(values, 100)),
  };
}

export function rounded(value: number, digits = 1): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

export interface Goal {
  readonly name: string;
  readonly value: number;
  readonly limit: number;
  readonly met: boolean;
}

export function goal(name: string, value: number, limit: number): Goal {
  return { name, value, limit, met: value <= limit };
}

export interface Load {
  /** Processes that wanted to run, over the last minute: above the number of cores, figures of latency mean little. */
  readonly average: number;
  readonly cores: number;
  /** Part of the time since the bench began in which some process of the machine waited for a core. */
  readonly pressurePercent: number;
}

const began = { atMs: performance.now(), stalledUs: stalledUs() };

export function load(): Load {
  const elapsedMs = performance.now() - began.atMs;
  return {
    average: rounded(loadavg()[0] ?? Number.NaN, 2),
    cores: cpus().length,
    pressurePercent: rounded((stalledUs() - began.stalledUs) / elapsedMs / 10, 0),
  };
}

/** Linux's pressure stall information; not a number where the kernel has none. */
function stalledUs(): number {
  try {
    return Number(/some .*total=(\d+)/.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1]);
  } catch {
    return Number.NaN;
  }
}

/** A table for people on stderr, JSON for everything else on stdout. */
export function report(
  title: string,
  rows: readonly object[],
  result: Record<string, unknown> & { readonly goals: Goal[] },
): void {
  const machine = load();
  const { average, cores, pressurePercent } = machine;
  process.stderr.write(
    `\n${title} (load average ${average} on ${cores} cores, CPU pressure ${pressurePercent} %)\n`,
  );
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [
    columns,
    ...rows.map((row) => columns.map((name) => cell((row as Record<string, unknown>)[name]))),
  ];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)));
  for (const line of cells) {
    process.stderr.write(`  ${line.map((text, i) => text.padEnd(widths[i] ?? 0)).join('  ')}\n`);
  }
  for (const { name, value, limit, met } of result.goals) {
    process.stderr.write(`  ${met ? '✓' : '✗'} ${name}: ${value} (at most ${limit})\n`);
  }
  process.stdout.write(`${JSON.stringify({ title, load: machine, ...result })}\n`);
}

function cell(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
