import { open } from 'node:fs/promises';

/** Types of the boxes that an MP4 consists of, outermost ones alone. @throws Error where no box is */
export async function topLevelBoxes(path: string): Promise<string[]> {
  const file = await open(path);
  try {
    const { size: end } = await file.stat();
    const types: string[] = [];
    for (let offset = 0; offset < end;) {
      const header = Buffer.alloc(16);
      await file.read(header, 0, 16, offset);
      const short = header.readUInt32BE(0);
      const size = short === 1 ? Number(header.readBigUInt64BE(8)) : short === 0 ? end - offset : short;
      if (size < 8 || offset + size > end) throw new Error(`${path}: no whole box at ${offset} of ${end}`);
      types.push(header.toString('latin1', 4, 8));
      offset += size;
    }
    return types;
  } finally {
    await file.close();
  }
}
