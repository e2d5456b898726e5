import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { RtcClient } from '../../src/webrtc/rtc-client.js';
import type { RtcConnection } from '../../src/webrtc/rtc-connection.js';
import { WebRtcServer } from '../../src/webrtc/webrtc-server.js';
import type { Usage } from './usage.js';

const JANUS = '/usr/bin/janus';
const ROOM = 1;
/** USER_HZ: what /proc counts CPU time in. */
const TICKS_PER_SECOND = 100;

interface Message {
  readonly janus: string;
  readonly data?: { readonly id: number };
  readonly jsep?: { readonly type: string; readonly sdp: string };
  readonly plugindata?: { readonly data: Record<string, unknown> };
}

interface MeasureOptions {
  readonly viewers: number;
  readonly seconds: number;
  readonly broadcast: (client: RtcClient) => () => void;
}

/** Debian's Janus with one videoroom, fed and watched by the same peers as the SFU. */
export class JanusRoom {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #url: string;

  private constructor(process: ChildProcess, folder: string, url: string) {
    this.#process = process;
    this.#folder = folder;
    this.#url = url;
  }

  static get isInstalled(): boolean {
    return existsSync(JANUS) && externalAddress() !== undefined;
  }

  static async measure({ viewers, seconds, broadcast }: MeasureOptions): Promise<Usage> {
    const room = await JanusRoom.#open();
    const host = externalAddress()!;
    // Janus offers to its viewers, so the viewers answer: they are connections of a server.
    const webrtc = await WebRtcServer.open({ host });
    const shim = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const sdp = Buffer.concat(chunks).toString();
        if (request.method !== 'POST') return response.end();
        return void room.#publish(sdp).then((answer) => {
          response.writeHead(201, { 'content-type': 'application/sdp', location: '/session' });
          response.end(answer);
        });
      });
    });
    await new Promise<void>((resolve) => shim.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(shim.address() as AddressInfo).port}/whip`;
    const publisher = await RtcClient.publish({ url, host, timeoutMs: 30_000 });
    let stop = broadcast(publisher);
    try {
      const connections: RtcConnection[] = [];
      for (let i = 0; i < viewers; i++) connections.push(await room.#watch(webrtc));
      stop();
      stop = broadcast(publisher);
      await pause(2_000);
      const count = (): number => connections.reduce((sum, each) => sum + each.stats().packetsReceived, 0);
      const before = { cpu: room.#cpuSeconds(), packets: count() };
      await pause(seconds * 1_000);
      return { cpuSeconds: room.#cpuSeconds() - before.cpu, packets: count() - before.packets };
    } finally {
      stop();
      await publisher.close();
      await webrtc.close();
      shim.close();
      await room.#close();
    }
  }

  static async #open(): Promise<JanusRoom> {
    const folder = mkdtempSync(join(tmpdir(), 'anchornet-janus-'));
    const port = await freePort();
    const others = ['websockets', 'mqtt', 'nanomsg', 'pfunix', 'rabbitmq'].map(
      (name) => `libjanus_${name}.so`,
    );
    writeFileSync(
      join(folder, 'janus.jcfg'),
      `general: { debug_level = 2; session_timeout = 0; configs_folder = "${folder}" }
       nat: { ice_enforce_list = "${externalAddress()}"; ignore_mdns = true }
       transports: { disable = "${others.join(',')}" }
       events: { broadcast = false }`,
    );
    writeFileSync(
      join(folder, 'janus.transport.http.jcfg'),
      `general: { json = "compact"; base_path = "/janus"; http = true; port = ${port}; ip = "127.0.0.1"; https = false }
       admin: { admin_http = false }`,
    );
    const rooms = `room-${ROOM}: { publishers = 1; videocodec = "h264"; audiocodec = "opus"; bitrate = 0; notify_joining = false }`;
    writeFileSync(join(folder, 'janus.plugin.videoroom.jcfg'), rooms);
    const child = spawn(JANUS, ['-F', folder, '-C', join(folder, 'janus.jcfg')], { stdio: 'ignore' });
    const room = new JanusRoom(child, folder, `http://127.0.0.1:${port}/janus`);
    for (let tries = 0; ; tries++) {
      const answer = await fetch(`${room.#url}/info`).catch(() => undefined);
      if (answer?.ok) return room;
      if (tries > 100 || child.exitCode !== null) throw new Error('Janus did not start');
      await pause(100);
    }
  }

  async #publish(sdp: string): Promise<string> {
    const handle = await this.#attach();
    const body = { request: 'joinandconfigure', ptype: 'publisher', room: ROOM, id: 1 };
    const event = await this.#ask(handle, body, { type: 'offer', sdp });
    return event.jsep!.sdp;
  }

  async #watch(webrtc: WebRtcServer): Promise<RtcConnection> {
    const handle = await this.#attach();
    const body = { request: 'join', ptype: 'subscriber', room: ROOM, streams: [{ feed: 1 }] };
    const offer = await this.#ask(handle, body);
    const { answerSdp, connection } = await webrtc.answer(offer.jsep!.sdp, { direction: 'receive' });
    const connected = once(connection, 'connected');
    await this.#ask(handle, { request: 'start' }, { type: 'answer', sdp: answerSdp });
    await connected;
    return connection;
  }

  /** A session of its own for each handle, so that events need no sorting. */
  async #attach(): Promise<{ session: string; handle: string }> {
    const created = await this.#post(this.#url, { janus: 'create' });
    const session = `${this.#url}/${created.data!.id}`;
    const attached = await this.#post(session, { janus: 'attach', plugin: 'janus.plugin.videoroom' });
    return { session, handle: `${session}/${attached.data!.id}` };
  }

  async #ask(
    { session, handle }: { session: string; handle: string },
    body: object,
    jsep?: { type: string; sdp: string },
  ): Promise<Message> {
    await this.#post(handle, { janus: 'message', body, ...(jsep && { jsep }) });
    for (;;) {
      const event = (await (await fetch(session)).json()) as Message;
      if (event.janus !== 'event') continue;
      if (event.plugindata?.data.error !== undefined) throw new Error(JSON.stringify(event.plugindata.data));
      return event;
    }
  }

  async #post(url: string, message: object): Promise<Message> {
    const body = JSON.stringify({ ...message, transaction: 'bench' });
    const answer = await fetch(url, { method: 'POST', body });
    return (await answer.json()) as Message;
  }

  #cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.#process.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  async #close(): Promise<void> {
    if (this.#process.exitCode === null) {
      this.#process.kill('SIGKILL');
      await once(this.#process, 'exit');
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Janus leaves the loopback interface alone. */
function externalAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === 'IPv4' && !each.internal)?.address;
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
