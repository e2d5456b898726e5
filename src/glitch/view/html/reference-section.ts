import type { ReferenceSummary } from '../../reference/reference-check.js';
import { factList, type Fact } from './fact-list.js';
import { html, type Content } from './markup.js';
import { channelNames, milliseconds } from './words.js';

/** What the comparison with a reference came to, for the whole capture. */
export function referenceSection(reference: ReferenceSummary): Content {
  const { gainDb, errorDb, noiseToMaskDb } = reference;
  const names = channelNames(gainDb.length);
  return html`<section aria-labelledby="reference-title">
    <h2 id="reference-title">Against the reference</h2>
    <div class="reference">
      <dl class="facts">${factList(factsOf(reference))}</dl>
      <div class="table-frame" tabindex="0" role="region" aria-label="Each channel against the reference">
        <table>
          <thead>
            <tr>
              <th scope="col">Channel</th>
              <th scope="col">Level</th>
              <th scope="col">Error</th>
              <th scope="col">Noise to mask</th>
            </tr>
          </thead>
          <tbody>
            ${gainDb.map(
              (gain, channel) =>
                html`<tr>
                  <th scope="row">${names[channel]}</th>
                  <td>${decibels(gain)}</td>
                  <td>${decibels(errorDb[channel]!)}</td>
                  <td>${decibels(noiseToMaskDb[channel]!)}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
      <p class="about">
        Level and error count against the reference's sound. Noise under 0 dB lies below what the sound masks,
        on average.
      </p>
    </div>
  </section>`;
}

function factsOf(reference: ReferenceSummary): Fact[] {
  const { input, offsetMs, driftPpm, comparedMs, lostSamples, insertedSamples, copiedShare } = reference;
  return [
    ['Reference', html`<span class="path">${input}</span>`],
    ['Compared', milliseconds(comparedMs)],
    ['Capture begins', offsetMs < 0 ? `${-offsetMs} ms before it` : `${offsetMs} ms into it`],
    ['Drift', `${driftPpm} ppm`],
    ['Lost', `${lostSamples} samples`],
    ['Inserted', `${insertedSamples} samples`],
    ['Frames copied', `${Math.round(copiedShare * 100)} %`],
  ];
}

/** With a true minus, and none before zero. */
function decibels(value: number): string {
  const tenths = Math.round(value * 10) / 10 || 0;
  return `${tenths.toFixed(1).replace('-', '−')} dB`;
}
