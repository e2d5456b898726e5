// Bundles the browser pages of web/ into dist/web. With --watch, again at each change.
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, context } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = `${root}/dist/web`;
const pages = {
  dashboard: 'Dashboard',
  studio: 'Studio',
  join: 'Join',
  watch: 'Watch',
};

const options = {
  absWorkingDir: root,
  entryPoints: Object.keys(pages).map((page) => `web/pages/${page}/main.tsx`),
  outdir: `${out}/assets`,
  outbase: 'web/pages',
  entryNames: '[dir]',
  chunkNames: 'chunk-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  target: ['chrome110', 'firefox115', 'safari16'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  minify: true,
  sourcemap: process.argv.includes('--watch') ? 'inline' : false,
  legalComments: 'none',
  logLevel: 'warning',
  tsconfig: 'web/tsconfig.json',
};

await rm(out, { recursive: true, force: true });
await mkdir(`${out}/assets`, { recursive: true });
await cp(`${root}/web/static`, `${out}/assets`, { recursive: true });
const template = await readFile(`${root}/web/page.html`, 'utf8');
for (const [page, title] of Object.entries(pages)) {
  const html = template.replaceAll('{{page}}', page).replaceAll('{{title}}', title);
  await writeFile(`${out}/${page}.html`, html);
}

if (process.argv.includes('--watch')) await (await context(options)).watch();
else await build(options);
