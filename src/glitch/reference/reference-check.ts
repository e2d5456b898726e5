import { InvalidOptionError } from '../../base/errors.js';
import type { OpenCaptureOptions } from '../capture/open.js';
import type { SoundFormat } from '../capture/sound-format.js';
import type { DetectorSet, Report } from '../detector.js';
import type { Finding } from '../finding.js';
import { soundKinds } from '../merge.js';
import { AlienFrame } from './alien-frame.js';
import { Compare, type Comparison } from './compare.js';
import { ReferenceSound } from './reference-sound.js';

export interface ReferenceSummary extends Comparison {
  readonly input: string;
  /** Share of the capture's access units that are the reference's byte for byte; 0 where it was encoded anew. */
  readonly copiedShare: number;
}

interface Detectors {
  readonly compare: Compare;
  readonly alien: AlienFrame;
}

/** A reference that was opened, and what looks at a capture by it. */
export class ReferenceCheck {
  readonly #input: string;
  readonly #sound: ReferenceSound;
  #detectors: Detectors | undefined;

  /**
   * Decodes the reference.
   *
   * @param format of the capture's sound; undefined when it has none
   * @throws InvalidOptionError when the capture has no sound; as `ReferenceSound.open` for the reference
   */
  static async open(
    input: string,
    format: SoundFormat | undefined,
    options: OpenCaptureOptions = {},
  ): Promise<ReferenceCheck> {
    if (format === undefined) {
      throw new InvalidOptionError('--reference: the capture has no sound to compare with it');
    }
    return new ReferenceCheck(input, await ReferenceSound.open(input, format, options));
  }

  private constructor(input: string, sound: ReferenceSound) {
    this.#input = input;
    this.#sound = sound;
  }

  detectors(report: Report): DetectorSet {
    const compare = new Compare(this.#sound, this.#input, report);
    const alien = new AlienFrame(this.#sound.hashes, report);
    this.#detectors = { compare, alien };
    return { stream: [alien], sound: [compare], revise: (finding) => revised(finding, { compare, alien }) };
  }

  /** Undefined before there were detectors. */
  get summary(): ReferenceSummary | undefined {
    if (this.#detectors === undefined) return undefined;
    const { compare, alien } = this.#detectors;
    const copiedShare = Math.round(alien.copiedShare * 1000) / 1000;
    return { input: this.#input, ...compare.comparison, copiedShare };
  }

  close(): Promise<void> {
    return this.#sound.close();
  }
}

/** What was told of sound that is the reference's own is `info`. */
function revised(finding: Finding, { compare, alien }: Detectors): Finding {
  if (finding.severity === 'info' || finding.medium !== 'audio') return finding;
  if (finding.isByReference === true) {
    if (!alien.copied.covers(finding)) return finding;
    const reason = "the frames are the reference's own: decoders fill in noise at random";
    return { ...finding, severity: 'info', reason };
  }
  const isGuess = soundKinds.has(finding.kind) || finding.kind === 'bad-seam';
  if (!isGuess || !compare.alike.covers(finding)) return finding;
  return { ...finding, severity: 'info', reason: 'the reference has the same: it is in the source' };
}
