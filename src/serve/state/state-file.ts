import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import writeFileAtomic from 'write-file-atomic';
import { InvalidStateError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';

const FORMAT_VERSION = 1;
/** Keys live in the file: nobody but its owner reads it. */
const FILE_MODE = 0o600;

interface Envelope {
  readonly version: number;
  /** SHA-256 of the JSON text of `content`, hex. */
  readonly checksum: string;
  readonly content: unknown;
}

type ReadResult =
  | { readonly kind: 'good'; readonly text: string; readonly content: unknown }
  | { readonly kind: 'missing' }
  | { readonly kind: 'bad'; readonly why: string };

/**
 * One JSON document on disk that survives a crash at any moment: replaced atomically, checked on reading, and the
 * version before kept beside it as `.bak`.
 */
export class StateFile {
  readonly path: string;
  readonly #logger: Logger;
  /** Text of the newest version known to be good on disk. */
  #lastGood: string | undefined;

  constructor(path: string, logger: Logger) {
    this.path = path;
    this.#logger = logger;
  }

  /**
   * @returns undefined when there never was a file
   * @throws InvalidStateError when neither the file nor its backup can be trusted: nothing is ever silently emptied
   */
  async read(): Promise<unknown> {
    const main = await readEnvelope(this.path);
    if (main.kind === 'good') {
      this.#lastGood = main.text;
      return main.content;
    }
    const backup = await readEnvelope(`${this.path}.bak`);
    if (main.kind === 'missing' && backup.kind === 'missing') return undefined;
    if (backup.kind !== 'good') {
      throw new InvalidStateError(
        `state file ${this.path} cannot be used: ${describe(main)}; its backup ${this.path}.bak: ${describe(backup)}`,
        { hint: 'Restore one of the two from a copy, or move both away to start with no rooms.' },
      );
    }
    this.#logger.warn(
      { file: this.path, reason: describe(main) },
      'state file damaged: recovered from its backup; the last change may be lost',
    );
    if (main.kind === 'bad') await keepForInspection(this.path);
    this.#lastGood = backup.text;
    await this.#replace(this.path, backup.text);
    return backup.content;
  }

  /** Not to be called again before it has settled. */
  async write(content: unknown): Promise<void> {
    const text = seal(content);
    if (text === this.#lastGood) return;
    if (this.#lastGood !== undefined) await this.#replace(`${this.path}.bak`, this.#lastGood);
    await this.#replace(this.path, text);
    this.#lastGood = text;
  }

  async #replace(path: string, text: string): Promise<void> {
    await writeFileAtomic(path, text, { mode: FILE_MODE });
  }
}

function seal(content: unknown): string {
  const envelope: Envelope = { version: FORMAT_VERSION, checksum: checksum(content), content };
  return `${JSON.stringify(envelope, null, 2)}\n`;
}

function checksum(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

async function readEnvelope(path: string): Promise<ReadResult> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'missing' };
    return { kind: 'bad', why: (error as Error).message };
  }
  let parsed: Partial<Envelope> | null;
  try {
    parsed = JSON.parse(text) as Partial<Envelope> | null;
  } catch {
    return { kind: 'bad', why: `no valid JSON in its ${text.length} characters` };
  }
  if (typeof parsed !== 'object' || parsed === null) return { kind: 'bad', why: 'no JSON object' };
  if (parsed.version !== FORMAT_VERSION) {
    return {
      kind: 'bad',
      why: `format version ${String(parsed.version)}, this program reads ${FORMAT_VERSION}`,
    };
  }
  if (parsed.content === undefined || parsed.checksum !== checksum(parsed.content)) {
    return { kind: 'bad', why: 'checksum does not match its content' };
  }
  return { kind: 'good', text, content: parsed.content };
}

async function keepForInspection(path: string): Promise<void> {
  await writeFileAtomic(`${path}.torn`, await readFile(path), { mode: FILE_MODE });
}

function describe(result: ReadResult): string {
  if (result.kind === 'missing') return 'missing';
  return result.kind === 'good' ? 'good' : result.why;
}
