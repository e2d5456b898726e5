import { Args, Flags } from '@oclif/core';
import chalk from 'chalk';
import { InvalidOptionError } from '../src/base/errors.js';
import type { Analysed, GlitchReport } from '../src/glitch/analyse.js';
import { clockTime } from '../src/glitch/clock-time.js';
import type { ReferenceSummary } from '../src/glitch/reference/reference-check.js';
import { isAtLeast, type Finding, type Severity } from '../src/glitch/finding.js';
import { variantLine } from '../src/glitch/variant.js';
import { BaseCommand } from './cli/base-command.js';

/** Of a command that found what `--fail-on` names. */
const FOUND_EXIT_CODE = 20;
const severities: readonly Severity[] = ['info', 'minor', 'major'];

export default class AnalyzeGlitch extends BaseCommand {
  static override summary = 'Find glitches in a capture: where, what kind, how bad, and why.';

  static override description =
    'Reads bitstream, time stamps and signal together, in one pass. FLV, MP4, M4A, ADTS and WAV are read as they are; whatever else ffmpeg reads is rewritten first, which loses byte offsets.';

  static override examples = [
    '<%= config.bin %> analyze-glitch capture.flv',
    '<%= config.bin %> analyze-glitch capture.flv --fail-on major',
    '<%= config.bin %> analyze-glitch capture.mp4 --no-pictures --least minor --json',
    '<%= config.bin %> analyze-glitch capture.flv --html report.html --json report.json',
    '<%= config.bin %> analyze-glitch capture.mp4 --reference source.wav',
    '<%= config.bin %> analyze-glitch http://127.0.0.1:8080/live/demo.flv --duration 60 --watch',
    '<%= config.bin %> analyze-glitch rtmp://ingest.example/live/demo --duration 60 --fail-on major',
    '<%= config.bin %> analyze-glitch http://127.0.0.1:8080/live/demo/index.m3u8 --duration 60',
  ];

  static override args = {
    input: Args.string({
      required: true,
      description: 'a file, or the address of a live stream: RTMP(S), HLS (.m3u8) or HTTP-FLV',
    }),
  };

  static override flags = {
    'fail-on': Flags.option({ options: severities })({
      description: `end with exit code ${FOUND_EXIT_CODE} when there is a finding of this severity or worse`,
    }),
    least: Flags.option({ options: severities, default: 'info' as Severity })({
      description: 'show findings of this severity or worse',
    }),
    reference: Flags.string({
      helpValue: 'FILE',
      description: 'a file with the same sound as it was before, to compare the capture with',
    }),
    html: Flags.string({
      helpValue: 'FILE',
      description: 'write a report with waveforms, spectrograms and time stamps, as one HTML file',
    }),
    'json-file': Flags.string({
      helpValue: 'FILE',
      description: 'write the report in JSON; --json followed by a name that ends in .json is the same',
    }),
    duration: Flags.integer({
      min: 1,
      description: 'seconds to take from an address; until it ends by default',
    }),
    watch: Flags.boolean({ default: false, description: 'print findings on stderr as they come' }),
    pictures: Flags.boolean({
      default: true,
      allowNo: true,
      description: 'decode pictures; without, only their times and headers are looked at',
    }),
  };

  override async init(): Promise<void> {
    await super.init();
    this.argv = withJsonFile(this.argv);
  }

  async run(): Promise<GlitchReport> {
    const { args, flags } = await this.parse(AnalyzeGlitch);
    const { html: htmlFile, 'json-file': jsonFile } = flags;
    const { analyse } = await import('../src/glitch/analyse.js');
    const files = await import('../src/glitch/report-files.js');
    const inputs = [args.input, ...(flags.reference === undefined ? [] : [flags.reference])];
    await files.ensureWritable({ html: htmlFile, json: jsonFile }, inputs);
    const { isLiveAddress } = await import('../src/glitch/capture/live-address.js');
    const isLive = isLiveAddress(args.input);
    if (flags.duration !== undefined && !isLive) {
      throw new InvalidOptionError('--duration: only addresses are cut short, files are read to their end');
    }
    const bar = await this.#progressBar(isLive || flags.watch);
    let analysed: Analysed;
    try {
      analysed = await analyse({
        input: args.input,
        pictures: flags.pictures,
        reference: flags.reference,
        view: htmlFile !== undefined,
        durationMs: flags.duration === undefined ? undefined : flags.duration * 1000,
        onFinding: flags.watch ? (finding) => this.#tellAtOnce(finding, flags.least) : undefined,
        signal: this.interruptSignal(),
        onProgress: (share) => bar.update(share ?? 0),
      });
    } finally {
      bar.stop();
    }
    const { report, view } = analysed;
    const shown = report.findings.filter(({ severity }) => isAtLeast(severity, flags.least));
    await this.#print(report, shown);
    // The page has a filter of its own.
    if (htmlFile !== undefined && view !== undefined) await files.writeHtmlReport(htmlFile, report, view);
    if (jsonFile !== undefined) await files.writeJsonReport(jsonFile, { ...report, findings: shown });
    const failOn = flags['fail-on'];
    if (failOn !== undefined && report.findings.some(({ severity }) => isAtLeast(severity, failOn))) {
      process.exitCode = FOUND_EXIT_CODE;
    }
    return { ...report, findings: shown };
  }

