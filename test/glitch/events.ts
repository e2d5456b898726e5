import { Analysis, type AnalysisOptions, type CaptureSummary } from '../../src/glitch/analysis.js';
import type { AudioEvent, CaptureEvent, VideoEvent } from '../../src/glitch/capture/event.js';
import type { Finding } from '../../src/glitch/finding.js';
import type { AacUnit, VideoUnit } from '../../src/media/access-unit.js';
import type { PcmBlock } from '../../src/media/pcm.js';

/** Units as a container with milliseconds (FLV) would tell them. */
export function inMilliseconds(
  unit: AacUnit | VideoUnit,
  index: number,
  offsetMs = 0,
): AudioEvent | VideoEvent {
  const place = { index, byteOffset: index * 1000 };
  if (unit.kind === 'video') {
    const stamp = {
      pts: Math.round(unit.pts / 90) + offsetMs,
      dts: Math.round(unit.dts / 90) + offsetMs,
      timescale: 1000,
    };
    return { type: 'video', place, stamp, unit };
  }
  const pts = Math.round((unit.pts * 1000) / unit.config.sampleRate) + offsetMs;
  return { type: 'audio', place, stamp: { pts, dts: pts, timescale: 1000 }, unit };
}

export function analyseEvents(
  events: Iterable<CaptureEvent>,
  options: { readonly pictures?: boolean; readonly more?: AnalysisOptions['more'] } = {},
): { findings: Finding[]; summary: CaptureSummary } {
  const findings: Finding[] = [];
  const analysis = new Analysis({
    pictures: options.pictures ?? false,
    more: options.more,
    onFinding: (finding) => findings.push(finding),
  });
  try {
    for (const event of events) analysis.push(event);
    return { findings, summary: analysis.end() };
  } finally {
    analysis.close();
  }
}

/** A signal in blocks of 4096 samples. */
export function* pcmEvents(channels: readonly Float32Array[], sampleRate = 48_000): Generator<CaptureEvent> {
  const length = channels[0]?.length ?? 0;
  for (let pts = 0; pts < length; pts += 4096) {
    const block: PcmBlock = { sampleRate, pts, channels: channels.map((one) => one.slice(pts, pts + 4096)) };
    yield { type: 'pcm', block, byteOffset: 44 + pts * 4 * channels.length, blockBytes: 4 * channels.length };
  }
}

export function kindsOf(findings: readonly Finding[]): string[] {
  return findings.map(({ kind }) => kind);
}
