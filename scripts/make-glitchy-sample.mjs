#!/usr/bin/env node
// Makes samples/glitchy.flv out of samples/show.flv: the same tags, some of them lost, damaged or stamped wrongly.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const sample = (name) => fileURLToPath(new URL(`../samples/${name}`, import.meta.url));
const HEADER_BYTES = 13;
const TAG_BYTES = 15;
const AUDIO = 8;
const VIDEO = 9;

const source = readFileSync(sample('show.flv'));
const kept = [source.subarray(0, HEADER_BYTES)];
let audio = 0;
let video = 0;
for (let at = HEADER_BYTES; at + TAG_BYTES <= source.length;) {
  const size = TAG_BYTES + source.readUIntBE(at + 1, 3);
  const tag = Buffer.from(source.subarray(at, at + size));
  at += size;
  const type = tag[0];
  const index = type === AUDIO ? audio++ : type === VIDEO ? video++ : -1;
  // The first tag of each is its sequence header.
  if (type === AUDIO && index >= 90 && index < 94) continue;
  if (type === AUDIO && index === 180) for (let i = 13; i < size - 4; i++) tag[i] = (tag[i] * 5 + 77) & 0xff;
  if (type === AUDIO && index >= 270) tag.writeUIntBE(Math.max(0, tag.readUIntBE(4, 3) - 12), 4, 3);
  // The last ten pictures of a group: nothing refers to them.
  if (type === VIDEO && index > 170 && index <= 180) continue;
  kept.push(tag);
}
writeFileSync(sample('glitchy.flv'), Buffer.concat(kept));
