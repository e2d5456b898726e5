import { analyseCapture } from '../../src/glitch/analyse-capture.js';
import type { CaptureSummary } from '../../src/glitch/analysis.js';
import type { CaptureEvent } from '../../src/glitch/capture/event.js';
import { openLive } from '../../src/glitch/capture/live-address.js';
import type { LiveOptions } from '../../src/glitch/capture/live.js';
import type { Finding } from '../../src/glitch/finding.js';

export interface Watched {
  readonly summary: CaptureSummary;
  readonly findings: readonly Finding[];
  /** Those that say that something could not be read. */
  readonly damage: readonly Finding[];
}

/**
 * Analyses an address without its pictures.
 *
 * @param midway called once, when `after` events have come
 */
export async function watchAddress(
  address: string,
  options: LiveOptions = {},
  midway?: { readonly after: number; readonly act: () => unknown },
): Promise<Watched> {
  const capture = await openLive(address, options);
  const findings: Finding[] = [];
  async function* events(): AsyncGenerator<CaptureEvent> {
    let count = 0;
    for await (const event of capture.events()) {
      yield event;
      if (++count === midway?.after) await midway.act();
    }
  }
  try {
    const summary = await analyseCapture(
      { ...capture, events },
      { pictures: false, onFinding: (finding) => findings.push(finding) },
    );
    return { summary, findings, damage: findings.filter(({ kind }) => kind === 'damaged-frame') };
  } finally {
    await capture.close();
  }
}
