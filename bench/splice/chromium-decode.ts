import { readFileSync } from 'node:fs';
import { Chromium } from '../../test/peers/chromium.js';

/** Decodes files as a page does, by `decodeAudioData`. */
export class ChromiumDecoder {
  readonly #browser: Chromium;

  private constructor(browser: Chromium) {
    this.#browser = browser;
  }

  static async open(): Promise<ChromiumDecoder> {
    return new ChromiumDecoder(await Chromium.open());
  }

  /** One array per channel. */
  async decode(
    path: string,
    { sampleRate, channels }: { readonly sampleRate: number; readonly channels: number },
  ): Promise<Float32Array[]> {
    const page = await this.#browser.page('about:blank');
    const file = readFileSync(path).toString('base64');
    const decoded = await page.evaluate(decodeInPage, { file, sampleRate, channels });
    await page.close();
    return decoded.map((text) => {
      const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
      return new Float32Array(bytes.buffer);
    });
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

/** Binary goes in and out as base64. */
async function decodeInPage(job: { file: string; sampleRate: number; channels: number }): Promise<string[]> {
  const PIECE = 32_768;
  const bytes = Uint8Array.from(atob(job.file), (letter) => letter.charCodeAt(0));
  const context = new OfflineAudioContext(job.channels, 1, job.sampleRate);
  const sound = await context.decodeAudioData(bytes.buffer);
  const out: string[] = [];
  for (let channel = 0; channel < sound.numberOfChannels; channel++) {
    const samples = new Uint8Array(sound.getChannelData(channel).slice().buffer);
    let text = '';
    for (let at = 0; at < samples.length; at += PIECE) {
      text += String.fromCharCode(...samples.subarray(at, at + PIECE));
    }
    out.push(btoa(text));
  }
  return out;
}
