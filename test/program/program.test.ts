import { describe, expect, it } from 'vitest';
import type { Mode } from '../../src/media/program-settings.js';
import { expectSoundVideo, expectUnbrokenAudio } from './judge.js';
import { VirtualRoom } from './virtual-room.js';

/** At 30 pictures a second, in 1/90000 s. */
const picture = 3_000;
/** The most that viewers may see between two pictures. */
const maxStep = 2 * picture;
/** Pictures of a host that its clock map shifts; a constant by contract. */
const switchMs = 500;

describe('a program in live mode', () => {
  it('relays the host untouched from its first IDR, times shifted by one constant', () => {
    const room = new VirtualRoom();
    room.join('host', 'host');
    room.run(2_000);
    expect(room.sent.every(({ source }) => source === 'relay')).toBe(true);
    expect(room.video[0]?.isIdr).toBe(true);
    const shifts = new Set(room.video.map((unit, i) => unit.pts - i * picture));
    expect(shifts.size).toBe(1);
    expectSoundVideo(room.video, picture);
    expectUnbrokenAudio(room.audio);
  });

  it('puts each unit out the moment it arrives', () => {
    const room = new VirtualRoom();
    room.join('host', 'host');
    room.run(3_000);
    const relayed = room.sent.filter(({ unit }) => unit.kind === 'video');
    const delays = relayed.map(({ unit, atUs }) => atUs - (unit.pts / 90_000) * 1e6);
    expect(Math.max(...delays) - Math.min(...delays)).toBeLessThanOrEqual(1_000);
  });

  it('asks hosts for an IDR when none came for the interval, and again until one comes', () => {
    const room = new VirtualRoom({ keyframeIntervalMs: 1_000 });
    room.join('host', 'host', { gopPictures: 100_000 });
    room.run(10_000);
    const idrs = room.video.filter(({ isIdr }) => isIdr).map(({ pts }) => pts);
    const steps = idrs.slice(1).map((pts, i) => pts - idrs[i]!);
    // A request needs its way there and the picture its way back.
    expect(Math.max(...steps)).toBeLessThanOrEqual(90_000 + 3 * picture);
    expect(idrs.length).toBeGreaterThanOrEqual(9);
  });

  it('keeps sound coming when the host sends none', () => {
    const room = new VirtualRoom();
    room.join('host', 'host', { audio: false });
    room.run(3_000);
    expectUnbrokenAudio(room.audio);
    const lag = room.video.at(-1)!.pts / 90_000 - room.audio.at(-1)!.pts / 48_000;
    expect(lag).toBeLessThan(0.25);
  });

  it('mixes a placeholder for a host without pictures', () => {
    const room = new VirtualRoom();
    room.join('host', 'host', { video: false });
    room.run(3_000);
    expect(room.video.length).toBeGreaterThan(30);
    expect(room.sent.at(-1)?.source).toBe('mix');
    expectSoundVideo(room.video, maxStep);
    expectUnbrokenAudio(room.audio);
  });

  it('sends everything through the mixer when relay is off', () => {
    const room = new VirtualRoom({ relay: 'off' });
    room.join('host', 'host');
    room.run(3_000);
    expect(new Set(room.sent.map(({ source }) => source))).toEqual(new Set(['mix']));
    expect(room.mixer.rendered.every(({ options }) => options.who === 'host')).toBe(true);
    expectSoundVideo(room.video, picture);
  });
});

/** Program time of sound that was rendered when the host's for it had not been read yet, in samples. */
function prematureSound(room: VirtualRoom): number[] {
  return room.mixer.sounds.filter(({ missing }) => missing).map(({ pts }) => pts);
}

/** With a host and a guest, for a second already. */
function roomIn(mode: Mode): VirtualRoom {
  const room = new VirtualRoom();
  room.join('host', 'host');
  room.join('guest', 'guest', { delayUs: 40_000 });
  room.run(2_000);
  room.program.setMode(mode);
  room.run(1_000);
  return room;
}

