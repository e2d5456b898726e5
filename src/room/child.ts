import { Socket } from 'node:net';
import { systemClock } from '../base/clock.js';
import { RoomMedia } from './room-media.js';

/**
 * Entry of a room process. It speaks over the pipe on descriptor 3 and lives no longer than that: when the main
 * process is gone, the pipe closes, and native threads or timers must not keep an orphan alive.
 */
const PIPE_DESCRIPTOR = 3;

const socket = new Socket({ fd: PIPE_DESCRIPTOR, readable: true, writable: true });
// The one place where a process ends by decree: nothing is left that it could do.
// eslint-disable-next-line no-restricted-properties
const exit = (code: number): never => process.exit(code);
const media = new RoomMedia(socket, systemClock);
socket.on('close', () => {
  media.close();
  exit(0);
});
// A terminal's interrupt goes to the whole group; the main process decides when this one ends.
process.on('SIGINT', () => undefined);
