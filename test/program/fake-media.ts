import type {
  AacConfig,
  AacUnit,
  AudioUnit,
  OpusConfig,
  VideoConfig,
  VideoUnit,
} from '../../src/media/access-unit.js';
import type { ParticipantSettings } from '../../src/media/participant.js';
import type { PcmBlock } from '../../src/media/pcm.js';
import type {
  ProgramAacEncoder,
  ProgramMixer,
  ProgramMixInput,
  RenderVideoOptions,
  Who,
} from '../../src/program/ports.js';

/** Coded media without pictures, for the program's decisions: only times, IDR flags and slice headers count there. */
export const hostConfig: VideoConfig = {
  codec: 'h264',
  avcc: Buffer.from([1, 2, 3]),
  width: 640,
  height: 360,
};
export const mixConfig: VideoConfig = {
  codec: 'h264',
  avcc: Buffer.from([9, 9, 9]),
  width: 1280,
  height: 720,
};
const aacConfig: AacConfig = {
  codec: 'aac',
  asc: Buffer.from([0x11, 0x90]),
  sampleRate: 48_000,
  channels: 2,
};
const opusConfig: OpusConfig = { codec: 'opus', sampleRate: 48_000, channels: 2 };

/** First slice NAL: first_mb_in_slice = 0 ('1'), then slice_type as ue(v): P 0 = '1', B 1 = '010', I 2 = '011'. */
const sliceBytes = { I: [0x65, 0b1011_0000], P: [0x41, 0b1100_0000], B: [0x01, 0b1010_0000] } as const;

export function picture(options: {
  readonly pts: number;
  readonly dts?: number;
  readonly type?: 'I' | 'P' | 'B';
  readonly config?: VideoConfig;
}): VideoUnit {
  const type = options.type ?? 'P';
  const nal = Buffer.from([...sliceBytes[type], 0x80, 0x80]);
  const data = Buffer.alloc(4 + nal.length);
  data.writeUInt32BE(nal.length);
  nal.copy(data, 4);
  return {
    kind: 'video',
    config: options.config ?? hostConfig,
    pts: options.pts,
    dts: options.dts ?? options.pts,
    isIdr: type === 'I',
    data,
  };
}

/** 20 ms of Opus. */
export function opusFrame(pts: number): AudioUnit {
  return { kind: 'audio', config: opusConfig, pts, durationSamples: 960, data: Buffer.from([0xfc]) };
}

export class FakeInput implements ProgramMixInput {
  newestPicturePts: number | undefined;
  audioEndPts: number | undefined;
  readonly stats = { decodeErrors: 0, concealedSamples: 0 };
  resets = 0;

  pushVideo(unit: VideoUnit, ptsOffset: number): void {
    this.newestPicturePts = Math.max(unit.pts + ptsOffset, this.newestPicturePts ?? -Infinity);
  }

  pushAudio(unit: AudioUnit, ptsOffset: number): PcmBlock | undefined {
    this.audioEndPts = Math.max(unit.pts + unit.durationSamples + ptsOffset, this.audioEndPts ?? -Infinity);
    return undefined;
  }

  reset(): void {
    this.resets++;
  }
}

export class FakeMixer implements ProgramMixer {
  readonly inputs = new Map<string, FakeInput>();
  readonly rendered: { readonly pts: number; readonly options: RenderVideoOptions }[] = [];
  /** `missing`: not all of it had arrived from somebody who had sent sound before. */
  readonly sounds: { readonly pts: number; readonly who: Who; readonly missing: boolean }[] = [];
  /** Thrown by the next picture. */
  failure: Error | undefined;
  closed = false;

  // Mixers that hear take the settings too.
  addParticipant(id: string, _settings?: ParticipantSettings): FakeInput {
    const input = new FakeInput();
    this.inputs.set(id, input);
    return input;
  }

  updateParticipant(_id?: string, _settings?: ParticipantSettings): void {
    return undefined;
  }

  removeParticipant(id: string): void {
    this.inputs.delete(id);
  }

  setLayout(): void {
    return undefined;
  }

  advance(): void {
    return undefined;
  }

  renderVideo(pts: number, options: RenderVideoOptions): VideoUnit {
    if (this.failure !== undefined) throw this.failure;
    this.rendered.push({ pts, options });
    return picture({ pts, type: options.forceIdr ? 'I' : 'P', config: mixConfig });
  }

  renderAudio(pts: number, frames: number, who: Who): PcmBlock {
    const heard = [...this.inputs].filter(([id]) => who === 'all' || id === 'host');
    const missing = heard.some(([, input]) => (input.audioEndPts ?? Infinity) < pts + frames);
    this.sounds.push({ pts, who, missing });
    return { sampleRate: 48_000, pts, channels: [new Float32Array(frames), new Float32Array(frames)] };
  }

  close(): void {
    this.closed = true;
  }
}

export class FakeAac implements ProgramAacEncoder {
  readonly delaySamples = 2_048;

  encode(pcm: PcmBlock): AacUnit[] {
    return [
      {
        kind: 'audio',
        config: aacConfig,
        pts: pcm.pts - this.delaySamples,
        durationSamples: 1_024,
        data: Buffer.from([0]),
      },
    ];
  }

  close(): void {
    return undefined;
  }
}
