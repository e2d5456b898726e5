#!/usr/bin/env node
// Makes a clone ready to run: installs the npm dependencies when they are missing or older than the lock, builds when
// the output is older than the sources and, with --test-tools, sees to the outside programs that the tests use as
// peers. Runs on plain Node, before any dependency is there. Says what it does on stderr, and nothing when there is
// nothing to do.
//
//   node scripts/prepare.mjs [--build] [--test-tools]
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const wanted = new Set(process.argv.slice(2));

/** Outside programs of the tests: what shows that one is there, and the Debian packages that bring it. */
const testTools = [
  { name: 'Chromium', found: () => onPath('chromium'), packages: ['chromium'] },
  { name: 'ffmpeg and ffprobe', found: () => onPath('ffmpeg') && onPath('ffprobe'), packages: ['ffmpeg'] },
  {
    name: 'nginx with its rtmp module',
    found: () => onPath('nginx') && existsSync('/usr/lib/nginx/modules/ngx_rtmp_module.so'),
    packages: ['nginx', 'libnginx-mod-rtmp'],
  },
];

checkNode();
installDependencies();
if (wanted.has('--build')) build();
if (wanted.has('--test-tools')) installTestTools();

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  say(`Node ${process.versions.node} is too old: AnchorNet needs 20.19 or newer.`);
  process.exit(1);
}

function installDependencies() {
  const lock = digest([join(root, 'package-lock.json'), join(root, 'package.json')]);
  const stamp = join(root, 'node_modules', '.anchornet-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  // An install that was made by hand, from the very lock, is as good as ours.
  if (existsSync(stamp) || !installedMatchesLock()) {
    say('Installing npm dependencies …');
    // node-av's own download of the ffmpeg program is not used here.
    run('npm', ['ci', '--no-audit', '--no-fund'], { ...process.env, SKIP_FFMPEG: 'true' });
  }
  writeFileSync(stamp, lock);
}

/** Whether every package of the lock that this platform needs is installed in its version. */
function installedMatchesLock() {
  const hidden = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(hidden)) return false;
  const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  return Object.entries(locked).every(([path, entry]) => {
    if (path === '' || entry.optional === true || entry.peer === true) return true;
    return installed[path]?.version === entry.version;
  });
}

function build() {
  const stamp = join(root, 'dist', '.anchornet-build');
  const sources = ['src', 'commands', 'web', 'scripts', 'bin'].flatMap((folder) =>
    filesIn(join(root, folder)),
  );
  const configuration = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.base.json'];
  const state = digest([...sources, ...configuration.map((name) => join(root, name))]);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return;
  say('Building …');
  run('npm', ['run', '--silent', 'build']);
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stamp, state);
}

function installTestTools() {
  const missing = testTools.filter((tool) => !tool.found());
  if (missing.length === 0) return;
  const names = missing.map((tool) => tool.name).join(', ');
  const packages = missing.flatMap((tool) => tool.packages);
  const byHand = `apt-get install --no-install-recommends ${packages.join(' ')}`;
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    say(`The tests that need ${names} will fail. Get it, as root on Debian: ${byHand}`);
    return;
  }
  say(`Installing ${names} …`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args) =>
    spawnSync('apt-get', args, { stdio: ['ignore', 2, 2], env: environment }).status === 0;
  // An update that fails may still leave lists that are good enough.
  apt('update', '-q');
  if (!apt('install', '-q', '-y', '--no-install-recommends', ...packages)) {
    say(`Could not install ${names}: the tests that need it will fail. By hand: ${byHand}`);
  }
}

function run(program, args, env = process.env) {
  try {
    // stdout belongs to the command that comes after.
    execFileSync(program, args, { cwd: root, env, stdio: ['ignore', 2, 2] });
  } catch (error) {
    say(`${program} ${args.join(' ')} failed (${error.status ?? error.code}).`);
    process.exit(1);
  }
}

function onPath(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => folder !== '' && existsSync(join(folder, program)));
}

/** All files below a folder, in a fixed order. */
function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** A digest of the names and contents of files; a file that is not there counts as that. */
function digest(paths) {
  const hash = createHash('sha256');
  for (const path of paths) {
    hash.update(path.slice(root.length));
    hash.update(existsSync(path) && statSync(path).isFile() ? readFileSync(path) : 'absent');
  }
  return hash.digest('hex');
}

function say(text) {
  process.stderr.write(`${text}\n`);
}
