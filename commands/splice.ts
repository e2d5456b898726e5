import { Args, Flags } from '@oclif/core';
import chalk from 'chalk';
import { writeFile } from 'node:fs/promises';
import { InvalidOptionError } from '../src/base/errors.js';
import type { SpliceProgress, SpliceResult } from '../src/splice/splice-job.js';
import { allTechniques, type TechniqueName } from '../src/splice/techniques.js';
import { BaseCommand } from './cli/base-command.js';

const techniqueNames = Object.keys(allTechniques) as TechniqueName[];
const techniqueFlags = techniqueNames.map((name) => `no-${name}`);

export default class Splice extends BaseCommand {
  static override summary = 'Join pieces of recordings, to the sample and without a seam.';

  static override description =
    'Sound and pictures are copied byte for byte; only the frames around a cut are encoded anew. Pieces are FILE, FILE:IN-OUT, FILE:IN- or FILE:-OUT, with points as seconds, MM:SS.mmm, HH:MM:SS or @SAMPLES. MP4, FLV and ADTS are read as they are, whatever else ffmpeg reads is converted first. The first piece decides sample rate, channels and picture size.';

  static override examples = [
    '<%= config.bin %> splice live.mp4 collab.mp4 live2.mp4 -o program.mp4',
    '<%= config.bin %> splice host.flv:00:00-12.48 mix.flv:12.48-40 host.flv:40- -o program.flv --report seams.json',
    '<%= config.bin %> splice --edl cuts.json -o program.mp4 --audio exact',
  ];

  static override strict = false;

  static override args = {
    pieces: Args.string({ description: 'pieces in the order of the program' }),
  };

  static override flags = {
    output: Flags.string({ char: 'o', required: true, description: '.mp4, .m4a, .flv or .aac to write' }),
    force: Flags.boolean({ char: 'f', default: false, description: 'overwrite the output' }),
    edl: Flags.string({ description: 'JSON list of pieces, instead of naming them' }),
    audio: Flags.option({ options: ['smart', 'exact'] as const, default: 'smart' as const })({
      description:
        'smart passes sound through and bridges the cuts; exact encodes all of it once, no sample gained or lost',
    }),
    'audio-bitrate': Flags.integer({
      min: 16,
      max: 512,
      description: "kb/s of what is encoded; by the sources' own when left out",
    }),
    technique: Flags.option({ options: techniqueFlags, multiple: true })({
      description: 'leave a technique out, to hear or measure what it is worth',
    }),
    report: Flags.string({ description: 'write the table of seams and the time map of the pieces as JSON' }),
  };

  async run(): Promise<SpliceResult & { output: string }> {
    const { flags, argv } = await this.parse(Splice);
    const { splice } = await import('../src/splice/offline.js');
    const { parsePiece, readEditDecisionList } = await import('../src/splice/edit-decision-list.js');
    if ((flags.edl === undefined) === (argv.length === 0)) {
      throw new InvalidOptionError('splice: expected pieces, or a list of them by --edl', {
        hint: 'See anchornet splice --help.',
      });
    }
    const pieces =
      flags.edl === undefined
        ? await Promise.all(argv.map((piece) => parsePiece(String(piece))))
        : await readEditDecisionList(flags.edl);
    const techniques = { ...allTechniques };
    const leftOut = new Set(flags.technique);
    for (const name of techniqueNames) techniques[name] = !leftOut.has(`no-${name}`);
    const bar = await this.#progressBar();
    try {
      const result = await splice({
        pieces,
        output: flags.output,
        overwrite: flags.force,
        audio: flags.audio,
        techniques,
        audioBitrateBps: flags['audio-bitrate'] === undefined ? undefined : flags['audio-bitrate'] * 1000,
        signal: this.interruptSignal(),
        onProgress: bar.update,
      });
      bar.stop();
      if (flags.report !== undefined) {
        await writeFile(
          flags.report,
          `${JSON.stringify({ output: flags.output, ...result }, undefined, 2)}\n`,
        );
      }
      await this.#print(flags.output, result);
      return { output: flags.output, ...result };
    } finally {
      bar.stop();
    }
  }

  async #print(output: string, result: SpliceResult): Promise<void> {
    if (this.jsonEnabled()) return;
    if (result.seams.length > 0) {
      const { default: Table } = await import('cli-table3');
      const table = new Table({
        head: ['at', 'to', 'bridged', 'rescaled', 'techniques', 'offset', 'excess', 'pictures'],
        style: { head: [], border: [] },
      });
      for (const seam of result.seams) {
        table.push([
          `${seam.seconds.toFixed(3)} s`,
          seam.after,
          `${seam.bridgedFrames} frames`,
          seam.rescaledFrames === 0 ? '' : `${seam.rescaledFrames} frames`,
          seam.techniques.join(', '),
          `${seam.offsetSamples} samples`,
          seam.excessDb === undefined ? '' : `${seam.excessDb.toFixed(1)} dB`,
          seam.encodedPictures === 0 ? 'copied' : `${seam.encodedPictures} encoded`,
        ]);
      }
      this.log(table.toString());
    }
    for (const piece of result.pieces) {
      for (const note of piece.notes) this.log(`${chalk.yellow('!')} ${piece.path}: ${note}: encoded anew`);
    }
    const passed = `${result.passedFrames} frames of sound passed through, ${result.bridgedFrames} encoded`;
    const pictures =
      result.copiedPictures + result.encodedPictures === 0
        ? ''
        : `; ${result.copiedPictures} pictures copied, ${result.encodedPictures} encoded`;
    this.log(`${chalk.green('✔')} ${output}: ${result.seconds.toFixed(3)} s; ${passed}${pictures}`);
  }

  async #progressBar(): Promise<{ update: (progress: SpliceProgress) => void; stop: () => void }> {
    if (!process.stderr.isTTY || this.jsonEnabled())
      return { update: () => undefined, stop: () => undefined };
    const { SingleBar, Presets } = await import('cli-progress');
    const bar = new SingleBar(
      { format: '{stage} {bar} {percentage}%', stream: process.stderr, clearOnComplete: true },
      Presets.shades_classic,
    );
    bar.start(100, 0, { stage: 'reading' });
    return {
      update: ({ stage, done }) => bar.update(Math.round(100 * Math.min(1, done)), { stage }),
      stop: () => bar.stop(),
    };
  }
}
