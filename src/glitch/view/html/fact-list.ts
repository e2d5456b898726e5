import { html, type Content } from './markup.js';

/** A name, and what is told of it. */
export type Fact = readonly [name: string, value: Content];

/** What goes into a `dl`. */
export function factList(facts: readonly Fact[]): Content {
  return facts.map(
    ([name, value]) =>
      html`<div>
        <dt>${name}</dt>
        <dd>${value}</dd>
      </div>`,
  );
}
