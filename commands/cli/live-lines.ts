/** A block of lines on a terminal that is written over itself. On anything else it writes nothing. */
export class LiveLines {
  readonly #stream: NodeJS.WriteStream;
  #shown = 0;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  show(lines: readonly string[]): void {
    if (!this.#stream.isTTY) return;
    const up = this.#shown > 0 ? `\u001b[${this.#shown}A` : '';
    this.#stream.write(up + lines.map((line) => `\u001b[2K${line}\n`).join(''));
    this.#shown = lines.length;
  }
}
