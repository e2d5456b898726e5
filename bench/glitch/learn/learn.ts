/**
 * Teaches the forests of `analyze-glitch` with labelled sets, and writes them into the source.
 *
 *   node bench/run.mjs glitch-learn FOLDER... [--reuse] [--check] [--dry]
 *
 * Each folder holds a set made by `node bench/run.mjs glitch --folder FOLDER`. What is measured of its clips is kept in
 * it, and read again with `--reuse`. `--check` tells, by leaving out an eighth of the clips at a time, what share of the
 * labels is found and how many false alarms there are; with `--dry` nothing is written.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Forest, type ForestData, type Watch } from '../../../src/glitch/signal/forest.js';
import { boost, rounded, type BoostingOptions } from './boosting.js';
import {
  lessonNames,
  lessons,
  measure,
  type LessonName,
  type Measured,
  type Place,
  type Sheet,
} from './lessons.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    reuse: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    dry: { type: 'boolean', default: false },
  },
});

const FOLDS = 8;
const ALARMS_A_MINUTE = 0.1;
const OPTIONS: BoostingOptions = { trees: 160, leaves: 12, rate: 0.1 };
/** At a glance, most places are to be passed over, and hardly any that the labels tell of. */
const GLANCE: BoostingOptions = { trees: 40, leaves: 8, rate: 0.2 };
const KEPT_AT_A_GLANCE = 0.99;

async function measured(folder: string): Promise<Measured> {
  const file = join(folder, 'places.json');
  if (values.reuse && existsSync(file)) return JSON.parse(await readFile(file, 'utf8')) as Measured;
  const made = await measure(folder);
  await writeFile(file, JSON.stringify(made));
  return made;
}

/** Each clip is in one fold with all its places. */
function foldOf({ clip }: Place): number {
  let hash = 0;
  for (const char of clip) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) >>> 0;
  return hash % FOLDS;
}

/** The sheets of all sets for a lesson, in one. */
function sheetFor(lesson: LessonName, watched: keyof Watch): Sheet {
  const own = sets.map(({ sheets }) => sheets[lesson][watched]);
  return { names: own[0]!.names, places: own.flatMap(({ places }) => places) };
}

function teach({ names, places }: Sheet, isSo: (place: Place) => boolean, options = OPTIONS): ForestData {
  return boost(
    names,
    places.map((place) => ({ values: place.values, isSo: isSo(place) })),
    options,
  );
}

const isDefect = ({ kind }: Place): boolean => kind !== undefined;
const isClick = ({ kind }: Place): boolean => kind === 'click';

function oddsOf(forest: Forest, { names }: Sheet): (place: Place) => number {
  return ({ values }) =>
    forest.logOdds(Object.fromEntries(names.map((name, n) => [name, values[n]!] as const)));
}

/** Its bias is such that what a closer look may tell of has odds of 1 and more. */
function teachGlance(lesson: LessonName): ForestData {
  const look = sheetFor(lesson, 'look');
  const told = oddsOf(new Forest(teach(look, isDefect)), look);
  const keyOf = ({ clip, position }: Place): string => `${clip} ${position}`;
  const worthIt = new Set(look.places.filter((place) => isDefect(place) && told(place) >= 0).map(keyOf));
  const sheet = sheetFor(lesson, 'glance');
  const data = teach(sheet, isDefect, GLANCE);
  const odds = sheet.places
    .filter((place) => worthIt.has(keyOf(place)))
    .map(oddsOf(new Forest(data), sheet))
    .sort((a, b) => b - a);
  const least = odds[Math.floor(KEPT_AT_A_GLANCE * odds.length)]!;
  return { ...data, bias: rounded(data.bias - least) };
}

/** What is left for a closer look. */
function afterGlance(glance: ForestData, sheet: Sheet): Sheet {
  const odds = oddsOf(new Forest(glance), sheet);
  return { ...sheet, places: sheet.places.filter((place) => odds(place) >= 0) };
}

/** What forests that have not seen a clip say to its places. */
function unseen(sheet: Sheet, isSo: (place: Place) => boolean): Map<Place, number> {
  const told = new Map<Place, number>();
  for (let fold = 0; fold < FOLDS; fold++) {
    const others = sheet.places.filter((place) => foldOf(place) !== fold);
    const odds = oddsOf(new Forest(teach({ ...sheet, places: others }, isSo)), sheet);
    for (const place of sheet.places) if (foldOf(place) === fold) told.set(place, odds(place));
  }
  return told;
}

const out = (line: string): boolean => process.stdout.write(`${line}\n`);

function tellUnseen(lesson: LessonName, sheet: Sheet): void {
  const odds = unseen(sheet, isDefect);
  for (const [n, { minutes, labels }] of sets.entries()) {
    const own = sheet.places.filter(({ clip }) => clip.startsWith(join(positionals[n]!, '/')));
    const wrong = own.filter((place) => !isDefect(place)).map((place) => odds.get(place)!);
    wrong.sort((a, b) => b - a);
    const found = (least: number): string =>
      lessons[lesson].kinds
        .map((kind) => {
          const count = own.filter((place) => place.kind === kind && odds.get(place)! > least).length;
          return `${kind} ${(count / (labels[kind] ?? 1)).toFixed(2)}`;
        })
        .join(', ');
    const least = wrong[Math.floor(ALARMS_A_MINUTE * minutes)] ?? 0;
    out(`${positionals[n]}, ${lesson}: ${own.length} places; candidates ${found(-Infinity)}`);
    out(`  at ${ALARMS_A_MINUTE} alarms a minute, log odds of ${least.toFixed(2)}: ${found(least)}`);
    for (const odds of [0, 0.5, 1, 1.5, 2]) {
      const alarms = wrong.filter((value) => value > odds).length / minutes;
      out(`  from ${odds} on: ${alarms.toFixed(2)} alarms a minute, ${found(odds)}`);
    }
  }
}

const sets = await Promise.all(positionals.map(measured));
const forests: Record<string, ForestData> = {};
const looks = new Map<LessonName, Sheet>();
for (const lesson of lessonNames) {
  let look = sheetFor(lesson, 'look');
  const seen = sheetFor(lesson, 'glance').places.length;
  if (seen > 0) {
    const glance = (forests[`${lesson}Glance`] = teachGlance(lesson));
    look = afterGlance(glance, look);
    out(`${lesson}: ${seen} places at a glance, ${look.places.length} left for a closer look`);
  }
  looks.set(lesson, look);
}
const breaks = looks.get('break')!;
const broken = { ...breaks, places: breaks.places.filter(isDefect) };
if (values.check) {
  for (const [lesson, look] of looks) tellUnseen(lesson, look);
  const odds = unseen(broken, isClick);
  const right = broken.places.filter((place) => odds.get(place)! > 0 === isClick(place)).length;
  out(`click or cut: ${(right / broken.places.length).toFixed(3)} told right`);
}
if (!values.dry) {
  for (const [lesson, look] of looks) forests[`${lesson}Forest`] = teach(look, isDefect);
  forests['clickForest'] = teach(broken, isClick);
  const text = Object.entries(forests).map(
    ([name, data]) => `export const ${name}: ForestData = ${JSON.stringify(data)};\n`,
  );
  await writeFile(
    new URL('../../../src/glitch/signal/forests.ts', import.meta.url),
    `// Written by bench/glitch/learn/learn.ts.\nimport type { ForestData } from './forest.js';\n\n${text.join('')}`,
  );
}
