/** Mixes four 720p participants for some seconds of media and prints the resident memory after each tenth of them. */
import { silentLogger } from '../../src/base/logger.js';
import { AacEncoder } from '../../src/libav/aac-encoder.js';
import { defaultProgramSettings } from '../../src/media/program-settings.js';
import { Mixer } from '../../src/mix/mixer.js';
import { aacClip, colourClip, participant } from '../mix/clips.js';
import { noise } from './signal.js';

const seconds = Number(process.argv[2] ?? 60);
const mixer = Mixer.open({ ...defaultProgramSettings, x264Preset: 'ultrafast' }, { logger: silentLogger });
const aac = AacEncoder.open({ sampleRate: 48_000, channels: 2, bitrateBps: 128_000 });
const video = colourClip({
  pictures: 30,
  width: 1280,
  height: 720,
  colour: (i) => ({ y: 40 + 5 * i, u: 120, v: 130 }),
});
const sound = aacClip(noise(48_000), 2).slice(0, 47);
const inputs = ['host', 'a', 'b', 'c'].map((id) =>
  mixer.addParticipant(id, participant(id, { role: id === 'host' ? 'host' : 'guest' })),
);
const resident: number[] = [];
let audioUnits = 0;
for (let second = 0; second < seconds; second++) {
  video.forEach((unit, i) => {
    for (const input of inputs) input.pushVideo(unit, second * 90_000);
    const pts = second * 90_000 + i * 3000;
    mixer.renderVideo(pts, { forceIdr: false, who: 'all' });
    const from = (pts * 8) / 15;
    while (audioUnits * 1024 < from + 4_000) {
      const unit = sound[audioUnits % sound.length]!;
      for (const input of inputs) input.pushAudio({ ...unit, pts: audioUnits * 1024 }, 0);
      audioUnits++;
    }
    aac.encode(mixer.renderAudio(from, 1600, 'all'));
  });
  // A live process comes back to its event loop many times a second; finalisers run there.
  await new Promise((done) => setImmediate(done));
  if (second % Math.ceil(seconds / 10) === 0) resident.push(Math.round(process.memoryUsage.rss() / 1e6));
}
aac.close();
mixer.close();
process.stdout.write(`${JSON.stringify(resident)}\n`);
