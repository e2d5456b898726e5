import type { Finding, GlitchKind } from '../../src/glitch/finding.js';
import { ffmpeg, samplesOf } from './ffmpeg.js';
import { RATE } from './sounds.js';

/** Longer silence is a `silence-run`, as in analyze-glitch. */
const LONGEST_GAP_MS = 200;
/** In samples: what `astats` looks at at once. */
const FRAME = 1024;
/** `Flat_factor` in dB: clean sound of 16 bits reaches -2.5, two equal samples in a row at a peak. */
const FLAT_DB = 6;
/** What is closer together is one and the same. */
const ONE_MS = 50;
/** Samples that `adeclick` left alone differ by no more than its arithmetic. */
const REPAIRED = 1e-4;

/** The kinds that ffmpeg's detectors tell with a time, and those for which one can be made of what they do. */
export const ffmpegKinds: ReadonlySet<GlitchKind> = new Set([
  ...(['gap', 'silence-run', 'click', 'clipping'] as const),
  ...(['freeze', 'black'] as const),
]);

/** A place in ms. */
type Span = [from: number, to: number];

/**
 * What ffmpeg's filters find in a file, as findings: silencedetect, freezedetect and blackdetect say it themselves, at
 * their own thresholds of level and durations as short as analyze-glitch takes. A click is what adeclick repairs, clipping is
 * where astats' `Flat_factor` tells of equal samples at a peak.
 */
export function ffmpegFindings(path: string, medium: Finding['medium']): Finding[] {
  return medium === 'video' ? inPictures(path) : [...inLevels(path), ...clicks(path)];
}

function inPictures(path: string): Finding[] {
  const log = ffmpeg(path, ['-vf', 'freezedetect=duration=0.25,blackdetect=d=0.08', '-an']).stderr.toString();
  const blacks = [...log.matchAll(/black_start:([\d.]+) black_end:([\d.]+)/g)].map(([, from, to]) =>
    finding('black', 'video', [Number(from) * 1000, Number(to) * 1000]),
  );
  const freezes = pairs(log, /freeze_(start|end): (-?[\d.]+)/g);
  return [...blacks, ...freezes.map((span) => finding('freeze', 'video', span))];
}

function inLevels(path: string): Finding[] {
  const filters =
    `silencedetect=duration=0.003,asetnsamples=${FRAME},astats=metadata=1:reset=1,` +
    `ametadata=print:key=lavfi.astats.Overall.Flat_factor:file=-`;
  const { stdout, stderr } = ffmpeg(path, ['-af', filters, '-vn']);
  const silences = pairs(stderr.toString(), /silence_(start|end): (-?[\d.]+)/g).map((span) =>
    finding(span[1] - span[0] > LONGEST_GAP_MS ? 'silence-run' : 'gap', 'audio', span),
  );
  const told = stdout.toString().matchAll(/pts:(\d+) .*\n.*Flat_factor=(-?[\d.]+)/g);
  const flat = [...told].filter(([, , db]) => Number(db) > FLAT_DB).map(([, pts]) => Number(pts));
  const clipped = joined(flat.map((pts) => [pts, pts + FRAME]));
  return [...silences, ...clipped.map((span) => finding('clipping', 'audio', span))];
}

function clicks(path: string): Finding[] {
  const decoded = samplesOf(path, 'anull');
  const declicked = samplesOf(path, 'adeclick=method=save');
  const repaired: Span[] = [];
  const length = Math.min(decoded.length, declicked.length);
  for (let at = 0; at < length; at++) {
    if (Math.abs(decoded[at]! - declicked[at]!) < REPAIRED) continue;
    const sample = Math.floor(at / 2);
    repaired.push([sample, sample + 1]);
  }
  return joined(repaired).map((span) => finding('click', 'audio', span));
}

/** @param spans in samples, one after the other */
function joined(spans: readonly Span[]): Span[] {
  const found: Span[] = [];
  for (const [from, to] of spans) {
    const span: Span = [(from * 1000) / RATE, (to * 1000) / RATE];
    const last = found.at(-1);
    if (last !== undefined && span[0] - last[1] < ONE_MS) last[1] = span[1];
    else found.push(span);
  }
  return found;
}

/** Beginnings and ends in ms; one that goes on to the end of the file is left out. */
function pairs(text: string, pattern: RegExp): Span[] {
  const found: Span[] = [];
  let fromMs: number | undefined;
  for (const [, edge, seconds] of text.matchAll(pattern)) {
    if (edge === 'start') fromMs = Number(seconds) * 1000;
    else if (fromMs !== undefined) found.push([fromMs, Number(seconds) * 1000]);
  }
  return found;
}

function finding(kind: GlitchKind, medium: Finding['medium'], [fromMs, toMs]: Span): Finding {
  return {
    ...{ kind, medium, timeMs: fromMs, durationMs: toMs - fromMs, severity: 'minor' },
    ...{ unit: undefined, byteOffset: undefined, measured: {}, reason: '', cause: '' },
  };
}
