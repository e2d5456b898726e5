/**
 * Feeds damaged media of every kind through the decoders and the mixer, in a process of its own: a crash in native code
 * is seen as an exit by signal. The last line it prints is what it counted.
 */
import { silentLogger } from '../../src/base/logger.js';
import { aacConfigFromAsc } from '../../src/codec/aac/asc.js';
import { AudioDecoder } from '../../src/libav/audio-decoder.js';
import { OpusEncoder } from '../../src/libav/opus-encoder.js';
import type { AudioUnit, VideoUnit } from '../../src/media/access-unit.js';
import { defaultProgramSettings } from '../../src/media/program-settings.js';
import { Mixer } from '../../src/mix/mixer.js';
import { aacClip, colourClip, participant } from '../mix/clips.js';
import { block, noise } from './signal.js';

let state = Number(process.argv[2] ?? 1);
const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
const corrupt = (data: Buffer, rate: number): Buffer =>
  Buffer.from(data.map((byte) => (random() < rate ? Math.floor(random() * 256) : byte)));
const rates = [0.001, 0.01, 0.2, 1];
const counts = { pictures: 0, blocks: 0, errors: 0 };

const mixer = Mixer.open({ ...defaultProgramSettings, width: 320, height: 180 }, { logger: silentLogger });
const host = mixer.addParticipant('host', participant('host', { role: 'host' }));
let pts = 0;
const video: VideoUnit[] = [
  ...colourClip({ pictures: 40, colour: (i) => ({ y: 16 + i * 4, u: 100, v: 140 }) }),
  ...colourClip({
    pictures: 40,
    width: 640,
    height: 360,
    colour: (i) => ({ y: 200 - i * 4, u: 100, v: 140 }),
  }),
];
for (const rate of rates) {
  for (const unit of video) {
    const damaged = {
      ...unit,
      data: corrupt(
        unit.data.subarray(0, random() < 0.1 ? Math.floor(random() * unit.data.length) : undefined),
        rate,
      ),
      config: random() < 0.2 ? { ...unit.config, avcc: corrupt(unit.config.avcc, rate) } : unit.config,
    };
    host.pushVideo(damaged, pts - unit.pts);
    if (mixer.renderVideo((pts += 3000), { forceIdr: false, who: 'all' }).data.length > 0) counts.pictures++;
  }
}
counts.errors += host.stats.decodeErrors;

const opusEncoder = OpusEncoder.open({ channels: 2, bitrateBps: 64_000 });
const opus = opusEncoder.encode(block([noise(96_000), noise(96_000, 2)], 0));
opusEncoder.close();
const aac = aacClip(noise(96_000), 2);
const garbageAscs = ['ffffffff', '11b8', '1210', '1190', '2b118800', '13882000', 'eb098800'];
const audio: AudioUnit[] = [...aac, ...opus];
for (const asc of garbageAscs) {
  try {
    const config = aacConfigFromAsc(Buffer.from(asc, 'hex'));
    audio.push(...aac.slice(0, 10).map((unit) => ({ ...unit, config })));
  } catch {
    // Refused by our own parser already; the raw bytes are tried all the same.
    const config = { codec: 'aac', asc: Buffer.from(asc, 'hex'), sampleRate: 48_000, channels: 2 } as const;
    audio.push(...aac.slice(0, 10).map((unit) => ({ ...unit, config })));
  }
}
for (const channels of [0, 1, 2, 6, 9, 255]) {
  audio.push(...opus.slice(0, 5).map((unit) => ({ ...unit, config: { ...unit.config, channels } as never })));
}
for (const rate of [0, ...rates]) {
  const decoder = AudioDecoder.open({ sampleRate: 48_000, channels: 2 });
  for (const unit of audio) {
    const damaged = { ...unit, data: corrupt(unit.data, rate) };
    const pcm = decoder.decode(damaged);
    host.pushAudio(damaged, 0);
    if (pcm === undefined) continue;
    counts.blocks++;
    if (pcm.channels.length !== 2) throw new Error(`${pcm.channels.length} channels came out`);
    if (pcm.channels.some((channel) => channel.some((sample) => !Number.isFinite(sample))))
      throw new Error('NaN came out');
  }
  counts.errors += decoder.stats.errors;
  decoder.close();
}
const sum = mixer.renderAudio(0, 48_000, 'all');
if (sum.channels.some((channel) => channel.some((sample) => !(Math.abs(sample) <= 1))))
  throw new Error('over full scale');
mixer.close();
process.stdout.write(`${JSON.stringify(counts)}\n`);
