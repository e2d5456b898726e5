// One analysis by the built program, in a process of its own so that its memory can be told; for speed.ts.
import { parseArgs } from 'node:util';
import { analyseCapture } from '../../dist/src/glitch/analyse-capture.js';
import { openCapture } from '../../dist/src/glitch/capture/open.js';
import { withSoundFormat } from '../../dist/src/glitch/capture/sound-format.js';
import { ReferenceCheck } from '../../dist/src/glitch/reference/reference-check.js';

const { values } = parseArgs({
  options: {
    file: { type: 'string' },
    reference: { type: 'string' },
    pictures: { type: 'boolean', default: false },
  },
});

const before = process.cpuUsage();
const { capture, format } = await withSoundFormat(await openCapture(values.file));
const check =
  values.reference === undefined ? undefined : await ReferenceCheck.open(values.reference, format);
let findings = 0;
// Not the kernel's own peak: a child's begins with what its parent had.
let peakBytes = 0;
const { durationMs } = await analyseCapture(capture, {
  pictures: values.pictures,
  more: check && ((report) => check.detectors(report)),
  onFinding: () => findings++,
  onProgress: () => (peakBytes = Math.max(peakBytes, process.memoryUsage.rss())),
});
await capture.close();
await check?.close();
const { user, system } = process.cpuUsage(before);
const seconds = (user + system) / 1e6;
process.stdout.write(
  `${(durationMs / 1000 / seconds).toFixed(1)} × real time (${seconds.toFixed(2)} s of CPU for ` +
    `${(durationMs / 1000).toFixed(0)} s), peak RSS ${(peakBytes / 1e6).toFixed(0)} MB, ${findings} findings\n`,
);
