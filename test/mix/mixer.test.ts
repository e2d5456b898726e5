import { describe, expect, it, onTestFinished } from 'vitest';
import { silentLogger } from '../../src/base/logger.js';
import { AudioDecoder } from '../../src/libav/audio-decoder.js';
import type { VideoUnit } from '../../src/media/access-unit.js';
import { defaultProgramSettings, type ProgramSettings } from '../../src/media/program-settings.js';
import { layoutTiles, tilePixels } from '../../src/mix/layout.js';
import { Mixer } from '../../src/mix/mixer.js';
import { bestShift, largestStep, noise, sine } from '../libav/signal.js';
import { aacClip, blue, colourClip, green, grey, participant, red } from './clips.js';
import { decodeWithFfmpeg, type Decoded } from './decode.js';

const small = { width: 640, height: 360, videoBitrateBps: 2_000_000, labels: false } as const;
/** 8-bit conversions there and back, and x264 at these rates, move flat colours by less than this. */
const COLOUR_TOLERANCE = 12;
const PICTURE = 3000;

function openMixer(changes: Partial<ProgramSettings> = {}): Mixer {
  const mixer = Mixer.open({ ...defaultProgramSettings, ...small, ...changes }, { logger: silentLogger });
  onTestFinished(() => mixer.close());
  return mixer;
}

/** Settled: x264 needs a few pictures after a change of the whole canvas. */
function render(
  mixer: Mixer,
  from: number,
  who: 'host' | 'all' = 'all',
  slate?: { caption: string },
): VideoUnit[] {
  return Array.from({ length: 6 }, (_, i) =>
    mixer.renderVideo(from + i * PICTURE, { forceIdr: i === 0, who, ...(slate && { slate }) }),
  );
}

function expectColour(
  decoded: Decoded,
  place: { x: number; y: number },
  rgb: readonly number[],
  picture = 5,
): void {
  const seen = decoded.probe(picture, Math.floor(place.x), Math.floor(place.y));
  const off = Math.max(...seen.map((value, i) => Math.abs(value - rgb[i]!)));
  expect(off, `${String(seen)} at ${place.x},${place.y}, expected ${String(rgb)}`).toBeLessThanOrEqual(
    COLOUR_TOLERANCE,
  );
}

const rgb = { red: [255, 0, 0], green: [0, 255, 0], blue: [0, 0, 255], grey: [128, 128, 128] } as const;
const background = [16, 20, 24];
const middle = (rect: { x: number; y: number; width: number; height: number }) => ({
  x: rect.x + rect.width / 2,
  y: rect.y + rect.height / 2,
});