describe('a program whose process lags behind what arrives', () => {
  it('begins with the relay when the host has been sending for a second before it runs', () => {
    const room = new VirtualRoom();
    room.join('host', 'host');
    room.freeze(1_000);
    room.run(2_000);
    expect(room.switched.map(({ source }) => source)).toEqual(['relay']);
    expect(new Set(room.sent.map(({ source }) => source))).toEqual(new Set(['relay']));
    // From the very first picture on.
    expect(room.video.length).toBeGreaterThanOrEqual(88);
    expect(room.mixer.rendered).toEqual([]);
    expect(prematureSound(room)).toEqual([]);
    expectSoundVideo(room.video, picture);
    expectUnbrokenAudio(room.audio);
  });

  it.each(['live', 'collab'] as const)('in %s mode takes up where it was after a second asleep', (mode) => {
    const room = roomIn(mode);
    const before = room.switched.length;
    for (let i = 0; i < 5; i++) {
      room.freeze(1_000);
      room.run(700);
    }
    expect(room.switched.slice(before)).toEqual([]);
    expect(prematureSound(room)).toEqual([]);
    expectSoundVideo(room.video, maxStep);
    expectUnbrokenAudio(room.audio);
  });

  it.each(['live', 'collab'] as const)('in %s mode misses nothing that waits to be read', (mode) => {
    const room = roomIn(mode);
    for (let i = 0; i < 3; i++) {
      room.lag({ ms: 2_000, gapMs: 150, behindMs: 400 });
      room.run(300);
    }
    expect(prematureSound(room)).toEqual([]);
    expectSoundVideo(room.video, maxStep);
    expectUnbrokenAudio(room.audio);
  });

  it('goes back to the relay however far behind it is', () => {
    const room = new VirtualRoom();
    room.join('host', 'host');
    room.run(1_000);
    room.program.setMode('collab');
    room.run(1_000);
    room.program.setMode('live');
    // Never again in time: everything is read 600 ms late and more.
    for (let i = 0; i < 4; i++) room.freeze(600);
    expect(room.sent.at(-1)?.source).toBe('relay');
    expectSoundVideo(room.video, maxStep);
    expectUnbrokenAudio(room.audio);
  });
});

describe.each([
  ['without B-pictures', 0],
  ['with two B-pictures', 2],
])('switching a host %s', (_, bPictures) => {
  it('twenty times leaves one unbroken program', () => {
    const room = new VirtualRoom();
    room.join('host', 'host', { bPictures });
    room.join('guest', 'guest', { mediaUs: 5_000, delayUs: 60_000 });
    room.run(2_000);
    room.switchToAndFro(20);
    const after = room.switched.slice(1);
    expect(after.map(({ source }) => source)).toEqual(
      Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 'mix' : 'relay')),
    );
    for (const { tookMs } of after) expect(tookMs).toBeLessThanOrEqual(switchMs);
    expectSoundVideo(room.video, maxStep);
    expectUnbrokenAudio(room.audio);
    expect(room.program.stats.droppedUnits).toBe(0);
  });

  it('leaves no hole in the sound of a guest that comes late, up to its last sample', () => {
    const room = new VirtualRoom();
    room.join('host', 'host', { bPictures });
    room.join('guest', 'guest', { mediaUs: 5_000, delayUs: 140_000 });
    room.run(2_000);
    room.switchToAndFro(20);
    const withGuest = room.mixer.sounds.filter(({ who }) => who === 'all');
    expect(withGuest.length).toBeGreaterThan(400);
    expect(withGuest.filter(({ missing }) => missing)).toEqual([]);
  });

  it('waits for the next IDR of a host that cannot be asked, and mixes on meanwhile', () => {
    const room = new VirtualRoom();
    room.join('host', 'host', { bPictures, answersPli: false, gopPictures: 60 });
    room.run(2_500);
    room.program.setMode('collab');
    room.run(1_000);
    room.program.setMode('live');
    room.run(3_000);
    expect(room.asked).toEqual([]);
    expect(room.sent.at(-1)?.source).toBe('relay');
    expectSoundVideo(room.video, maxStep);
    expectUnbrokenAudio(room.audio);
  });
});

