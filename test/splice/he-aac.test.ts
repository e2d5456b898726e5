/** AAC-LC and HE-AAC in one program. What is HE-AAC cannot be passed through, so it is encoded anew at its full rate. */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildAsc, parseAsc } from '../../src/codec/aac/asc.js';
import { parseRawDataBlock } from '../../src/codec/aac/raw-data-block.js';
import { flvFileHeader, serialiseTag, TagType } from '../../src/container/flv/tag.js';
import { splice } from '../../src/splice/offline.js';
import { TempDir } from '../peers/temp-dir.js';
import { bitsOf, bytesOf } from './bit-text.js';
import { encodeSource } from './rig.js';

const voice = fileURLToPath(new URL('../../samples/voice.m4a', import.meta.url));
const CORE_RATE = 24_000;
const SECONDS = 3;
const FREQUENCY = 440;
const AMPLITUDE = 0.4;
/** Of both codings together; a piece that is silent, at half its rate or not resampled is far off. */
const AMPLITUDE_TOLERANCE = 0.04;
/** A fill element of band replication without a header: decoders go on raising the rate (ISO/IEC 14496-3 §4.6.18). */
const BAND_REPLICATION = '110 0010 1101 0 00000000000';
/** Object type 5, core at 24 kHz, two channels, output at 48 kHz, core of object type 2 (§1.6.2.1). */
const EXPLICIT = bytesOf('00101 0110 0010 0011 00010 000');

let dir: TempDir;
beforeAll(async () => {
  dir = await TempDir.open('he-aac');
});
afterAll(() => dir.close());

/** A tone at half the rate it is heard at, as HE-AAC's core has it; signalled by its header or by its units. */
async function heAac(name: string, signalling: 'explicit' | 'implicit'): Promise<string> {
  const tone = Float32Array.from(
    { length: SECONDS * CORE_RATE },
    (_, n) => AMPLITUDE * Math.sin((2 * Math.PI * FREQUENCY * n) / CORE_RATE),
  );
  const coding = { encoder: 'libfdk_aac', bitrateBps: 64_000, sampleRate: CORE_RATE } as const;
  const { units } = encodeSource([tone, tone], coding);
  const plain = buildAsc({ sampleRate: CORE_RATE, channels: 2 });
  const bodies = units.map(({ data }) => {
    const { bitLength } = parseRawDataBlock(data, parseAsc(plain));
    const elements = bitsOf(data).slice(0, bitLength - 3);
    return signalling === 'explicit' ? data : bytesOf(`${elements} ${BAND_REPLICATION} 111`);
  });
  const tag = (timestampMs: number, body: Buffer): Buffer =>
    serialiseTag({ type: TagType.audio, timestampMs, isSequenceHeader: false, body });
  const header = tag(
    0,
    Buffer.concat([Buffer.from([0xaf, 0]), signalling === 'explicit' ? EXPLICIT : plain]),
  );
  const frames = bodies.map((body, i) =>
    tag(Math.round((i * 1024_000) / CORE_RATE), Buffer.concat([Buffer.from([0xaf, 1]), body])),
  );
  const path = dir.file(name);
  await writeFile(path, Buffer.concat([flvFileHeader({ audio: true, video: false }), header, ...frames]));
  return path;
}

interface Decoded {
  readonly samples: Float32Array;
  readonly sampleRate: number;
}

function decoded(path: string): Decoded {
  const probed = execFileSync(
    'ffprobe',
    ['-v', 'error', '-show_entries', 'stream=sample_rate', '-of', 'csv=p=0', path],
    { encoding: 'utf8' },
  );
  // An error of the decoder ends it with another code.
  const pcm = execFileSync(
    'ffmpeg',
    ['-v', 'error', '-xerror', '-i', path, '-af', 'pan=mono|c0=c0', '-f', 'f32le', '-'],
    {
      maxBuffer: 2 ** 24,
    },
  );
  return {
    samples: new Float32Array(pcm.buffer.slice(pcm.byteOffset, pcm.byteOffset + pcm.length)),
    sampleRate: Number(probed),
  };
}

/** Of the tone, in half a second. */
function amplitudeAt({ samples, sampleRate }: Decoded, seconds: number): number {
  const [from, count] = [Math.round(seconds * sampleRate), sampleRate / 2];
  let [re, im] = [0, 0];
  for (let n = 0; n < count; n++) {
    const phase = (2 * Math.PI * FREQUENCY * n) / sampleRate;
    re += samples[from + n]! * Math.cos(phase);
    im += samples[from + n]! * Math.sin(phase);
  }
  return (2 * Math.hypot(re, im)) / count;
}

describe.each(['explicit', 'implicit'] as const)('HE-AAC whose signalling is %s', (signalling) => {
  test('after AAC-LC takes its rate, and the table says so', async () => {
    const second = await heAac(`${signalling}-second.flv`, signalling);
    const output = dir.file(`${signalling}-second.m4a`);
    const result = await splice({ pieces: [{ path: voice, out: { seconds: 2 } }, { path: second }], output });
    expect(result.pieces.map(({ notes }) => notes)).toEqual([[], ['its sound is HE-AAC']]);
    expect(result.pieces[0]!.passedFrames).toBeGreaterThan(80);
    expect(result.pieces[1]!.passedFrames).toBe(0);
    const sound = decoded(output);
    expect(sound.sampleRate).toBe(48_000);
    expect(amplitudeAt(sound, 3)).toBeGreaterThan(AMPLITUDE - AMPLITUDE_TOLERANCE);
    expect(amplitudeAt(sound, 3)).toBeLessThan(AMPLITUDE + AMPLITUDE_TOLERANCE);
  });

  test('before AAC-LC decides by the rate it is heard at', async () => {
    const first = await heAac(`${signalling}-first.flv`, signalling);
    const output = dir.file(`${signalling}-first.m4a`);
    const result = await splice({
      pieces: [
        { path: first, out: { seconds: 2 } },
        { path: voice, out: { seconds: 2 } },
      ],
      output,
    });
    expect(result.pieces[0]!.notes).toEqual(['its sound is HE-AAC']);
    expect(result.pieces[0]!.passedFrames).toBe(0);
    const sound = decoded(output);
    expect(sound.sampleRate).toBe(48_000);
    expect(amplitudeAt(sound, 1)).toBeGreaterThan(AMPLITUDE - AMPLITUDE_TOLERANCE);
    expect(amplitudeAt(sound, 1)).toBeLessThan(AMPLITUDE + AMPLITUDE_TOLERANCE);
  });
});
