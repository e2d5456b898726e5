import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { forkModule } from '../base/child-module.js';
import { systemClock } from '../base/clock.js';
import { InternalError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { HEARD_INTERVAL_US } from '../program/backlog.js';
import { Liveness } from './liveness.js';
import type { FromRoom, ToRoom } from './protocol.js';
import { UnitPipe } from './unit-pipe.js';

export interface RoomChildOptions {
  readonly logger: Logger;
  readonly onMessage: (message: FromRoom) => void;
  /** It crashed, hung, or was killed. Called once, and not after {@link RoomChild.stop}. */
  readonly onLost: (reason: string) => void;
}

/** Loading libav and its addon on a busy machine. */
const START_TIMEOUT_MS = 30_000;
/** Figures come every second; a turn of the media loop takes tens of milliseconds where the processor is free. */
const HANG_TIMEOUT_MS = 5_000;
const STOP_TIMEOUT_MS = 2_000;

/** One media process from its start to its end, and the pipe to it. What is sent before it is ready waits in there. */
export class RoomChild {
  readonly startedUs = systemClock.nowUs();
  readonly #options: RoomChildOptions;
  readonly #child: ChildProcess;
  readonly #pipe: UnitPipe<ToRoom, FromRoom>;
  readonly #exited: Promise<void>;
  readonly #heardTimer: NodeJS.Timeout;
  #liveness: Liveness;
  #isReady = false;
  #isOver = false;

  /** @throws InternalError when there is no pipe */
  constructor(options: RoomChildOptions) {
    this.#options = options;
    this.#child = forkModule(new URL('./child.js', import.meta.url), [], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'ipc'],
    });
    const stream = this.#child.stdio[3] as Duplex | null | undefined;
    if (stream === null || stream === undefined) throw new InternalError('the room process has no pipe');
    this.#exited = new Promise<void>((resolve) => this.#child.once('close', () => resolve()));
    this.#pipe = new UnitPipe<ToRoom, FromRoom>(stream, {
      onMessage: (message) => this.#receive(message),
      onBroken: (error) => options.logger.debug({ err: error }, 'room pipe'),
    });
    this.send({ type: 'heard', untilUs: this.startedUs });
    this.#heardTimer = setInterval(() => this.#sayHeard(), HEARD_INTERVAL_US / 1_000);
    this.#liveness = this.#watch(START_TIMEOUT_MS, 'no answer');
    this.#child.once('error', (error) => this.#lost(error.message));
    this.#child.once('exit', (code, signal) => this.#lost(signal ?? `exit code ${code ?? 'unknown'}`));
  }

  /** The operating system's id, for measurements. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Units that it was too slow to take. */
  get droppedUnits(): number {
    return this.#pipe.droppedUnits;
  }

  send(message: ToRoom): void {
    this.#pipe.send(message);
  }

  kill(reason: string): void {
    this.#child.kill('SIGKILL');
    this.#lost(reason);
  }

  /** Lets it finish, by force when it does not within two seconds. */
  async stop(): Promise<void> {
    this.#endWatch();
    this.#pipe.send({ type: 'stop' });
    this.#pipe.end();
    const force = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(force);
  }

  #receive(message: FromRoom): void {
    // Whatever it says is a sign of life.
    this.#liveness.heard();
    if (this.#isOver) return;
    if (message.type === 'ready' && !this.#isReady) {
      this.#isReady = true;
      this.#liveness.stop();
      this.#liveness = this.#watch(HANG_TIMEOUT_MS, 'no sign of life');
    }
    this.#options.onMessage(message);
  }

  #watch(timeoutMs: number, reason: string): Liveness {
    return new Liveness({ timeoutMs, onSilent: () => this.kill(reason) });
  }

  /** Before saying so, what waits at this process's own sockets is read. */
  #sayHeard(): void {
    const untilUs = systemClock.nowUs();
    setImmediate(() => this.send({ type: 'heard', untilUs }));
  }

  #lost(reason: string): void {
    if (this.#isOver) return;
    this.#endWatch();
    this.#options.onLost(reason);
  }

  #endWatch(): void {
    this.#isOver = true;
    this.#liveness.stop();
    clearInterval(this.#heardTimer);
  }
}
