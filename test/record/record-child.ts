/** Records a clip over and over, as fast as the disk takes it, until killed or stopped by an error. */
import { Recorder } from '../../src/record/recorder.js';
import { concatenate, later, readUnits } from '../container/mp4-media.js';

const [clip = '', path = '', paceMs = '0'] = process.argv.slice(2);
const ROUNDS = 20;
const once = await readUnits(clip);
const units = concatenate(Array<typeof once>(ROUNDS).fill(once));
const recorder = await Recorder.open({ path, fragmentMs: 200 });
// A file-size limit is also a signal; without a listener it would end the process instead of failing the write.
process.on('SIGXFSZ', () => undefined);
let stopped = false;
recorder.on('stopped', ({ error }) => {
  stopped = true;
  process.send?.({ stopped: error?.code ?? 'none', message: error?.message });
});
let count = 0;
for (let round = 0; !stopped && round < 10_000; round++) {
  for (const unit of units) {
    recorder.write(later(unit, round * ROUNDS * 3_000));
    if (++count % 50 === 0) {
      await new Promise((resolve) => setTimeout(resolve, Number(paceMs)));
      process.send?.({ bytes: recorder.stats.bytes, durationMs: recorder.stats.durationMs });
    }
  }
}
process.exit(0);
