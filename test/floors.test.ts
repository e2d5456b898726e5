import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorLeaves } from './peers/error-leaves.js';
import { importsOf, projectRoot, sourceFiles } from './peers/imports.js';

/** Folder → floor. Imports only go down; within floor F4 not even sideways, but for the chains below. */
const floors: Readonly<Record<string, number>> = {
  'src/base': 0,
  'src/media': 1,
  'src/signal': 1,
  'src/container': 2,
  'src/codec': 2,
  'src/rtp': 2,
  'src/webrtc': 3,
  'src/libav': 3,
  'src/ffmpeg': 3,
  'src/rtmp': 3,
  'src/sfu': 4,
  'src/mix': 4,
  'src/splice': 4,
  'src/program': 4,
  'src/room': 4,
  'src/publish': 4,
  'src/origin': 4,
  'src/record': 4,
  'src/glitch': 4,
  'src/serve': 5,
  'src/demo': 5,
  'src/lab': 5,
  commands: 6,
};
const featureFloor = 4;

/** Features that may import the ones after them. */
const chains = [['src/room', 'src/program', 'src/mix', 'src/splice']];

/** Packages that one folder alone may import. */
const soleImporters: Readonly<Record<string, string>> = {
  werift: 'src/webrtc',
  'node-av': 'src/libav',
  '@ffmpeg-installer/ffmpeg': 'src/ffmpeg',
};

/** Folders with a reason to start child processes: the ffmpeg program, and room and offline processes of our own. */
const spawners = ['src/ffmpeg', 'src/base/child-module.ts'];

function folderOf(path: string): string {
  const folder = Object.keys(floors).find((name) => path.startsWith(`${name}/`));
  if (folder === undefined) throw new Error(`${path} is on no floor: give its folder one in this test`);
  return folder;
}

function mayImport(from: string, to: string): boolean {
  if (from === to) return true;
  const [fromFloor = 0, toFloor = 0] = [floors[from], floors[to]];
  if (toFloor < fromFloor) return true;
  if (fromFloor === toFloor && fromFloor === featureFloor) {
    return chains.some((chain) => chain.includes(from) && chain.indexOf(to) > chain.indexOf(from));
  }
  // Protocols and parsers of one floor may use each other; so may the parts of the running system.
  return fromFloor === toFloor;
}

describe('the floors', () => {
  const files = [...sourceFiles('src'), ...sourceFiles('commands')];

  it('are all read', () => {
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) folderOf(file);
  });

  it('let imports only go down', () => {
    const climbs: string[] = [];
    for (const file of files) {
      for (const { specifier } of importsOf(file).filter(({ specifier }) => specifier.startsWith('.'))) {
        const target = relative(projectRoot, join(projectRoot, dirname(file), specifier));
        if (!target.startsWith('src/') && !target.startsWith('commands/')) {
          climbs.push(`${file} imports ${target}, which is no source`);
        } else if (!mayImport(folderOf(file), folderOf(target))) climbs.push(`${file} imports ${target}`);
      }
    }
    expect(climbs).toEqual([]);
  });

  it('would notice an import that goes up or sideways', () => {
    expect(mayImport('src/media', 'src/rtp')).toBe(false);
    expect(mayImport('src/record', 'src/publish')).toBe(false);
    expect(mayImport('src/mix', 'src/program')).toBe(false);
    expect(mayImport('src/program', 'src/mix')).toBe(true);
    expect(mayImport('src/serve', 'src/sfu')).toBe(true);
  });

  it('keep each heavy library behind one folder', () => {
    const strays: string[] = [];
    for (const file of files) {
      for (const { specifier } of importsOf(file)) {
        const name = specifier
          .split('/')
          .slice(0, specifier.startsWith('@') ? 2 : 1)
          .join('/');
        const owner = soleImporters[name];
        if (owner !== undefined && !file.startsWith(`${owner}/`)) strays.push(`${file} imports ${name}`);
      }
    }
    expect(strays).toEqual([]);
  });

  it('start child processes only where there is a reason to', () => {
    const strays = files.filter(
      (file) =>
        !spawners.some((owner) => file.startsWith(owner)) &&
        importsOf(file).some(
          ({ specifier, typeOnly }) => !typeOnly && /^(node:)?child_process$/.test(specifier),
        ),
    );
    expect(strays).toEqual([]);
  });

  it('keep the terminal out of src', () => {
    const terminal = /^(@oclif\/|oclif$|chalk$|cli-progress$|cli-table3$)/;
    const strays: string[] = [];
    for (const file of sourceFiles('src')) {
      // The entry of a child process: its arguments and its exit are its interface to its parent.
      if (file.endsWith('/child.ts')) continue;
      if (importsOf(file).some(({ specifier }) => terminal.test(specifier)))
        strays.push(`${file} imports a terminal library`);
      if (/\bconsole\.|\bprocess\.(argv|exit\()/.test(withoutComments(file)))
        strays.push(`${file} uses the terminal or the process`);
    }
    expect(strays).toEqual([]);
  });
});

describe('the exit codes', () => {
  const leaves = errorLeaves();

  it('differ from one kind of error to the next', () => {
    expect(leaves.length).toBeGreaterThanOrEqual(8);
    expect(new Set(leaves.map(({ exitCode }) => exitCode)).size).toBe(leaves.length);
    expect(new Set(leaves.map(({ code }) => code)).size).toBe(leaves.length);
  });

  it('are in the README as they are in the source', () => {
    const readme = readFileSync(join(projectRoot, 'README.md'), 'utf8');
    const documented = [...readme.matchAll(/^\| (\d+) +\| `([A-Z_]+)` +\|/gm)].map(([, exitCode, code]) => ({
      code,
      exitCode: Number(exitCode),
    }));
    const byCode = (a: { exitCode: number }, b: { exitCode: number }): number => a.exitCode - b.exitCode;
    expect(documented.sort(byCode)).toEqual([...leaves].sort(byCode));
  });
});

function withoutComments(file: string): string {
  return readFileSync(join(projectRoot, file), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '');
}
