import { silentLogger } from '../../src/base/logger.js';
import { AacEncoder } from '../../src/libav/aac-encoder.js';
import type { AacUnit, AudioUnit } from '../../src/media/access-unit.js';
import type { ParticipantSettings } from '../../src/media/participant.js';
import type { PcmBlock } from '../../src/media/pcm.js';
import type { ProgramSettings } from '../../src/media/program-settings.js';
import type { MixInput } from '../../src/mix/mix-input.js';
import { Mixer } from '../../src/mix/mixer.js';
import type { Who } from '../../src/program/ports.js';
import { music } from '../splice/music.js';
import { FakeInput, FakeMixer } from './fake-media.js';
import type { SoundMakers } from './virtual-room.js';

class SoundInput extends FakeInput {
  constructor(readonly sound: MixInput) {
    super();
  }

  override pushAudio(unit: AudioUnit, ptsOffset: number): PcmBlock | undefined {
    super.pushAudio(unit, ptsOffset);
    return this.sound.pushAudio(unit, ptsOffset);
  }

  override reset(): void {
    super.reset();
    this.sound.reset();
  }
}

/** Real sound, and pictures that are only times. */
class SoundMixer extends FakeMixer {
  readonly #mixer: Mixer;

  constructor(settings: ProgramSettings) {
    super();
    const small = { ...settings, width: 160, height: 90, x264Preset: 'ultrafast' } as const;
    this.#mixer = Mixer.open(small, { logger: silentLogger });
  }

  override addParticipant(id: string, settings: ParticipantSettings): FakeInput {
    const input = new SoundInput(this.#mixer.addParticipant(id, settings));
    this.inputs.set(id, input);
    return input;
  }

  override updateParticipant(id: string, settings: ParticipantSettings): void {
    this.#mixer.updateParticipant(id, settings);
  }

  override removeParticipant(id: string): void {
    super.removeParticipant(id);
    this.#mixer.removeParticipant(id);
  }

  override renderAudio(pts: number, frames: number, who: Who): PcmBlock {
    super.renderAudio(pts, frames, who);
    return this.#mixer.renderAudio(pts, frames, who);
  }

  override close(): void {
    super.close();
    this.#mixer.close();
  }
}

export const realSound: SoundMakers = {
  openMixer: (settings) => new SoundMixer(settings),
  openAac: (format) => AacEncoder.open({ ...format, bitrateBps: 64_000 + 64_000 * format.channels }),
};

/** Music as a publisher's encoder makes it. */
export function encodedMusic(options: {
  readonly seconds: number;
  readonly encoder: 'libfdk_aac' | 'aac';
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  readonly seed?: number;
}): AacUnit[] {
  const { seconds, encoder, sampleRate, channels, seed = 11 } = options;
  const aac = AacEncoder.open({ encoder, sampleRate, channels, bitrateBps: 64_000 * channels });
  const sound = Array.from({ length: channels }, (_, i) => music(seconds * sampleRate, seed + i, sampleRate));
  return [...aac.encode({ sampleRate, pts: 0, channels: sound }), ...aac.flush()];
}
