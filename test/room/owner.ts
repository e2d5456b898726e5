/** A main process in small: opens a room process, says its id, and waits to be killed. */
import { defaultProgramSettings } from '../../src/media/program-settings.js';
import { RoomProcess } from '../../src/room/room-process.js';

const room = await RoomProcess.open({ settings: defaultProgramSettings });
process.stdout.write(`${room.pid}\n`);
