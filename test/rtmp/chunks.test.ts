import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MalformedMediaError } from '../../src/base/errors.js';
import { ChunkReader } from '../../src/rtmp/chunk-reader.js';
import { ChunkWriter } from '../../src/rtmp/chunk-writer.js';
import { controlMessage, MessageType, type RtmpMessage } from '../../src/rtmp/message.js';

const message = fc.record({
  chunkStreamId: fc.constantFrom(3, 4, 63, 64, 319, 320, 65_599),
  typeId: fc.constantFrom<number>(MessageType.audio, MessageType.video, MessageType.command),
  streamId: fc.constantFrom(0, 1),
  timestamp: fc.oneof(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.integer({ min: 0, max: 100 }),
    fc.integer({ min: 0xfffff0, max: 0x1000010 }),
    fc.integer({ min: 2 ** 32, max: 2 ** 33 }),
  ),
  payload: fc.uint8Array({ maxLength: 700 }).map((bytes) => Buffer.from(bytes)),
});

/** The same message often, its time stepping evenly: what makes short headers. */
const steady = fc
  .tuple(message, fc.integer({ min: 0, max: 40 }), fc.integer({ min: 2, max: 6 }))
  .map(([first, step, count]) =>
    Array.from({ length: count }, (_, i): RtmpMessage => ({
      ...first,
      timestamp: first.timestamp + i * step,
    })),
  );

function pushAll(reader: ChunkReader, bytes: Buffer, pieceBytes: number): RtmpMessage[] {
  const read: RtmpMessage[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes)
    read.push(...reader.push(bytes.subarray(at, at + pieceBytes)));
  return read;
}

const onWire = (sent: RtmpMessage): RtmpMessage => ({ ...sent, timestamp: sent.timestamp % 2 ** 32 });

describe('RTMP chunks', () => {
  test('messages come back whatever the chunk sizes and the pieces the bytes come in', () => {
    const sizes = fc.constantFrom(1, 2, 100, 128, 4096, 60_000);
    const batches = fc.array(fc.tuple(sizes, fc.oneof(steady, fc.array(message, { maxLength: 4 }))), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(batches, fc.integer({ min: 1, max: 500 }), (list, pieceBytes) => {
        const writer = new ChunkWriter();
        const sent = list.flatMap(([size, messages]) => [
          controlMessage(MessageType.setChunkSize, size),
          ...messages,
        ]);
        const bytes = Buffer.concat(sent.flatMap((one) => writer.write(one)));
        expect(pushAll(new ChunkReader(), bytes, pieceBytes)).toEqual(sent.map(onWire));
      }),
    );
  });

  test('all four header types are in use', () => {
    const writer = new ChunkWriter();
    const base: RtmpMessage = {
      chunkStreamId: 6,
      typeId: 9,
      streamId: 1,
      timestamp: 0,
      payload: Buffer.alloc(10),
    };
    const formats = [
      base,
      { ...base, timestamp: 40, payload: Buffer.alloc(11) },
      { ...base, timestamp: 90, payload: Buffer.alloc(11) },
      { ...base, timestamp: 140, payload: Buffer.alloc(11) },
    ].map((one) => (writer.write(one)[0]?.[0] ?? 0) >> 6);
    expect(formats).toEqual([0, 1, 2, 3]);
  });

  test('chunks of several streams may be interleaved in any order', () => {
    const streams = fc.array(
      fc.record({
        payload: fc.uint8Array({ minLength: 1, maxLength: 900 }).map((bytes) => Buffer.from(bytes)),
      }),
      { minLength: 2, maxLength: 8 },
    );
    fc.assert(
      fc.property(streams, fc.infiniteStream(fc.nat(7)), (specs, picks) => {
        const sent = specs.map(({ payload }, i): RtmpMessage => ({
          chunkStreamId: 3 + i,
          typeId: 8,
          streamId: 1,
          timestamp: 2 ** 24 + i,
          payload,
        }));
        // Header and piece of payload belong together.
        const queues = sent.map((one) => {
          const pieces = new ChunkWriter().write(one);
          return pieces.flatMap((piece, i) =>
            i % 2 === 0 ? [Buffer.concat([piece, pieces[i + 1] ?? piece])] : [],
          );
        });
        const bytes: Buffer[] = [];
        while (queues.some((queue) => queue.length > 0)) {
          const filled = queues.filter((queue) => queue.length > 0);
          const chunk = filled[(picks.next().value as number) % filled.length]?.shift();
          if (chunk !== undefined) bytes.push(chunk);
        }
        const read = new ChunkReader().push(Buffer.concat(bytes));
        const order = (a: RtmpMessage, b: RtmpMessage): number => a.chunkStreamId - b.chunkStreamId;
        expect(read.sort(order)).toEqual(sent);
      }),
    );
  });

  test('extended timestamps are read on type 3 chunks that repeat them and on those that do not', () => {
    const payload = Buffer.alloc(300, 0x77);
    const sent: RtmpMessage = { chunkStreamId: 4, typeId: 8, streamId: 1, timestamp: 0x01020304, payload };
    const pieces = new ChunkWriter().write(sent);
    expect(new ChunkReader().push(Buffer.concat(pieces))).toEqual([sent]);
    const without = pieces.map((piece) => (piece.length === 5 ? piece.subarray(0, 1) : piece));
    expect(without.some((piece, i) => piece !== pieces[i])).toBe(true);
    expect(new ChunkReader().push(Buffer.concat(without))).toEqual([sent]);
  });

  test('an aborted message is forgotten, the next one on its chunk stream is read', () => {
    const writer = new ChunkWriter();
    const first: RtmpMessage = {
      chunkStreamId: 5,
      typeId: 9,
      streamId: 1,
      timestamp: 0,
      payload: Buffer.alloc(400),
    };
    const begun = writer.write(first).slice(0, 2);
    const next = { ...first, timestamp: 10, payload: Buffer.from('next') };
    const read = new ChunkReader().push(
      Buffer.concat([...begun, ...writer.write(controlMessage(MessageType.abort, 5)), ...writer.write(next)]),
    );
    expect(read.map(({ typeId }) => typeId)).toEqual([MessageType.abort, 9]);
    expect(read[1]?.payload.toString()).toBe('next');
  });

  test('bounds the length of a message, the number of chunk streams and what is unfinished', () => {
    const huge = Buffer.from([3, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0]);
    expect(() => new ChunkReader().push(huge)).toThrow(/at most 8388608 bytes/);
    const begin = (id: number): Buffer =>
      Buffer.from([id, 0, 0, 0, 0, 1, 0, 9, 1, 0, 0, 0, ...Buffer.alloc(128)]);
    const many = new ChunkReader({ maxChunkStreams: 8 });
    expect(() => many.push(Buffer.concat(Array.from({ length: 9 }, (_, i) => begin(3 + i))))).toThrow(
      /chunk streams/,
    );
    const unfinished = new ChunkReader({ maxPartialBytes: 1000 });
    expect(() => unfinished.push(Buffer.concat(Array.from({ length: 8 }, (_, i) => begin(3 + i))))).toThrow(
      /unfinished/,
    );
  });

  test('throws nothing but MalformedMediaError on any bytes', () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        const reader = new ChunkReader();
        try {
          reader.push(Buffer.from(bytes));
        } catch (error) {
          refused++;
          expect(error).toBeInstanceOf(MalformedMediaError);
        }
      }),
      { numRuns: 1000 },
    );
    expect(refused).toBeGreaterThan(0);
  });
});
