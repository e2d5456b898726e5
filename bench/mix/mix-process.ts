/** Mixes the files given with the product's own offline mix and prints the CPU seconds it took, start-up left out. */
import type * as Settings from '../../src/media/program-settings.js';
import type * as OfflineMix from '../../src/mix/offline-mix.js';

// As it is built: a loader for TypeScript in the same process would be measured with it.
const built = (module: string): string => new URL(`../../dist/src/${module}`, import.meta.url).href;
const { defaultProgramSettings } = (await import(built('media/program-settings.js'))) as typeof Settings;
const { mixOffline } = (await import(built('mix/offline-mix.js'))) as typeof OfflineMix;

const [outputPath = '', ...paths] = process.argv.slice(2);
const before = process.cpuUsage();
await mixOffline(
  {
    inputs: paths.map((path, i) => ({ path, name: `input ${i}`, startMs: 0 })),
    settings: { ...defaultProgramSettings, layout: 'grid', labels: false },
    outputPath,
  },
  { progress: () => undefined, cancelled: () => false },
);
const { user, system } = process.cpuUsage(before);
process.stdout.write(`${(user + system) / 1e6}\n`);
