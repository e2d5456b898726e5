import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedMediaError } from '../../src/base/errors.js';
import type { AccessUnit, AudioUnit } from '../../src/media/access-unit.js';
import { encodeFrame, FrameReader } from '../../src/room/frame.js';
import type { ToRoom } from '../../src/room/protocol.js';
import { UnitPipe } from '../../src/room/unit-pipe.js';
import { MessageReader, MessageWriter } from '../../src/room/wire.js';
import { hostConfig, mixConfig, opusFrame, picture } from '../program/fake-media.js';

type UnitMessage = ToRoom & { type: 'unit' };

const anyUnit: fc.Arbitrary<AccessUnit> = fc.oneof(
  fc
    .record({
      pts: fc.integer({ min: 0, max: 2 ** 50 }),
      config: fc.constantFrom(hostConfig, mixConfig),
      data: fc.uint8Array({ maxLength: 300 }),
      isIdr: fc.boolean(),
    })
    .map(({ data, ...rest }) => ({
      kind: 'video' as const,
      dts: rest.pts,
      ...rest,
      data: Buffer.from(data),
    })),
  fc.integer().map((pts): AudioUnit => opusFrame(pts)),
);

function readAll(bytes: Buffer, cuts: readonly number[]): ToRoom[] {
  const frames = new FrameReader();
  const messages = new MessageReader<ToRoom>();
  const out: ToRoom[] = [];
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  places.slice(1).forEach((end, i) => {
    for (const frame of frames.push(bytes.subarray(places[i], end))) {
      const message = messages.decode(frame);
      if (message !== undefined) out.push(message);
    }
  });
  return out;
}

describe('messages over the pipe', () => {
  it('come out as they went in, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(anyUnit, { maxLength: 20 }),
        fc.array(fc.nat(), { maxLength: 10 }),
        (units, cuts) => {
          const messages = units.map((unit, i): UnitMessage => ({
            type: 'unit',
            id: 'a',
            unit,
            arrivalUs: i,
          }));
          const writer = new MessageWriter();
          const bytes = Buffer.concat(messages.flatMap((message) => writer.encode(message)));
          expect(readAll(bytes, cuts)).toEqual(messages);
        },
      ),
    );
  });

  it('share one configuration object until it changes', () => {
    const writer = new MessageWriter();
    const units = [picture({ pts: 0 }), picture({ pts: 1 }), picture({ pts: 2, config: mixConfig })];
    const bytes = units.flatMap((unit) =>
      writer.encode({ type: 'unit', id: 'a', unit, arrivalUs: 0 } as ToRoom),
    );
    const [first, second, third] = readAll(Buffer.concat(bytes), []) as UnitMessage[];
    expect(first!.unit.config).toBe(second!.unit.config);
    expect(third!.unit.config).toEqual(mixConfig);
  });

  it('survive more configurations than are remembered', () => {
    const writer = new MessageWriter();
    const units = Array.from({ length: 400 }, (_, i) => {
      const config = { ...hostConfig, avcc: Buffer.from([i >> 8, i & 255]) };
      return picture({ pts: i, config: i % 3 === 0 ? hostConfig : config });
    });
    const bytes = units.flatMap((unit) =>
      writer.encode({ type: 'unit', id: 'a', unit, arrivalUs: 0 } as ToRoom),
    );
    expect((readAll(Buffer.concat(bytes), []) as UnitMessage[]).map(({ unit }) => unit)).toEqual(units);
  });

  it('that contradict themselves are refused', () => {
    const bytes = Buffer.concat(encodeFrame({ type: 'x' }));
    bytes.writeUInt32BE(bytes.length, 4);
    expect(() => new FrameReader().push(bytes)).toThrow(MalformedMediaError);
    const lost = Buffer.concat(
      encodeFrame({ type: 'unit', unit: { kind: 'video', config: 7 } }, Buffer.alloc(3)),
    );
    expect(() => readAll(lost, [])).toThrow(MalformedMediaError);
  });
});

/** A stream whose other end takes nothing until it is released. */
class StuckStream extends Duplex {
  readonly written: Buffer[] = [];
  #release: (() => void)[] = [];
  #open = false;

  constructor() {
    // Node's default differs between versions; below the pipe's own limit there is always a 'drain' to wait for.
    super({ writableHighWaterMark: 16 * 1024 });
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk);
    if (this.#open) done();
    else this.#release.push(done);
  }

  override _read(): void {
    return undefined;
  }

  release(): void {
    this.#open = true;
    for (const done of this.#release.splice(0)) done();
  }
}

describe('a pipe whose other end does not read', () => {
  it('keeps its queue bounded, drops to the next IDR, and still delivers what is no unit', async () => {
    const stream = new StuckStream();
    const maxQueuedBytes = 50_000;
    const pipe = new UnitPipe<ToRoom, ToRoom>(stream, {
      onMessage: () => undefined,
      onBroken: () => undefined,
      maxQueuedBytes,
    });
    const send = (pts: number, isIdr: boolean): void => {
      const unit = { ...picture({ pts, type: isIdr ? 'I' : 'P' }), data: Buffer.alloc(1_000) };
      pipe.send({ type: 'unit', id: 'host', unit, arrivalUs: pts });
    };
    for (let i = 0; i < 1_000; i++) send(i, i === 0);
    expect(stream.writableLength).toBeLessThan(maxQueuedBytes + 2_000);
    expect(pipe.droppedUnits).toBeGreaterThan(900);
    pipe.send({ type: 'set-mode', mode: 'collab' });
    const drained = new Promise((resolve) => stream.once('drain', resolve));
    stream.release();
    await drained;
    const dropped = pipe.droppedUnits;
    send(1_000, false);
    expect(pipe.droppedUnits).toBe(dropped + 1);
    send(1_001, true);
    send(1_002, false);
    expect(pipe.droppedUnits).toBe(dropped + 1);
    const got = readAll(Buffer.concat(stream.written), []);
    expect(got.some(({ type }) => type === 'set-mode')).toBe(true);
    const times = got.flatMap((message) => (message.type === 'unit' ? [message.arrivalUs] : []));
    expect(times.slice(-2)).toEqual([1_001, 1_002]);
    expect(times.slice(0, -2)).toEqual(times.slice(0, -2).map((_, i) => i));
  });
});
