import type { JSX } from 'preact';
import type { PublishFigures } from '../../media/publisher.js';
import { formatBitrate } from '../../ui/format.js';

/** How well the host's own stream gets through. */
export function Quality({ figures }: { figures: PublishFigures | undefined }): JSX.Element | null {
  if (figures === undefined) return null;
  const { quality, bitrateBps, roundTripMs, lossRatio, width, height, fps, limitedBy } = figures;
  const details = [
    `${formatBitrate(bitrateBps)} up`,
    width === undefined ? undefined : `${width}×${height} at ${Math.round(fps ?? 0)} fps`,
    roundTripMs === undefined ? undefined : `round trip ${Math.round(roundTripMs)} ms`,
    `loss ${(lossRatio * 100).toFixed(1)} %`,
    limitedBy === 'none' ? undefined : `held back by ${limitedBy}`,
  ].filter((detail) => detail !== undefined);
  return (
    <span class="row small soft" style={{ gap: '7px' }} title={details.join('\n')}>
      <span class="quality" data-quality={quality} role="img" aria-label={`Connection: ${quality}`}>
        <i />
        <i />
        <i />
      </span>
      <span class="wide">{formatBitrate(bitrateBps)}</span>
    </span>
  );
}
