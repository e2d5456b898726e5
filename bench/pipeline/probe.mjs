/**
 * Loaded into the measured processes by NODE_OPTIONS. Every few seconds it appends what only the process itself knows
 * (heap, active resources, event loop delay, collections) to PID.jsonl, and each long turn of the event loop to
 * PID.stalls.jsonl, in the folder that ANCHORNET_PROBE names.
 * SIGUSR2 begins a CPU profile, a second one writes it to PID.cpuprofile.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance, PerformanceObserver } from 'node:perf_hooks';
import { setInterval } from 'node:timers';

const INTERVAL_MS = 5_000;
const LOOK_MS = 100;
/** A turn of the event loop longer than this is noted, with what it went on. */
const STALL_MS = 500;
const folder = process.env.ANCHORNET_PROBE;

if (folder !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const collections = { count: 0, ms: 0, longestMs: 0 };
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      collections.count++;
      collections.ms += duration;
      collections.longestMs = Math.max(collections.longestMs, duration);
    }
  }).observe({ entryTypes: ['gc'] });
  setInterval(() => {
    const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
    const resources = process.getActiveResourcesInfo().length;
    const loop = {
      p50Ms: delay.percentile(50) / 1e6,
      p99Ms: delay.percentile(99) / 1e6,
      maxMs: delay.max / 1e6,
    };
    const sample = {
      atMs: Date.now(),
      rss,
      heapUsed,
      heapTotal,
      external,
      arrayBuffers,
      resources,
      loop,
      collections,
    };
    appendFileSync(join(folder, `${process.pid}.jsonl`), `${JSON.stringify(sample)}\n`);
    delay.reset();
  }, INTERVAL_MS).unref();

  const waitedMs = () => Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e6;
  let before = { atMs: performance.now(), cpu: process.cpuUsage(), waitedMs: waitedMs() };
  setInterval(() => {
    const now = { atMs: performance.now(), cpu: process.cpuUsage(), waitedMs: waitedMs() };
    const stallMs = now.atMs - before.atMs - LOOK_MS;
    if (stallMs > STALL_MS) {
      const cpuMs = (now.cpu.user + now.cpu.system - before.cpu.user - before.cpu.system) / 1e3;
      const stall = { stallMs, cpuMs, waitedMs: now.waitedMs - before.waitedMs };
      appendFileSync(
        join(folder, `${process.pid}.stalls.jsonl`),
        `${JSON.stringify({ atMs: Date.now(), ...stall })}\n`,
      );
    }
    before = now;
  }, LOOK_MS).unref();

  let session;
  process.on('SIGUSR2', () => {
    if (session === undefined) {
      session = new Session();
      session.connect();
      session.post('Profiler.enable');
      session.post('Profiler.setSamplingInterval', { interval: 500 });
      session.post('Profiler.start');
      return;
    }
    const ended = session;
    session = undefined;
    ended.post('Profiler.stop', (error, result) => {
      if (!error) writeFileSync(join(folder, `${process.pid}.cpuprofile`), JSON.stringify(result.profile));
      ended.disconnect();
    });
  });
}
