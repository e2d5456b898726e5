import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InvalidOptionError } from '../base/errors.js';
import { openInput } from '../base/input-file.js';
import type { PieceSpec, Point } from './splice-job.js';

const POINT = String.raw`@\d+|(?:\d+:){0,2}\d+(?:\.\d+)?`;
const WITH_POINTS = new RegExp(`^(.+?):(${POINT})?-(${POINT})?$`);

/**
 * `FILE`, `FILE:IN-OUT`, `FILE:IN-`, `FILE:-OUT`; points as seconds, `MM:SS.mmm`, `HH:MM:SS` or `@SAMPLES`. A file that
 * has such a name is taken whole.
 *
 * @throws InvalidOptionError when a point makes no sense
 */
export async function parsePiece(text: string): Promise<PieceSpec> {
  if (await isFile(text)) return { path: text };
  const match = WITH_POINTS.exec(text);
  if (match === null) {
    await refuseOtherPoints(text);
    return { path: text };
  }
  const [, path = '', from, to] = match;
  return { path, ...points(from, to, text) };
}

/**
 * A list of cuts in JSON: `{"pieces": [{"file": "a.mp4", "in": "00:12.5", "out": 40}, …]}`, or just the array. Points are
 * seconds, or text as in {@link parsePiece}. Files are found from the list's own folder.
 *
 * @throws InvalidOptionError naming what is wrong and where
 */
export async function readEditDecisionList(path: string): Promise<PieceSpec[]> {
  const list = await openInput(path, { mayBePipe: true });
  const text = await list.readFile('utf8').finally(() => list.close());
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new InvalidOptionError(`${path}: expected JSON: ${(cause as Error).message}`, { cause });
  }
  const pieces = Array.isArray(parsed)
    ? (parsed as unknown[])
    : (parsed as { pieces?: unknown } | null)?.pieces;
  if (!Array.isArray(pieces) || pieces.length === 0) {
    throw new InvalidOptionError(`${path}: expected {"pieces": [...]} with at least one piece`);
  }
  return pieces.map((entry: unknown, index) => {
    const where = `${path}: piece ${index + 1}`;
    if (typeof entry !== 'object' || entry === null) {
      throw new InvalidOptionError(`${where}: expected an object, got ${JSON.stringify(entry)}`);
    }
    const { file, in: from, out: to, ...others } = entry as Record<string, unknown>;
    if (typeof file !== 'string' || file === '') throw new InvalidOptionError(`${where}: expected a "file"`);
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) {
      throw new InvalidOptionError(
        `${where}: expected "file", "in" and "out", got ${JSON.stringify(unknown)}`,
      );
    }
    return { path: resolve(dirname(path), file), ...points(asText(from, where), asText(to, where), where) };
  });
}

function asText(value: unknown, where: string): string | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || !new RegExp(`^(?:${POINT})$`).test(text)) {
    throw new InvalidOptionError(`${where}: expected a time or @samples, got ${JSON.stringify(value)}`);
  }
  return text;
}

function points(
  from: string | undefined,
  to: string | undefined,
  where: string,
): { in?: Point; out?: Point } {
  return {
    ...(from === undefined ? {} : { in: parsePoint(from, where) }),
    ...(to === undefined ? {} : { out: parsePoint(to, where) }),
  };
}

function parsePoint(text: string, where: string): Point {
  if (text.startsWith('@')) return { samples: Number(text.slice(1)) };
  const parts = text.split(':').map(Number);
  if (parts.slice(1).some((part) => part >= 60)) {
    throw new InvalidOptionError(`${where}: expected minutes and seconds below 60, got ${text}`);
  }
  return { seconds: parts.reduce((sum, part) => sum * 60 + part, 0) };
}

/** @throws InvalidOptionError when it is a file and something else than points behind it */
async function refuseOtherPoints(text: string): Promise<void> {
  const [, path = '', rest = ''] = /^(.+?):(.*)$/.exec(text) ?? [];
  if (path === '' || !(await isFile(path))) return;
  throw new InvalidOptionError(
    `${path}: expected points as IN-OUT, IN- or -OUT behind it, got ${JSON.stringify(rest)}`,
    { hint: 'A point is seconds, MM:SS.mmm, HH:MM:SS or @SAMPLES.' },
  );
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}
