import { open, type FileHandle } from 'node:fs/promises';
import { CancelledError } from '../base/errors.js';
import { silentLogger } from '../base/logger.js';
import { finaliseFragments, plainBoxHeader, POINTER_BYTES, writeAll } from '../container/mp4/finalise.js';
import { FragmentedMp4Writer } from '../container/mp4/fragmented-writer.js';
import { fileType } from '../container/mp4/movie.js';
import { AacEncoder } from '../libav/aac-encoder.js';
import type { AacUnit, VideoUnit } from '../media/access-unit.js';
import type { ParticipantSettings } from '../media/participant.js';
import { MILLISECONDS, rescale, VIDEO_TIMESCALE } from '../media/timestamp.js';
import type { MixInput } from './mix-input.js';
import { Mixer } from './mixer.js';
import { OfflineFeed } from './offline-input.js';
import type { OfflineInput, OfflineJob, OfflineResult } from './offline-job.js';

export interface OfflineProgress {
  /** Program time done so far. */
  progress(doneMs: number): void;
  /** Asked before every picture. */
  cancelled(): boolean;
}

/** How far ahead of a picture its files are read: pictures may be decoded long before they are due. */
const READ_AHEAD = 2 * VIDEO_TIMESCALE;
const REPORT_EVERY = VIDEO_TIMESCALE / 2;

interface Participant {
  readonly id: string;
  readonly feed: OfflineFeed;
  readonly settings: ParticipantSettings;
  input: MixInput | undefined;
  left: boolean;
}

/**
 * Mixes recorded files under a clock that goes as fast as the work is done: the same mixer as live, and the same bytes
 * for the same input. A guest is seen from its start to its end; the host's last picture stays.
 *
 * @throws CancelledError when asked to stop, and what reading, decoding and writing throw
 */
export async function mixOffline(job: OfflineJob, callbacks: OfflineProgress): Promise<OfflineResult> {
  const { settings } = job;
  const mixer = Mixer.open(settings, { logger: silentLogger });
  const aac = AacEncoder.open({
    sampleRate: settings.audioSampleRate,
    channels: settings.audioChannels,
    bitrateBps: settings.audioBitrateBps,
  });
  const participants: Participant[] = [];
  let output: ProgramFile | undefined;
  try {
    for (const [index, input] of job.inputs.entries()) {
      participants.push(await openParticipant(index, input, settings.audioSampleRate));
    }
    output = await ProgramFile.create(job.outputPath);
    let pictures = 0;
    let pts = 0;
    let audioPts = 0;
    let reported = 0;
    let decodeErrors = 0;
    while (pictures === 0 || participants.some((one) => !isOver(one, pts))) {
      if (callbacks.cancelled()) throw new CancelledError('mix: cancelled');
      for (const one of participants) decodeErrors += await update(one, mixer, pts);
      const { unit, startsFragment } = renderPicture(mixer, pts);
      if (startsFragment) await output.cut();
      output.write(unit);
      pts = rescale(++pictures, settings.fps, VIDEO_TIMESCALE);
      const audioEnd = rescale(pts, VIDEO_TIMESCALE, settings.audioSampleRate);
      for (const frame of aac.encode(mixer.renderAudio(audioPts, audioEnd - audioPts, 'all')))
        output.write(frame);
      audioPts = audioEnd;
      if (pts - reported >= REPORT_EVERY) {
        reported = pts;
        callbacks.progress(rescale(pts, VIDEO_TIMESCALE, MILLISECONDS));
      }
    }
    for (const frame of aac.flush()) output.write(frame);
    await output.finish();
    for (const one of participants) decodeErrors += one.input?.stats.decodeErrors ?? 0;
    const durationMs = rescale(pts, VIDEO_TIMESCALE, MILLISECONDS);
    return { pictures, durationMs, bytes: output.bytes, decodeErrors };
  } finally {
    await output?.close();
    for (const { feed } of participants) await feed.close();
    aac.close();
    mixer.close();
  }
}

async function openParticipant(index: number, input: OfflineInput, rate: number): Promise<Participant> {
  const role = index === 0 ? 'host' : 'guest';
  return {
    id: index === 0 ? 'host' : `guest${index}`,
    feed: await OfflineFeed.open(input, rate),
    settings: { role, name: input.name, gainDb: 0, muted: false, onAir: true },
    input: undefined,
    left: false,
  };
}

/** Brings a participant in, feeds it, or lets it go. Returns the decode errors of one that has just gone. */
async function update(one: Participant, mixer: Mixer, pts: number): Promise<number> {
  if (one.left || pts < one.feed.startPts) return 0;
  one.input ??= mixer.addParticipant(one.id, one.settings);
  await one.feed.feed(one.input, pts + READ_AHEAD);
  if (one.settings.role === 'host' || !isOver(one, pts)) return 0;
  one.left = true;
  mixer.removeParticipant(one.id);
  const { decodeErrors } = one.input.stats;
  one.input = undefined;
  return decodeErrors;
}

function isOver({ feed }: Participant, pts: number): boolean {
  return feed.ended && pts >= feed.endPts;
}

function renderPicture(mixer: Mixer, pts: number): { unit: VideoUnit; startsFragment: boolean } {
  const unit = mixer.renderVideo(pts, { forceIdr: pts === 0, who: 'all' });
  return { unit, startsFragment: unit.isIdr && pts > 0 };
}

const header = fileType(['isom', 'iso6', 'mp41', 'avc1']);

/**
 * The program as an MP4: written as one fragment for each group of pictures, so that memory holds no more than that,
 * and made a plain, seekable one at the end.
 */
class ProgramFile {
  bytes = 0;
  readonly #file: FileHandle;
  readonly #writer = new FragmentedMp4Writer({ newConfig: 'add' });

  static async create(path: string): Promise<ProgramFile> {
    return new ProgramFile(await open(path, 'w+'));
  }

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  write(unit: VideoUnit | AacUnit): void {
    this.#writer.write(unit);
  }

  async cut(): Promise<void> {
    const fragment = this.#writer.cut();
    if (fragment === undefined) return;
    // One write for the hundred and more units of a fragment: each by itself is a trip to another thread and back.
    await this.#append(Buffer.concat([...(this.bytes === 0 ? this.#beginning() : []), ...fragment.buffers]));
  }

  async finish(): Promise<void> {
    await this.cut();
    await finaliseFragments(this.#file, header.length);
    this.bytes = (await this.#file.stat()).size;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #beginning(): Buffer[] {
    const pointer = Buffer.concat([plainBoxHeader('free', POINTER_BYTES), Buffer.alloc(POINTER_BYTES - 8)]);
    return [header, pointer, this.#writer.movie()];
  }

  async #append(buffer: Buffer): Promise<void> {
    await writeAll(this.#file, buffer, this.bytes);
    this.bytes += buffer.length;
  }
}
