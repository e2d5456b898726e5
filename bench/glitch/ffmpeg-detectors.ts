import { spawnSync } from 'node:child_process';
import type { Finding, GlitchKind } from '../../src/glitch/finding.js';

/** Longer silence is a `silence-run`, as in analyze-glitch. */
const LONGEST_GAP_MS = 200;

/** The kinds that ffmpeg's detectors tell with a time. `astats` and `adeclick` only count. */
export const ffmpegKinds: ReadonlySet<GlitchKind> = new Set(['gap', 'silence-run', 'freeze', 'black']);

interface Filters {
  readonly audio: string;
  readonly video: string;
}

/** Their own thresholds of level; durations as short as analyze-glitch takes. */
const filters: Filters = {
  audio: 'silencedetect=duration=0.003',
  video: 'freezedetect=duration=0.25,blackdetect=d=0.08',
};

/** What silencedetect, freezedetect and blackdetect find in a file, as findings. */
export function ffmpegFindings(path: string): Finding[] {
  const { audio, video } = filters;
  const args = ['-hide_banner', '-nostats', '-i', path, '-af', audio, '-vf', video, '-f', 'null', '-'];
  const { stderr, status } = spawnSync('ffmpeg', args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`ffmpeg on ${path}: ${stderr.slice(-500)}`);
  const silences = pairs(stderr, /silence_(start|end): (-?[\d.]+)/g).map(([from, to]) => {
    const kind = to - from > LONGEST_GAP_MS ? 'silence-run' : 'gap';
    return finding(kind, 'audio', from, to);
  });
  const freezes = pairs(stderr, /freeze_(start|end): (-?[\d.]+)/g).map(([from, to]) =>
    finding('freeze', 'video', from, to),
  );
  const blacks = [...stderr.matchAll(/black_start:([\d.]+) black_end:([\d.]+)/g)].map(([, from, to]) =>
    finding('black', 'video', Number(from) * 1000, Number(to) * 1000),
  );
  return [...silences, ...freezes, ...blacks];
}

/** Beginnings and ends in ms; one that goes on to the end of the file is left out. */
function pairs(text: string, pattern: RegExp): [number, number][] {
  const found: [number, number][] = [];
  let fromMs: number | undefined;
  for (const [, edge, seconds] of text.matchAll(pattern)) {
    if (edge === 'start') fromMs = Number(seconds) * 1000;
    else if (fromMs !== undefined) found.push([fromMs, Number(seconds) * 1000]);
  }
  return found;
}

function finding(kind: GlitchKind, medium: Finding['medium'], fromMs: number, toMs: number): Finding {
  return {
    ...{ kind, medium, timeMs: fromMs, durationMs: toMs - fromMs, severity: 'minor' },
    ...{ unit: undefined, byteOffset: undefined, measured: {}, reason: '', cause: '' },
  };
}
