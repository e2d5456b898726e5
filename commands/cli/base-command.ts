import { Command, Flags } from '@oclif/core';
import chalk from 'chalk';
import { asAnchorNetError, InternalError } from '../../src/base/errors.js';
import { createLogger, type Logger, type LogLevel } from '../../src/base/logger.js';

const logLevels: readonly LogLevel[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

/** What all commands share: `--json`, `--log-level`, a signal for Ctrl-C, and the error taxonomy as exit codes. */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;

  static override baseFlags = {
    'log-level': Flags.option({
      options: logLevels,
      default: 'warn' as LogLevel,
      description: 'how much to log on stderr',
      helpGroup: 'GLOBAL',
    })(),
  };

  /** A logger on stderr at the level asked for. */
  protected createLogger(level: LogLevel): Logger {
    return createLogger(level);
  }

  /** Aborts at the first SIGINT or SIGTERM; a second one ends the process at once. */
  protected interruptSignal(): AbortSignal {
    const controller = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
    return controller.signal;
  }

  protected override async catch(thrown: Error & { oclif?: unknown; exitCode?: number }): Promise<void> {
    // oclif's own parse errors carry their message and code already.
    if (thrown.oclif !== undefined) {
      await super.catch(thrown);
      return;
    }
    const error = asAnchorNetError(thrown);
    if (this.jsonEnabled()) {
      this.logJson({ error: { code: error.code, message: error.message, hint: error.hint } });
    } else {
      process.stderr.write(`${chalk.red('Error:')} ${error.message}\n`);
      if (error.hint !== undefined) process.stderr.write(`${chalk.dim(error.hint)}\n`);
      if (error instanceof InternalError) process.stderr.write(`${chalk.dim(error.stack ?? '')}\n`);
    }
    this.exit(error.exitCode);
  }
}