describe('pictures', () => {
  it.each(['side-by-side', 'grid', 'pip', 'host-left'] as const)(
    'puts host and guests where %s says',
    (layout) => {
      const mixer = openMixer({ layout });
      const colours = [red, green, blue];
      ['host', 'ann', 'bob'].forEach((id, i) => {
        const input = mixer.addParticipant(id, participant(id, { role: i === 0 ? 'host' : 'guest' }));
        for (const unit of colourClip({ pictures: 2, colour: colours[i]! })) input.pushVideo(unit, 0);
      });
      const decoded = decodeWithFfmpeg(render(mixer, 0));
      expect(decoded.errors).toBe('');
      expect(decoded.pictures).toBe(6);
      const rects = layoutTiles(layout, 3).map((tile) => tilePixels(tile, small));
      const [host, ann, bob] = rects as [(typeof rects)[0], (typeof rects)[0], (typeof rects)[0]];
      expectColour(decoded, layout === 'pip' ? { x: 20, y: 20 } : middle(host), rgb.red);
      expectColour(decoded, middle(ann), rgb.green);
      expectColour(decoded, middle(bob), rgb.blue);
      // Just inside the corners: the tile is filled.
      expectColour(decoded, { x: ann.x + 3, y: ann.y + 3 }, rgb.green);
      expectColour(decoded, { x: bob.x + bob.width - 4, y: bob.y + bob.height - 4 }, rgb.blue);
      if (layout === 'grid') expectColour(decoded, { x: 4, y: 356 }, background);
    },
  );

  it('changes layout at the next picture, and leaves nothing of the old one', () => {
    const mixer = openMixer({ layout: 'side-by-side' });
    for (const [id, colour] of [
      ['host', red],
      ['ann', green],
    ] as const) {
      const input = mixer.addParticipant(id, participant(id, { role: id === 'host' ? 'host' : 'guest' }));
      for (const unit of colourClip({ pictures: 2, colour })) input.pushVideo(unit, 0);
    }
    const before = render(mixer, 0);
    mixer.setLayout([{ x: 0.25, y: 0.25, width: 0.5, height: 0.5 }]);
    const decoded = decodeWithFfmpeg([...before, ...render(mixer, 6 * PICTURE)]);
    expectColour(decoded, { x: 600, y: 180 }, rgb.green, 5);
    expectColour(decoded, { x: 320, y: 180 }, rgb.red, 11);
    expectColour(decoded, { x: 600, y: 180 }, background, 11);
    expectColour(decoded, { x: 20, y: 20 }, background, 11);
  });

  it('shows of each participant the newest picture that is due, whenever it came', () => {
    const mixer = openMixer({ layout: 'side-by-side' });
    const host = mixer.addParticipant('host', participant('host', { role: 'host' }));
    const guest = mixer.addParticipant('ann', participant('ann'));
    const steps = colourClip({ pictures: 60, colour: (i) => ({ y: 16 + 3 * i, u: 128, v: 128 }) });
    for (const unit of steps) host.pushVideo(unit, 0);
    // Half the rate, 10 pictures late.
    for (const unit of colourClip({
      pictures: 30,
      fps: 15,
      colour: (i) => ({ y: 20 + 6 * i, u: 128, v: 128 }),
    })) {
      guest.pushVideo(unit, 10 * PICTURE);
    }
    expect(host.newestPicturePts).toBe(59 * PICTURE);
    const units = Array.from({ length: 60 }, (_, i) =>
      mixer.renderVideo(i * PICTURE, { forceIdr: true, who: 'all' }),
    );
    const decoded = decodeWithFfmpeg(units);
    const luma = (picture: number, x: number) =>
      Math.round((decoded.probe(picture, x, 180)[0] * 219) / 255 + 16);
    for (let i = 1; i < 60; i += 7) {
      expect(Math.abs(luma(i, 160) - (16 + 3 * i))).toBeLessThanOrEqual(1);
      if (i < 12) continue;
      expect(Math.abs(luma(i, 480) - (20 + 6 * Math.floor((i - 10) / 2)))).toBeLessThanOrEqual(2);
    }
  });

  it('takes up a new size and shape in mid-stream', () => {
    const mixer = openMixer({ layout: 'solo', aspect: 'fit' });
    const host = mixer.addParticipant('host', participant('host', { role: 'host' }));
    const wide = colourClip({ pictures: 3, colour: red });
    const tall = colourClip({ pictures: 3, width: 180, height: 320, colour: blue });
    for (const unit of wide) host.pushVideo(unit, 0);
    const before = render(mixer, 0);
    for (const unit of tall) host.pushVideo(unit, 6 * PICTURE);
    const decoded = decodeWithFfmpeg([...before, ...render(mixer, 9 * PICTURE)]);
    expectColour(decoded, { x: 20, y: 180 }, rgb.red, 5);
    expectColour(decoded, { x: 320, y: 180 }, rgb.blue, 11);
    expectColour(decoded, { x: 20, y: 180 }, background, 11);
    expect(host.stats.decodeErrors).toBe(0);
  });

  it('holds the last picture of a participant whose stream breaks, and goes on with the others', () => {
    const mixer = openMixer({ layout: 'side-by-side' });
    const host = mixer.addParticipant('host', participant('host', { role: 'host' }));
    const guest = mixer.addParticipant('ann', participant('ann'));
    for (const unit of colourClip({ pictures: 30, colour: (i) => (i < 15 ? red : blue) }))
      host.pushVideo(unit, 0);
    colourClip({ pictures: 30, colour: green }).forEach((unit, i) => {
      const broken = Buffer.from(unit.data.map((byte, at) => (i > 5 && at > 4 ? byte ^ 0x5a ^ at : byte)));
      guest.pushVideo({ ...unit, data: broken }, 0);
    });
    const decoded = decodeWithFfmpeg(render(mixer, 25 * PICTURE));
    expectColour(decoded, { x: 160, y: 180 }, rgb.blue);
    expectColour(decoded, { x: 480, y: 180 }, rgb.green);
    expect(guest.stats.decodeErrors).toBeGreaterThan(10);
    expect(host.stats.decodeErrors).toBe(0);
  });

  it('dims the last picture of a host who is gone, and keeps it through a new session', () => {
    const mixer = openMixer();
    const host = mixer.addParticipant('host', participant('host', { role: 'host' }));
    for (const unit of colourClip({ pictures: 2, colour: grey })) host.pushVideo(unit, 0);
    render(mixer, 0);
    host.reset();
    const decoded = decodeWithFfmpeg(render(mixer, 6 * PICTURE, 'host', { caption: 'Back soon' }));
    expectColour(decoded, { x: 20, y: 20 }, [45, 45, 45]);
    const caption = Array.from({ length: 300 }, (_, i) => decoded.probe(5, 170 + i, 180)[0]);
    expect(Math.max(...caption), 'white letters in the middle').toBeGreaterThan(200);
    for (const unit of colourClip({ pictures: 2, colour: blue })) host.pushVideo(unit, 12 * PICTURE);
    expectColour(decodeWithFfmpeg(render(mixer, 14 * PICTURE, 'host')), { x: 320, y: 180 }, rgb.blue);
  });

  it('shows who has no picture by initials, and labels each by name', () => {
    const mixer = openMixer({ layout: 'solo', labels: true });
    mixer.addParticipant('host', participant('Zoë Ödegård', { role: 'host' }));
    const decoded = decodeWithFfmpeg(render(mixer, 0));
    const bright = (x0: number, y0: number, width: number, height: number): number => {
      let count = 0;
      for (let y = y0; y < y0 + height; y++) {
        for (let x = x0; x < x0 + width; x++) if (Math.min(...decoded.probe(5, x, y)) > 170) count++;
      }
      return count;
    };
    expect(bright(260, 130, 120, 100), 'initials').toBeGreaterThan(150);
    expect(bright(0, 320, 200, 40), 'label').toBeGreaterThan(60);
    expect(bright(400, 20, 200, 100), 'nothing elsewhere').toBe(0);
  });

  it('gives the same bytes for the same input', () => {
    const run = (): Buffer => {
      const mixer = openMixer({ labels: true });
      for (const [id, colour] of [
        ['host', red],
        ['ann', green],
      ] as const) {
        const input = mixer.addParticipant(id, participant(id, { role: id === 'host' ? 'host' : 'guest' }));
        for (const unit of colourClip({ pictures: 10, colour })) input.pushVideo(unit, 0);
      }
      return Buffer.concat(render(mixer, 0).map(({ data }) => data));
    };
    expect(run().equals(run())).toBe(true);
  });

  it('puts out one unit per picture, IDR when asked, all with one configuration', () => {
    const mixer = openMixer();
    mixer.addParticipant('host', participant('host', { role: 'host' }));
    const units = Array.from({ length: 90 }, (_, i) =>
      mixer.renderVideo(i * PICTURE, { forceIdr: i === 7, who: 'all' }),
    );
    expect(units.flatMap((unit, i) => (unit.isIdr ? [i] : []))).toEqual([0, 7, 67]);
    expect(new Set(units.map(({ config }) => config)).size).toBe(1);
    expect(units.every(({ pts, dts }, i) => pts === i * PICTURE && dts === pts)).toBe(true);
    expect(units[0]!.config).toMatchObject({ codec: 'h264', width: 640, height: 360 });
    expect(() => mixer.renderVideo(89 * PICTURE, { forceIdr: false, who: 'all' })).toThrow(
      /expected a time after/,
    );
  });

  it('waits in the shadow without a burst of decoding', () => {
    const mixer = openMixer();
    const host = mixer.addParticipant('host', participant('host', { role: 'host' }));
    colourClip({ pictures: 90, colour: red }).forEach((unit, i) => {
      host.pushVideo(unit, 0);
      mixer.advance(i * PICTURE);
    });
    expect(host.stats.pictures).toBe(90);
    expect(host.stats.droppedPictures).toBe(0);
  });
});