  async #print(report: GlitchReport, shown: readonly Finding[]): Promise<void> {
    if (this.jsonEnabled()) return;
    const { default: Table } = await import('cli-table3');
    if (shown.length > 0) {
      const table = new Table({
        head: ['time', 'kind', 'severity', 'where', 'measured', 'likely cause'],
        wordWrap: true,
        colWidths: [14, 17, 10, 22, 34, 44],
        style: { head: [], border: [] },
      });
      for (const finding of shown) table.push(row(finding));
      this.log(table.toString());
    }
    const seconds = (report.summary.durationMs / 1000).toFixed(1);
    const { major, minor, info } = report.severities;
    this.log(
      `${report.input}: ${seconds} s, ${major} major, ${minor} minor, ${info} info` +
        (report.leftOut > 0 ? `; the ${report.leftOut} mildest of them are left out` : ''),
    );
    if (report.reference !== undefined) this.log(referenceLine(report.reference));
    if (report.variant !== undefined) this.log(variantLine(report.variant));
    if (report.rewritten) this.log('The input had to be rewritten first: byte offsets are unknown.');
  }

  #tellAtOnce(finding: Finding, least: Severity): void {
    if (!isAtLeast(finding.severity, least)) return;
    const severity = colours[finding.severity](finding.severity);
    process.stderr.write(`${clockTime(finding.timeMs)} ${finding.kind} ${severity}: ${finding.cause}\n`);
  }

  async #progressBar(isOff: boolean): Promise<{ update: (share: number) => void; stop: () => void }> {
    if (isOff || !process.stderr.isTTY || this.jsonEnabled())
      return { update: () => undefined, stop: () => undefined };
    const { SingleBar, Presets } = await import('cli-progress');
    const bar = new SingleBar(
      { format: 'analysing {bar} {percentage}%', stream: process.stderr, clearOnComplete: true },
      Presets.shades_classic,
    );
    bar.start(100, 0);
    return { update: (share) => bar.update(Math.min(100, Math.round(share * 100))), stop: () => bar.stop() };
  }
}

const colours: Readonly<Record<Severity, (text: string) => string>> = {
  major: chalk.red,
  minor: chalk.yellow,
  info: chalk.dim,
};

function row(finding: Finding): string[] {
  const where = [
    finding.medium,
    ...(finding.unit === undefined ? [] : [`unit ${finding.unit}`]),
    ...(finding.byteOffset === undefined ? [] : [`at 0x${finding.byteOffset.toString(16)}`]),
  ].join(' ');
  const measured = Object.entries(finding.measured)
    .map(([name, value]) => `${name} ${value}`)
    .join('\n');
  return [
    clockTime(finding.timeMs),
    finding.kind,
    colours[finding.severity](finding.severity),
    where,
    measured,
    `${finding.cause} (${finding.reason})`,
  ];
}

function referenceLine(reference: ReferenceSummary): string {
  const { offsetMs, driftPpm, noiseToMaskDb, errorDb, lostSamples, insertedSamples, copiedShare } = reference;
  const perChannel = (values: readonly number[]): string => values.map((db) => db.toFixed(1)).join('/');
  return (
    `Reference ${reference.input}: offset ${offsetMs} ms, drift ${driftPpm} ppm, error ${perChannel(errorDb)} dB, ` +
    `noise to mask ${perChannel(noiseToMaskDb)} dB, ${lostSamples} samples lost, ${insertedSamples} inserted, ` +
    `${Math.round(copiedShare * 100)} % of the frames copied`
  );
}

/** `--json` takes no value in oclif; with the name of a file behind it, it means `--json-file`. */
function withJsonFile(argv: readonly string[]): string[] {
  const rest = argv.indexOf('--');
  const isOption = (index: number): boolean => rest === -1 || index < rest;
  return argv.flatMap((argument, index) => {
    if (argument.startsWith('--json=') && isOption(index))
      return ['--json-file', argument.slice('--json='.length)];
    const isNamed = argument === '--json' && /^[^-].*\.json$/i.test(argv[index + 1] ?? '');
    return [isNamed && isOption(index + 1) ? '--json-file' : argument];
  });
}
