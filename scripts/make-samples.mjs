#!/usr/bin/env node
// Makes the clips of samples/ afresh: two synthetic broadcasters, drawn as SVG layers and spoken by flite, and what
// the commands need beside. Needs an ffmpeg with libx264, libopus, librsvg, libfreetype and libflite, as Debian's is.
//
//   node scripts/make-samples.mjs
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const samples = fileURLToPath(new URL('../samples/', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'anchornet-samples-'));

const seconds = 10;
const font = '/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf';

/** Once a second a lamp lights for 100 ms and a note begins with it: lips and lamp show whether sound and picture fit. */
const people = [
  {
    file: 'host.mp4',
    name: 'Ada',
    title: 'host',
    colours: {
      sky: ['#1b2a6b', '#7b3fa0', '#f2798f'],
      hair: '#3b2417',
      skin: '#e8b48c',
      shirt: '#f4f1de',
      lamp: '#ffd166',
    },
    longHair: true,
    voice: 'slt',
    words:
      'Hello and welcome to the show. I am Ada. In a moment, a guest will join me, and you will not miss a single word.',
    notesHz: [261.63, 329.63, 392, 329.63, 440, 392, 329.63, 293.66, 261.63, 392],
  },
  {
    file: 'guest.mp4',
    name: 'Ben',
    title: 'guest',
    colours: {
      sky: ['#0b4f4a', '#2a9d8f', '#e9c46a'],
      hair: '#22223b',
      skin: '#c68863',
      shirt: '#264653',
      lamp: '#f4a261',
    },
    longHair: false,
    voice: 'rms',
    words: 'Hi Ada, thank you for having me. It is good to be on the program, mixed with you, side by side.',
    notesHz: [523.25, 493.88, 440, 392, 349.23, 392, 440, 493.88, 523.25, 587.33],
  },
];

