#!/usr/bin/env node
// Lists the benchmarks, or runs one:  node bench/run.mjs [NAME [arguments…]]
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const benches = {
  startup: { file: 'startup.mjs', what: '`anchornet --help`, and `serve` until it answers; needs a build' },
  sfu: {
    file: 'sfu/egress.ts',
    what: 'SFU egress against a bare encrypt-and-send loop, and Janus where it is found',
  },
  mix: { file: 'mix/mixer.ts', what: "the mixer against Debian's ffmpeg doing the same; needs a build" },
  splice: {
    file: 'splice/seams.ts',
    what: "seams of spliced AAC: noise, local match, samples gained, each technique off, ffmpeg's concat, Chromium",
  },
  hours: {
    file: 'splice/hours.ts',
    what: "two one-hour recordings joined, against ffmpeg's concat: wall, CPU, memory; needs a build",
  },
  latency: {
    file: 'pipeline/relay-latency.ts',
    what: 'RTP in to RTMP out through a whole server, relayed and mixed; needs a build',
  },
  switch: {
    file: 'pipeline/switch.ts',
    what: 'switch request to the first picture of the new mode, both ways; needs a build',
  },
  glitch: {
    file: 'glitch/detection.ts',
    what: 'makes the labelled set of glitches and measures what analyze-glitch finds in it',
  },
  'glitch-learn': {
    file: 'glitch/learn/learn.ts',
    what: 'teaches the forests of analyze-glitch with labelled sets',
  },
  'glitch-speed': {
    file: 'glitch/speed.ts',
    what: 'CPU time and memory of analyze-glitch: sound, sound with its reference, pictures; needs a build',
  },
  joins: {
    file: 'glitch/joins.ts',
    what: "what analyze-glitch says to the splicer's seams and to those of ffmpeg's concat",
  },
  memory: {
    file: 'pipeline/room-memory.ts',
    what: 'a room with four 720p participants; with --minutes 30 a soak; needs a build',
  },
};

const [name, ...args] = process.argv.slice(2);
const bench = benches[name];
if (bench === undefined) {
  for (const [key, { what }] of Object.entries(benches)) process.stdout.write(`${key.padEnd(14)}${what}\n`);
  process.exitCode = name === undefined ? 0 : 2;
} else {
  const path = fileURLToPath(new URL(bench.file, import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', path, ...args], { stdio: 'inherit' });
  child.once('close', (code) => (process.exitCode = code ?? 1));
}