describe('sound', () => {
  const RATE = 48_000;

  function withSound(mixer: Mixer, id: string, signal: Float32Array, changes = {}, offset = 0) {
    const input = mixer.addParticipant(
      id,
      participant(id, { role: id === 'host' ? 'host' : 'guest', ...changes }),
    );
    for (const unit of aacClip(signal)) input.pushAudio(unit, offset);
    return input;
  }

  it('sums participants in time with each other, sample by sample', () => {
    const mixer = openMixer({ audioChannels: 1 });
    const signal = noise(2 * RATE, 3, 0.2);
    withSound(mixer, 'host', signal);
    withSound(mixer, 'ann', noise(2 * RATE, 9, 0.2), {}, 12_345);
    const out = mixer.renderAudio(0, 2 * RATE, 'all').channels[0]!;
    expect(bestShift(signal.subarray(0, RATE), out, 20).shift).toBe(0);
    const guest = bestShift(noise(RATE, 9, 0.2), out.subarray(12_345), 20);
    expect(guest.shift).toBe(0);
    expect(guest.score).toBeGreaterThan(0.6);
  });

  it('leaves out guests who are muted or not on air, and fades them in and out', () => {
    const mixer = openMixer({ audioChannels: 1 });
    withSound(mixer, 'host', new Float32Array(3 * RATE));
    withSound(mixer, 'ann', sine(3 * RATE, 440, RATE), { onAir: false });
    const peak = (pcm: Float32Array) => Math.max(...pcm.map(Math.abs));
    const parts = [mixer.renderAudio(0, RATE / 2, 'all').channels[0]!];
    mixer.updateParticipant('ann', participant('ann'));
    parts.push(mixer.renderAudio(RATE / 2, RATE / 2, 'all').channels[0]!);
    parts.push(mixer.renderAudio(RATE, RATE / 2, 'host').channels[0]!);
    mixer.updateParticipant('ann', participant('ann', { gainDb: -20 }));
    parts.push(mixer.renderAudio(1.5 * RATE, RATE / 2, 'all').channels[0]!);
    mixer.removeParticipant('ann');
    parts.push(mixer.renderAudio(2 * RATE, RATE / 2, 'all').channels[0]!);
    expect(parts.map((pcm) => Number(peak(pcm.subarray(1_000)).toFixed(1)))).toEqual([0, 0.5, 0, 0.1, 0]);
    const all = Float32Array.from(parts.flatMap((pcm) => [...pcm]));
    expect(largestStep(all)).toBeLessThan(0.5 * 2 * Math.PI * (440 / RATE) * 1.2 + 0.5 / 480);
  });

  it('never goes over full scale, and does not touch what is below', () => {
    const mixer = openMixer({ audioChannels: 2 });
    for (const id of ['host', 'ann', 'bob', 'cy']) withSound(mixer, id, sine(RATE, 440, RATE, 0.7));
    const { channels } = mixer.renderAudio(0, RATE, 'all');
    expect(Math.max(...channels[0]!.map(Math.abs))).toBeLessThanOrEqual(1);
    const alone = openMixer({ audioChannels: 1 });
    const units = aacClip(sine(RATE, 440, RATE, 0.7));
    const input = alone.addParticipant('host', participant('host', { role: 'host' }));
    const decoder = AudioDecoder.open({ sampleRate: RATE, channels: 1 });
    const decoded = units.flatMap((unit) => {
      input.pushAudio(unit, 0);
      const pcm = decoder.decode(unit)!;
      return pcm.pts < 0 ? [] : [...pcm.channels[0]!];
    });
    decoder.close();
    const out = alone.renderAudio(0, RATE, 'all').channels[0]!;
    expect(out.slice(480)).toEqual(Float32Array.from(decoded).slice(480, RATE));
  });

  it('goes on when one guest sends nothing, and conceals what is lost', () => {
    const mixer = openMixer({ audioChannels: 1 });
    withSound(mixer, 'host', sine(RATE, 440, RATE));
    mixer.addParticipant('silent', participant('silent'));
    const guest = withSound(mixer, 'ann', sine(RATE / 2, 300, RATE));
    const out = mixer.renderAudio(0, RATE, 'all').channels[0]!;
    expect(Math.max(...out.subarray(40_000))).toBeCloseTo(0.5, 1);
    expect(guest.stats.concealedSamples).toBeGreaterThan(RATE / 4);
  });

  it('neither reads nor counts guests while the host alone is heard, and has them in time afterwards', () => {
    const mixer = openMixer({ audioChannels: 1 });
    const signal = noise(2 * RATE, 9, 0.2);
    const guest = withSound(mixer, 'ann', signal);
    withSound(mixer, 'host', new Float32Array(6 * RATE));
    // Past the guest's end, too: a guest that sends nothing is not missed either.
    mixer.renderAudio(0, RATE / 2, 'host');
    const out = mixer.renderAudio(RATE / 2, RATE / 2, 'all').channels[0]!;
    // While the guest fades out it is still read.
    mixer.renderAudio(RATE, RATE / 50, 'host');
    mixer.renderAudio(1.02 * RATE, 3 * RATE, 'host');
    expect(guest.stats).toMatchObject({ concealedSamples: 0, lateSamples: 0 });
    const found = bestShift(signal.subarray(0.6 * RATE, 0.9 * RATE), out.subarray(0.1 * RATE), 20);
    expect(found.shift).toBe(0);
    expect(found.score).toBeGreaterThan(0.9);
  });
});