try {
  for (const person of people) makePerson(person);
  makeShow();
  makeVoice();
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** A broadcaster as browsers send: H.264 constrained baseline with two IDRs a second, and Opus in frames of 20 ms. */
function makePerson(person) {
  const speech = join(work, `${person.name}.f32`);
  ffmpeg(
    '-f',
    'lavfi',
    '-i',
    `flite=voice=${person.voice}:text='${person.words}'`,
    ...['-ar', '48000', '-ac', '1', '-f', 'f32le', speech],
  );
  const speaking = spansOfSpeech(speech);
  const layers = layersOf(person).map(([name, svg]) => {
    const path = join(work, `${person.name}-${name}.svg`);
    writeFileSync(path, svg);
    return path;
  });
  const figureOn = (below, input, when, above) =>
    `[${below}][${input}:v]overlay=x=380:y='60+14*sin(2*PI*t/2.5)':enable='${when}'[${above}]`;
  const blinking = 'lt(mod(t+0.7,3.1),0.13)';
  const talking = speaking.map(([from, to]) => `between(t,${from},${to})`).join('+');
  const filters = [
    `color=black:s=1280x720:r=30:d=${seconds}[canvas]`,
    `[canvas][0:v]overlay=x='-640+560*sin(2*PI*t/${seconds})':y=0[b1]`,
    figureOn('b1', 1, '1', 'b2'),
    figureOn('b2', 2, `not(${blinking})`, 'b3'),
    figureOn('b3', 3, blinking, 'b4'),
    figureOn('b4', 4, talking, 'b5'),
    figureOn('b5', 5, `not(${talking})`, 'b6'),
    `[b6][6:v]overlay=x=0:y=0[b7]`,
    `[b7][7:v]overlay=x=0:y=0:enable='lt(mod(t+0.001,1),0.1)'[lamp]`,
    `[lamp]drawtext=fontfile=${font}:fontsize=38:fontcolor=white:x=960:y=60:text='%{pts\\:hms}'[v]`,
    `[8:a]volume=1.6,apad,atrim=duration=${seconds}[speech]`,
    `aevalsrc='${music(person.notesHz)}':s=48000:d=${seconds}[music]`,
    `[speech][music]amix=inputs=2:normalize=0,alimiter=limit=0.9:level=0,aformat=channel_layouts=stereo[a]`,
  ];
  ffmpeg(
    ...layers.flatMap((path) => ['-i', path]),
    ...['-f', 'f32le', '-ar', '48000', '-ac', '1', '-i', speech],
    ...['-filter_complex', filters.join(';'), '-map', '[v]', '-map', '[a]', '-t', String(seconds)],
    ...['-c:v', 'libx264', '-profile:v', 'baseline', '-preset', 'veryslow', '-tune', 'animation', '-bf', '0'],
    ...[
      '-crf',
      '25',
      '-maxrate',
      '1500k',
      '-bufsize',
      '1500k',
      '-g',
      '15',
      '-keyint_min',
      '15',
      '-sc_threshold',
      '0',
    ],
    ...['-pix_fmt', 'yuv420p', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-colorspace', 'bt709'],
    ...['-c:a', 'libopus', '-b:a', '64k', '-frame_duration', '20'],
    sample(person.file),
  );
}

/** What an RTMP encoder such as OBS sends: H.264 main with B-frames, and AAC; as MP4 and the same streams as FLV. */
function makeShow() {
  ffmpeg(
    ...['-i', sample('host.mp4'), '-t', '8', '-vf', 'scale=960:540:flags=lanczos'],
    ...[
      '-c:v',
      'libx264',
      '-profile:v',
      'main',
      '-preset',
      'veryslow',
      '-tune',
      'animation',
      '-bf',
      '2',
      '-crf',
      '27',
    ],
    ...['-g', '60', '-keyint_min', '60', '-sc_threshold', '0', '-pix_fmt', 'yuv420p'],
    ...['-c:a', 'aac', '-b:a', '96k', '-ar', '48000', '-movflags', '+faststart'],
    sample('show.mp4'),
  );
  ffmpeg('-i', sample('show.mp4'), '-c', 'copy', sample('show.flv'));
}

/** A guest without a camera. */
function makeVoice() {
  const words =
    'I have no camera today, so you only hear my voice. The program shows a placeholder with my name instead.';
  ffmpeg(
    ...[
      '-f',
      'lavfi',
      '-i',
      `flite=voice=kal16:text='${words}'`,
      '-af',
      `volume=1.6,apad,atrim=duration=${seconds}`,
    ],
    ...[
      '-c:a',
      'aac',
      '-b:a',
      '64k',
      '-ar',
      '48000',
      '-ac',
      '1',
      '-movflags',
      '+faststart',
      sample('voice.m4a'),
    ],
  );
}

/** A plucked note each second over a soft fifth that fits the length of the clip a whole number of times. */
function music(notesHz) {
  const note = notesHz.map((hz, i) => `eq(floor(t),${i})*${hz}`).join('+');
  return `0.16*exp(-6*mod(t,1))*sin(2*PI*(${note})*t)+0.012*sin(2*PI*130.8*t)+0.01*sin(2*PI*196*t)`;
}

/** Spans in seconds in which the mouth is open: where the speech is loud, in steps of 1/15 s. */
function spansOfSpeech(path) {
  const bytes = execFileSync('cat', [path], { maxBuffer: 1 << 28 });
  const samplesOf = new Float32Array(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
  );
  const step = 48_000 / 15;
  const loud = [];
  for (let start = 0; start + step <= samplesOf.length; start += step) {
    const block = samplesOf.subarray(start, start + step);
    if (Math.sqrt(block.reduce((sum, value) => sum + value * value, 0) / step) > 0.05)
      loud.push(start / 48_000);
  }
  return loud.map((at) => [at.toFixed(3), (at + 1 / 15 - 0.001).toFixed(3)]);
}

/** The SVG layers from back to front. */
function layersOf({ name, title, colours, longHair }) {
  const [top, middle, bottom] = colours.sky;
  const figure = (content) =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="520" height="720">${content}</svg>`;
  const canvas = (content) =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="1280" height="720">${content}</svg>`;
  const ball = (x, y, r, colour, opacity) =>
    `<circle cx="${x}" cy="${y}" r="${r}" fill="${colour}" fill-opacity="${opacity}"/>`;
  return [
    [
      'sky',
      `<svg xmlns="http://www.w3.org/2000/svg" width="2560" height="720"><defs>
<linearGradient id="g" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="${top}"/><stop offset="0.55" stop-color="${middle}"/><stop offset="1" stop-color="${bottom}"/></linearGradient></defs>
<rect width="2560" height="720" fill="url(#g)"/>
${ball(360, 160, 120, '#ffffff', 0.07)}${ball(760, 520, 200, '#ffffff', 0.06)}${ball(1250, 180, 160, '#ffffff', 0.07)}
${ball(1700, 560, 130, '#ffffff', 0.08)}${ball(2050, 220, 210, '#ffffff', 0.06)}${ball(2400, 520, 110, '#ffffff', 0.08)}</svg>`,
    ],
    [
      'body',
      figure(`
${longHair ? `<path d="M120 250 C110 90 410 90 400 250 L425 470 C380 500 140 500 95 470 Z" fill="${colours.hair}"/>` : ''}
<path d="M20 720 C25 520 150 480 260 480 C370 480 495 520 500 720 Z" fill="${colours.shirt}"/>
<path d="M215 400 L305 400 L315 500 C290 530 230 530 205 500 Z" fill="${colours.skin}"/>
<path d="M215 425 C240 455 280 455 305 425 L310 470 C280 490 240 490 210 470 Z" fill="#000000" fill-opacity="0.12"/>
<ellipse cx="260" cy="290" rx="118" ry="148" fill="${colours.skin}"/>
<path d="${
        longHair
          ? 'M138 290 C130 70 390 70 382 290 C370 215 330 190 290 190 C240 195 165 205 138 290 Z'
          : 'M136 280 C125 60 395 60 384 280 C380 230 360 205 330 200 C270 210 200 205 170 195 C150 210 140 240 136 270 Z'
      }" fill="${colours.hair}"/>
<path d="M188 250 q24 -14 46 -2 M286 248 q24 -12 46 2" stroke="${colours.hair}" stroke-width="8" fill="none" stroke-linecap="round"/>
<path d="M258 300 q-12 36 6 40" stroke="#000000" stroke-opacity="0.25" stroke-width="5" fill="none" stroke-linecap="round"/>`),
    ],
    [
      'open-eyes',
      figure(`<ellipse cx="212" cy="285" rx="15" ry="18" fill="#ffffff"/><ellipse cx="308" cy="285" rx="15" ry="18" fill="#ffffff"/>
<circle cx="213" cy="287" r="9" fill="#22313f"/><circle cx="307" cy="287" r="9" fill="#22313f"/>`),
    ],
    [
      'closed-eyes',
      figure(
        `<path d="M196 288 q16 10 32 0 M292 288 q16 10 32 0" stroke="#22313f" stroke-width="6" fill="none" stroke-linecap="round"/>`,
      ),
    ],
    [
      'open-mouth',
      figure(`<ellipse cx="260" cy="380" rx="36" ry="20" fill="#6b2430"/>
<path d="M232 372 q28 -12 56 0 l0 3 q-28 8 -56 0 Z" fill="#ffffff"/>`),
    ],
    [
      'closed-mouth',
      figure(
        `<path d="M218 372 q42 26 84 0" stroke="#8a3b3b" stroke-width="9" fill="none" stroke-linecap="round"/>`,
      ),
    ],
    [
      'title',
      canvas(`<rect x="0" y="36" width="1280" height="84" fill="#0b0f14" fill-opacity="0.62"/>
<rect x="0" y="36" width="12" height="84" fill="${colours.lamp}"/>
<text x="44" y="93" font-family="DejaVu Sans" font-weight="bold" font-size="44" fill="#ffffff">${name}</text>
<text x="${44 + name.length * 32 + 14}" y="93" font-family="DejaVu Sans" font-size="32" fill="#c9d3dd">${title}</text>
<circle cx="920" cy="78" r="17" fill="#39424c"/>`),
    ],
    [
      'lamp',
      canvas(
        `<circle cx="920" cy="78" r="30" fill="${colours.lamp}" fill-opacity="0.35"/><circle cx="920" cy="78" r="17" fill="${colours.lamp}"/>`,
      ),
    ],
  ];
}

function sample(name) {
  return join(samples, name);
}

function ffmpeg(...args) {
  const output = args.at(-1);
  const common = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'];
  // No dates, versions or thread-dependent decisions: the same sources give the same bytes.
  const exact = [
    '-threads',
    '1',
    '-fflags',
    '+bitexact',
    '-flags:v',
    '+bitexact',
    '-flags:a',
    '+bitexact',
    '-map_metadata',
    '-1',
  ];
  execFileSync('ffmpeg', [...common, ...args.slice(0, -1), ...exact, output], { stdio: ['ignore', 2, 2] });
  if (output.startsWith(samples))
    process.stderr.write(`${output.slice(samples.length)}: ${statSync(output).size} bytes\n`);
}