describe('a switch in mid-way', () => {
  it('can be reversed at any moment', () => {
    const room = new VirtualRoom();
    room.join('host', 'host');
    room.join('guest', 'guest', { delayUs: 90_000 });
    room.run(2_000);
    for (let ms = 1; ms < 330; ms += 7) {
      room.program.setMode('collab');
      room.run(ms);
      room.program.setMode('live');
      room.run(400 - ms);
    }
    room.run(1_000);
    expect(room.sent.at(-1)?.source).toBe('relay');
    expectSoundVideo(room.video, maxStep);
    expectUnbrokenAudio(room.audio);
  });

  it('is not disturbed by the same request again', () => {
    const room = new VirtualRoom();
    room.join('host', 'host');
    room.run(1_000);
    for (let i = 0; i < 5; i++) {
      room.program.setMode('collab');
      room.run(40);
    }
    room.run(500);
    expect(room.switched.map(({ source }) => source)).toEqual(['relay', 'mix']);
  });
});

describe('a host that vanishes', () => {
  it('leaves a slate within two pictures, and takes over again by a new session', () => {
    const room = new VirtualRoom();
    room.join('host', 'host');
    room.run(2_000);
    room.program.endSession('host');
    room.vanish('host');
    room.run(3_000);
    expect(room.sent.at(-1)?.source).toBe('slate');
    expect(room.mixer.rendered.at(-1)?.options.slate).toBeDefined();
    room.publish('host', { mediaUs: 3_000 });
    room.run(2_000);
    expect(room.sent.at(-1)?.source).toBe('relay');
    expectSoundVideo(room.video, maxStep);
    expectUnbrokenAudio(room.audio);
    expect(room.program.stats.droppedUnits).toBe(0);
  });

  it('without a word first shows its last picture, then the slate', () => {
    const room = new VirtualRoom();
    room.join('host', 'host');
    room.run(2_000);
    room.vanish('host');
    room.run(2_500);
    expect(room.switched.map(({ source }) => source)).toEqual(['relay', 'mix', 'slate']);
    room.publish('host');
    room.run(1_500);
    expect(room.sent.at(-1)?.source).toBe('relay');
    expectSoundVideo(room.video, maxStep);
    expectUnbrokenAudio(room.audio);
  });

  it('ends the program after the grace period, and a return begins it anew, later', () => {
    const room = new VirtualRoom({ graceMs: 2_000 });
    room.join('host', 'host');
    room.run(1_000);
    room.program.endSession('host');
    room.vanish('host');
    room.run(3_000);
    expect(room.ended).toBe(1);
    const before = room.sent.length;
    room.run(1_000);
    expect(room.sent.length).toBe(before);
    const last = room.video.at(-1)!.pts;
    room.publish('host');
    room.run(1_000);
    const again = room.sent.slice(before).map(({ unit }) => unit);
    const pictures = again.filter((unit) => unit.kind === 'video');
    expect(pictures[0]!.pts).toBeGreaterThan(last + 90_000);
    expect(pictures.length).toBeGreaterThan(20);
    expectUnbrokenAudio(again.filter((unit) => unit.kind === 'audio'));
  });

  it('in collab mode leaves its guests in the mix', () => {
    const room = new VirtualRoom();
    room.join('host', 'host');
    room.join('guest', 'guest');
    room.run(1_000);
    room.program.setMode('collab');
    room.run(1_000);
    room.program.endSession('host');
    room.vanish('host');
    room.run(2_000);
    expect(room.mixer.rendered.at(-1)?.options).toMatchObject({ who: 'all', slate: {} });
    expectSoundVideo(room.video, maxStep);
    expectUnbrokenAudio(room.audio);
  });
});

describe('a mixer that throws', () => {
  it('is replaced, and the host is relayed meanwhile', () => {
    const room = new VirtualRoom();
    room.join('host', 'host');
    room.run(1_000);
    room.program.setMode('collab');
    room.run(1_000);
    room.mixer.failure = new Error('out of pictures');
    room.run(2_000);
    expect(room.warnings).toHaveLength(1);
    expect(room.sent.at(-1)?.source).toBe('relay');
    room.run(5_000);
    expect(room.sent.at(-1)?.source).toBe('mix');
    expect(room.mixers).toHaveLength(2);
    expectSoundVideo(room.video, maxStep);
    expectUnbrokenAudio(room.audio);
  });
});

