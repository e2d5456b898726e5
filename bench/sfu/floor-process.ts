/**
 * The floor: encrypts each payload once per viewer with AES-128-GCM under a key of its own and sends the datagram,
 * and does nothing else. It keeps the pace of the clip, a picture every 33 ms: flat out, the receivers' buffers would
 * overflow, and a datagram that the kernel throws away costs much less than one that wakes its receiver.
 */
import { createCipheriv, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';

interface Order {
  readonly host: string;
  readonly ports: readonly number[];
  /** Of the payloads of each picture, in bytes. */
  readonly pictures: readonly (readonly number[])[];
  readonly packets: number;
}

const TAG_BYTES = 16;
const HEADER_BYTES = 12;

process.on('message', (order: Order) => void run(order));
process.on('disconnect', () => process.exit());

async function run({ host, ports, pictures, packets }: Order): Promise<void> {
  const socket = createSocket({ type: 'udp4', lookup: (name, _options, done) => done(null, name, 4) });
  await new Promise<void>((resolve) => socket.bind(0, host, resolve));
  const clip = pictures.map((sizes) => sizes.map((size) => randomBytes(size)));
  const viewers = ports.map((port) => ({ port, key: randomBytes(16), iv: randomBytes(12) }));
  const before = process.cpuUsage();
  const beginMs = performance.now();
  let sent = 0;
  let sequence = 0;
  for (let picture = 0; sent < packets; picture++) {
    for (const payload of clip[picture % clip.length]!) {
      sequence++;
      for (const { port, key, iv } of viewers) {
        const datagram = Buffer.allocUnsafe(HEADER_BYTES + payload.length + TAG_BYTES);
        datagram.fill(0x80, 0, HEADER_BYTES);
        datagram.writeUInt16BE(sequence & 0xffff, 2);
        iv.writeUInt32BE(sequence, 8);
        const cipher = createCipheriv('aes-128-gcm', key, iv);
        cipher.setAAD(datagram.subarray(0, HEADER_BYTES));
        cipher.update(payload).copy(datagram, HEADER_BYTES);
        cipher.final();
        cipher.getAuthTag().copy(datagram, HEADER_BYTES + payload.length);
        socket.send(datagram, port, host);
        sent++;
      }
    }
    const dueMs = beginMs + ((picture + 1) * 1000) / 30;
    await new Promise<void>((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
  }
  const { user, system } = process.cpuUsage(before);
  socket.close();
  process.send?.({ cpuSeconds: (user + system) / 1e6, packets: sent });
}
