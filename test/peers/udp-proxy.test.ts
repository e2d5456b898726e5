import { createSocket, type Socket } from 'node:dgram';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { UdpProxy, type Impairment } from './udp-proxy.js';
import { waitFor } from './wait-for.js';

const datagrams = 2_000;

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket;
}

/** Sends numbered datagrams through a link and returns the numbers in the order they arrived. */
async function throughLink(impairment: Impairment, seed: number): Promise<number[]> {
  const server = await bound();
  const client = await bound();
  await using proxy = await UdpProxy.open({ serverPort: server.address().port, toServer: impairment, seed });
  const arrived: number[] = [];
  server.on('message', (data) => arrived.push(data.readUInt32BE()));
  for (let i = 0; i < datagrams; i++) {
    const data = Buffer.alloc(100);
    data.writeUInt32BE(i);
    await new Promise<void>((resolve) => client.send(data, proxy.udpPort, '127.0.0.1', () => resolve()));
    // The kernel's buffer is small: it holds what is under way, and no more may be.
    const underWay = (): number => i - arrived.length - proxy.towardsServer.lost;
    if (underWay() > 100) await waitFor('datagrams to arrive', () => underWay() < 50, { intervalMs: 1 });
  }
  await waitFor(
    'all datagrams',
    () =>
      new Set(arrived).size === proxy.towardsServer.passed &&
      proxy.towardsServer.passed + proxy.towardsServer.lost === datagrams,
  );
  server.close();
  client.close();
  return arrived;
}

describe('the bad network', () => {
  it('passes all datagrams in order when nothing is wrong with it', async () => {
    expect(await throughLink({}, 1)).toEqual(Array.from({ length: datagrams }, (_, i) => i));
  });

  it('loses about as many as asked, the same ones for the same seed', async () => {
    const [first, second, other] = [
      await throughLink({ loss: 0.05 }, 7),
      await throughLink({ loss: 0.05 }, 7),
      await throughLink({ loss: 0.05 }, 8),
    ];
    const lost = datagrams - first.length;
    expect(lost).toBeGreaterThan(datagrams * 0.03);
    expect(lost).toBeLessThan(datagrams * 0.07);
    expect(second).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it('keeps the order under jitter, and breaks it only when asked', async () => {
    const jittered = await throughLink({ jitterMs: 20 }, 3);
    expect(jittered).toEqual([...jittered].sort((a, b) => a - b));
    const reordered = await throughLink({ reorder: 0.05, reorderMs: 5 }, 3);
    expect(reordered).toHaveLength(datagrams);
    expect(reordered).not.toEqual([...reordered].sort((a, b) => a - b));
  });

  it('sends damaged copies and forgeries from the clients’ own addresses, beside what it passes on', async () => {
    const server = await bound();
    const client = await bound();
    const arrived: { data: string; port: number }[] = [];
    server.on('message', (data, { port }) => arrived.push({ data: data.toString('latin1'), port }));
    await using proxy = await UdpProxy.open({
      serverPort: server.address().port,
      toServer: { damagedCopy: 1 },
    });
    client.send('genuine', proxy.udpPort, '127.0.0.1');
    await waitFor('both', () => arrived.length === 2);
    expect(arrived[0]?.data).not.toBe('genuine');
    expect(arrived[1]?.data).toBe('genuine');
    proxy.forge(Buffer.from('forged'));
    await waitFor('the forgery', () => arrived.length === 3);
    expect(arrived[2]?.data).toBe('forged');
    expect(new Set(arrived.map(({ port }) => port)).size).toBe(1);
    for (const socket of [server, client]) socket.close();
  });

  it('answers each client apart, and puts itself into SDP answers', async () => {
    const server = await bound();
    server.on('message', (data, from) => server.send(data, from.port, from.address));
    const sdp = [
      ...['v=0', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=candidate:1 1 udp 2130706431 192.0.2.7 5000 typ host'],
      ...[
        'a=candidate:2 1 udp 2130706430 ::1 5000 typ host',
        'a=candidate:3 1 tcp 1 192.0.2.7 5001 typ host tcptype passive',
      ],
      ...[
        'm=video 9 UDP/TLS/RTP/SAVPF 96',
        'a=candidate:1 1 udp 2130706431 192.0.2.7 5000 typ host',
        'a=end-of-candidates',
        '',
      ],
    ].join('\r\n');
    const http = createServer((_, response) => {
      response.writeHead(201, { 'content-type': 'application/sdp', location: '/whip/1' });
      response.end(sdp);
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const httpServer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    await using proxy = await UdpProxy.open({ serverPort: server.address().port, httpServer });
    const clients = [await bound(), await bound()];
    const answers: string[] = [];
    clients.forEach((client, i) => {
      client.on('message', (data) => answers.push(`${i}:${data.toString()}`));
      client.send(`from ${i}`, proxy.udpPort, '127.0.0.1');
    });
    await waitFor('both answers', () => answers.length === 2);
    expect(answers.sort()).toEqual(['0:from 0', '1:from 1']);
    const response = await fetch(`${proxy.httpUrl}/whip`, { method: 'POST', body: 'offer' });
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe('/whip/1');
    const candidates = (await response.text()).split('\r\n').filter((line) => line.startsWith('a=candidate'));
    expect(candidates).toEqual(
      Array(2).fill(`a=candidate:1 1 udp 2130706431 127.0.0.1 ${proxy.udpPort} typ host`),
    );
    for (const socket of [server, ...clients]) socket.close();
    http.closeAllConnections();
    http.close();
  });
});