describe('a program that takes up where another was', () => {
  it('goes on from there, never before, audio on the same grid', () => {
    const resumeAt = { videoPts: 900_000, audioPts: 471_040, atUs: 4_500_000 };
    const room = new VirtualRoom({}, resumeAt);
    room.join('host', 'host');
    room.run(2_000);
    expect(room.audio[0]?.pts).toBe(resumeAt.audioPts);
    expect(room.video[0]!.pts).toBeGreaterThanOrEqual(resumeAt.videoPts);
    // Half a second passed between the two.
    expect(room.video[0]!.pts).toBeLessThanOrEqual(resumeAt.videoPts + 90_000);
    expectSoundVideo(room.video, picture);
    expectUnbrokenAudio(room.audio);
  });
});

describe('a good network', () => {
  it('has the mix out a picture or so after the last of its media, however long it would wait', () => {
    const room = new VirtualRoom({ mixLatencyMs: 500 });
    room.join('host', 'host', { delayUs: 20_000 });
    room.join('guest', 'guest', { delayUs: 40_000 });
    room.run(2_000);
    const lags = (): number[] =>
      room.sent.flatMap(({ unit, atUs }) =>
        unit.kind === 'video' ? [atUs - (unit.pts / 90_000) * 1e6] : [],
      );
    const [relayLag] = lags().slice(-1);
    room.program.setMode('collab');
    room.run(3_000);
    const behindRelay = lags()
      .slice(-60)
      .map((lag) => lag - relayLag!);
    // Two picture durations, and a look at the clock every 7 ms.
    expect(Math.max(...behindRelay)).toBeLessThanOrEqual(74_000);
  });
});

describe('a network that stalls once, out of the blue', () => {
  it('leaves no hole in the sound of a relayed host', () => {
    const room = new VirtualRoom();
    let stalled = false;
    room.join('host', 'host', { jitterUs: () => (stalled ? 250_000 : 0) });
    room.run(1_000);
    stalled = true;
    room.run(50);
    stalled = false;
    room.run(1_000);
    expect(room.mixer.sounds.length).toBeGreaterThan(80);
    expect(room.mixer.sounds.filter(({ missing }) => missing)).toEqual([]);
    expectUnbrokenAudio(room.audio);
  });
});

describe('a network that is late by more than the mix waits at first', () => {
  it('makes the mix wait longer, so that nothing is missing any more', () => {
    const room = new VirtualRoom({ mixLatencyMs: 50 });
    room.join('host', 'host');
    let seed = 7;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    // Most within 50 ms, some after a retransmission.
    const jitterUs = (): number => random() * 50_000 + (random() < 0.05 ? 150_000 : 0);
    room.join('guest', 'guest', { mediaUs: 5_000, jitterUs });
    room.run(3_000);
    room.program.setMode('collab');
    room.run(3_000);
    const settled = room.mixer.sounds.length;
    room.run(10_000);
    expect(room.mixer.sounds.slice(settled).filter(({ missing }) => missing)).toEqual([]);
    expectSoundVideo(room.video, maxStep);
    expectUnbrokenAudio(room.audio);
  });

  it('does not make the mix wait for a guest that has stopped sending', () => {
    const room = new VirtualRoom();
    room.join('host', 'host');
    room.join('guest', 'guest');
    room.run(1_000);
    room.program.setMode('collab');
    room.run(2_000);
    const lag = (): number => room.clock.nowUs() - (room.video.at(-1)!.pts / 90_000) * 1e6;
    const before = lag();
    room.vanish('guest');
    room.run(2_000);
    // The phase of the grid against the look at it.
    expect(lag() - before).toBeLessThanOrEqual(34_000);
    expectSoundVideo(room.video, maxStep);
  });
});

describe("a guest's clock that runs fast", () => {
  it('stays in step with the host for ten minutes', () => {
    const room = new VirtualRoom();
    room.join('host', 'host');
    room.join('guest', 'guest', { driftPpm: 200, mediaUs: 55_000 });
    room.run(1_000);
    room.program.setMode('collab');
    room.run(600_000);
    const [host, guest] = [room.mixer.inputs.get('host')!, room.mixer.inputs.get('guest')!];
    const apart = Math.abs(host.newestPicturePts! - guest.newestPicturePts!);
    expect(apart).toBeLessThanOrEqual(1.5 * picture);
  }, 120_000);
});
