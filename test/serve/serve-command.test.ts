import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Program } from '../peers/program.js';
import { TempDir } from '../peers/temp-dir.js';
import { waitFor } from '../peers/wait-for.js';

const freePorts = ['--http-port', '0', '--rtmp-port', '0', '--rtc-port', '0'];
/** The command is compiled as it is loaded. */
const START_MS = 30_000;

/** From the sources, as developers run it. */
function serve(...args: string[]): Program {
  return Program.start(process.execPath, ['--import', 'tsx', 'bin/dev.js', 'serve', ...args]);
}

function dashboardOf(program: Program): Promise<string> {
  return waitFor('the addresses', () => /Dashboard\s+(http\S+)/.exec(program.stderr)?.[1], {
    timeoutMs: START_MS,
    state: () => program.stderr,
  });
}

describe('anchornet serve', () => {
  it(
    'prints its addresses, answers, ends by Ctrl-C with exit code 0, and leaves them as JSON',
    async () => {
      await using folder = await TempDir.open('serve');
      await using program = serve(...freePorts, '--state', folder.path, '--json');
      const dashboard = await dashboardOf(program);
      expect((await fetch(`${dashboard}healthz`)).status).toBe(200);
      program.signal('SIGINT');
      const { code, stdout } = await program.result();
      expect(code).toBe(0);
      expect(JSON.parse(stdout.toString('utf8'))).toMatchObject({ dashboard });
    },
    2 * START_MS,
  );

  it(
    'makes and prints an admin token beyond loopback, and asks for it',
    async () => {
      await using folder = await TempDir.open('serve');
      await using program = serve(...freePorts, '--state', folder.path, '--host', '0.0.0.0');
      const { origin, hash } = new URL(await dashboardOf(program));
      const token = /^#token=([\w-]{32,})$/.exec(hash)?.[1] ?? '';
      const rooms = (authorization?: string): Promise<Response> =>
        fetch(`${origin}/api/v1/rooms`, authorization === undefined ? {} : { headers: { authorization } });
      expect((await rooms()).status).toBe(401);
      expect((await rooms(`Bearer ${token}x`)).status).toBe(401);
      expect((await rooms(`Bearer ${token}`)).status).toBe(200);
      // All addresses are none that OBS could push to: the one that the caller came by is.
      const admin = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      await fetch(`${origin}/api/v1/rooms`, { method: 'POST', headers: admin, body: '{"name":"Show"}' });
      const keys = await fetch(`${origin}/api/v1/rooms/show/keys`, { headers: admin });
      expect(await keys.json()).toMatchObject({
        rtmpUrl: expect.stringMatching(/^rtmp:\/\/localhost:\d+\/live$/) as unknown,
      });
    },
    2 * START_MS,
  );

  it(
    'names a port that is in use, and a way out, for each of its listeners',
    async () => {
      await using folder = await TempDir.open('serve');
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
      const { port } = taken.address() as AddressInfo;
      try {
        for (const flag of ['--http-port', '--rtmp-port']) {
          const args = freePorts.map((arg, n) => (freePorts[n - 1] === flag ? String(port) : arg));
          const program = serve(...args, '--state', folder.path);
          const { code, stderr } = await program.result();
          expect(code, flag).toBe(5);
          expect(stderr).toContain(`127.0.0.1:${port}`);
          expect(stderr).toMatch(/in use[^]*another/);
        }
      } finally {
        taken.close();
      }
    },
    4 * START_MS,
  );

  it(
    'refuses a host that is no address, as an option error',
    async () => {
      await using folder = await TempDir.open('serve');
      const program = serve(...freePorts, '--state', folder.path, '--host', 'media.example.com');
      const { code, stderr } = await program.result();
      expect(code).toBe(2);
      expect(stderr).toMatch(/host: expected an IP address, got "media\.example\.com"/);
    },
    2 * START_MS,
  );

  it(
    'tells clients of the ICE servers, and refuses one that is none as an option error',
    async () => {
      await using folder = await TempDir.open('serve');
      const turn = ['--ice-server', 'stun:stun.example.net', '--ice-server', 'turn:ada:pw@turn.example.net'];
      await using program = serve(...freePorts, '--state', folder.path, ...turn);
      const me = await fetch(`${await dashboardOf(program)}api/v1/me`);
      expect(await me.json()).toMatchObject({
        iceServers: [
          { urls: 'stun:stun.example.net' },
          { urls: 'turn:turn.example.net', username: 'ada', credential: 'pw' },
        ],
      });
      const { code, stderr } = await serve(...freePorts, '--ice-server', 'turn.example.net').result();
      expect(code).toBe(2);
      expect(stderr).toMatch(/ICE server: expected stun:HOST/);
    },
    3 * START_MS,
  );

  it(
    'refuses the state folder of a server that runs',
    async () => {
      await using folder = await TempDir.open('serve');
      await using first = serve(...freePorts, '--state', folder.path);
      await dashboardOf(first);
      const { code, stderr } = await serve(...freePorts, '--state', folder.path).result();
      expect(code).toBe(7);
      expect(stderr).toContain(`in use by another AnchorNet server (process ${first.pid})`);
    },
    3 * START_MS,
  );

  it(
    'explains itself',
    async () => {
      const { code, stdout } = await serve('--help').result();
      expect(code).toBe(0);
      for (const word of [
        '--demo',
        '--admin-token',
        '--state',
        'ANCHORNET_HTTP_PORT',
        'EXAMPLES',
        'NETWORK',
      ]) {
        expect(stdout.toString('utf8')).toContain(word);
      }
    },
    2 * START_MS,
  );
});
