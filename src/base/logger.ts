import { pino, destination, type Logger } from 'pino';

export type { Logger };

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** Structured lines on stderr: stdout belongs to results. */
export function createLogger(level: LogLevel = 'info'): Logger {
  return pino({ level, base: null }, destination({ fd: 2, sync: true }));
}

/** A logger that drops everything, for callers that pass none. */
export const silentLogger: Logger = pino({ level: 'silent' });
