import { copyFile, readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { captureOutput } from '@oclif/test';
import { Config } from '@oclif/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import AnalyzeGlitch from '../../commands/analyze-glitch.js';
import type { GlitchReport } from '../../src/glitch/analyse.js';
import type { Finding, Severity } from '../../src/glitch/finding.js';
import { axisLane } from '../../src/glitch/view/html/axis-lane.js';
import { html } from '../../src/glitch/view/html/markup.js';
import { reportPage } from '../../src/glitch/view/html/page.js';
import { Scale } from '../../src/glitch/view/html/scale.js';
import { OverviewBins } from '../../src/glitch/view/overview.js';
import { MAX_CLOSE_UPS, Surroundings } from '../../src/glitch/view/surroundings.js';
import { sine } from '../libav/signal.js';
import { Chromium } from '../peers/chromium.js';
import { TempDir } from '../peers/temp-dir.js';
import { pcmEvents, analyseEvents } from './events.js';

/** As hostile as a name may be: everything but a slash. */
const HOSTILE_NAME = `"><img src=x onerror="console.error('escaped')">'&\u202egnp.flv`;
const sample = new URL('../../samples/glitchy.flv', import.meta.url).pathname;
let folder: TempDir;

beforeAll(async () => {
  folder = await TempDir.open('report');
});
afterAll(() => folder.close());

function finding(kind: Finding['kind'], severity: Severity, timeMs: number): Finding {
  return {
    ...{ kind, severity, timeMs, medium: 'audio', durationMs: 5, unit: undefined, byteOffset: undefined },
    ...{ reason: 'a reason', measured: {}, cause: 'a cause' },
  };
}

describe('a report', () => {
  it('is written as one page and as JSON by one command line, and shows each finding in Chromium', async () => {
    const config = await Config.load(new URL('../../', import.meta.url).pathname);
    const capture = folder.file(HOSTILE_NAME);
    await copyFile(sample, capture);
    const [page, json] = [folder.file('report.html'), folder.file('report.json')];
    const args = [capture, '--html', page, '--json', json];
    const { stdout, error } = await captureOutput(() => AnalyzeGlitch.run(args, config));
    expect(error).toBeUndefined();
    expect(stdout).toContain('pts-gap');
    const report = JSON.parse(await readFile(json, 'utf8')) as GlitchReport;
    expect(report.findings.length).toBeGreaterThanOrEqual(4);

    await using chromium = await Chromium.open();
    const shown = await chromium.page(pathToFileURL(page).href);
    expect(await shown.locator('article.finding').count()).toBe(report.findings.length);
    expect(await shown.locator('h1').innerText()).toContain('<img src=x');
    // A picture that is not a PNG has no size.
    const widths = 'Array.from(document.images, (image) => image.naturalWidth)';
    const sizes = await shown.evaluate<number[]>(widths);
    expect(sizes.length).toBe(2 * report.findings.length);
    expect(Math.min(...sizes)).toBeGreaterThan(100);
    for (const width of [360, 1400]) {
      await shown.setViewportSize({ width, height: 800 });
      expect(await shown.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    }
    // By keyboard alone: the first mark of the timeline leads to its finding.
    await shown.locator('a.mark').first().focus();
    await shown.keyboard.press('Enter');
    expect(new URL(shown.url()).hash).toMatch(/^#finding-\d+$/);
    await shown.locator('#show-major').uncheck();
    expect(await shown.locator('article.finding.major').first().isVisible()).toBe(false);
    expect(await shown.locator('article.finding.minor').first().isVisible()).toBe(true);
    expect(chromium.errors).toEqual([]);
  });

  it('that cannot be written is refused before the capture is read', async () => {
    const config = await Config.load(new URL('../../', import.meta.url).pathname);
    for (const option of ['--html', '--json-file']) {
      const args = [sample, option, folder.file('no-such-folder/report')];
      const { error } = await captureOutput(() => AnalyzeGlitch.run(args, config));
      expect(error?.oclif?.exit).toBe(2);
    }
  });

  it('never takes the place of the other one', async () => {
    const config = await Config.load(new URL('../../', import.meta.url).pathname);
    const path = folder.file('both.json');
    const same = `${folder.path}/./both.json`;
    for (const json of [['--json', same], [`--json=${same}`], ['--json-file', same]]) {
      const args = [sample, '--html', path, ...json];
      const { error, stderr } = await captureOutput(() => AnalyzeGlitch.run(args, config));
      expect(error?.oclif?.exit).toBe(2);
      expect(stderr).toContain('both name');
    }
    await expect(readFile(path)).rejects.toThrow('ENOENT');
  });

  it('never takes the place of the capture or of its reference', async () => {
    const config = await Config.load(new URL('../../', import.meta.url).pathname);
    const [capture, reference] = [folder.file('capture.json'), folder.file('reference.json')];
    for (const path of [capture, reference]) {
      await copyFile(sample, path);
      for (const option of ['--html', '--json']) {
        const args = [capture, '--reference', reference, option, path];
        const { error, stderr } = await captureOutput(() => AnalyzeGlitch.run(args, config));
        expect(error?.oclif?.exit).toBe(2);
        expect(stderr).toContain('is both an input and the output');
      }
      expect(await readFile(path)).toEqual(await readFile(sample));
    }
  });

  it('shows the worst findings closely, of every kind, and lists the others', () => {
    const surroundings = new Surroundings();
    const findings = [
      ...Array.from({ length: 300 }, (_, i) => finding('click', 'minor', 10 * i)),
      finding('level-jump', 'minor', 4000),
      finding('gap', 'major', 5000),
    ];
    for (const one of findings) surroundings.finding(one);
    const view = surroundings.view();
    const shown = view.closeUps.map((closeUp) => closeUp.finding.kind);
    expect(shown.length).toBe(MAX_CLOSE_UPS);
    expect(shown[0]).toBe('gap');
    expect(shown).toContain('level-jump');
    const { summary } = analyseEvents(pcmEvents([sine(4800, 440, 48_000)]));
    const report: GlitchReport = {
      ...{ input: 'a.wav', format: 'wav', rewritten: false, summary, findings },
      ...{ counts: { click: 307 }, severities: { info: 7, minor: 301, major: 1 }, leftOut: 7 },
    };
    const page = reportPage(report, view);
    expect(page).toContain(`${findings.length - MAX_CLOSE_UPS} more without a close-up`);
    expect(page).toContain('7 more are left out here');
    expect(page).toContain('<b>7</b> info');
  });

  it('has times under its figures that stay within them', () => {
    const lane = html`${axisLane(new Scale(0, 4000), (ms) => `${ms} ms`)}`.text;
    const ticks = [...lane.matchAll(/class="(tick[^"]*)"[^>]*>\s*(\d+) ms/g)];
    expect(ticks.map(([, , ms]) => Number(ms))).toEqual(Array.from({ length: 9 }, (_, i) => 500 * i));
    expect(ticks.map(([, name]) => name)).toEqual([...Array<string>(8).fill('tick'), 'tick late']);
  });

  it('has a timeline of a fixed number of bins that loses no byte and no peak', () => {
    const bins = new OverviewBins();
    const hours = 3;
    let bytes = 0;
    for (let timeMs = 0; timeMs < hours * 3_600_000; timeMs += 500) {
      bins.unit('video', timeMs, 1000);
      bytes += 1000;
      const loud = timeMs === 5_000_000 ? 0.9 : 0.1;
      bins.sound([new Float32Array(4).fill(loud)], 8, timeMs);
    }
    const overview = bins.take(0);
    expect(overview.bins).toBeLessThanOrEqual(1200);
    expect(overview.bins * overview.binMs).toBeGreaterThanOrEqual(hours * 3_600_000);
    expect(overview.videoBytes.reduce((sum, value) => sum + value, 0)).toBe(bytes);
    const loudest = overview.peaks[0]!.indexOf(Math.fround(0.9));
    expect(Math.abs(loudest * overview.binMs - 5_000_000)).toBeLessThanOrEqual(overview.binMs);
  });
});
