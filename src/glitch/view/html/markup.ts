/** HTML that is safe to write out as it stands. */
export class Markup {
  constructor(readonly text: string) {}
}

export type Content = Markup | string | number | undefined | readonly Content[];

/**
 * A template of HTML: what is put in is escaped, for text and for quoted attributes, unless it is markup itself. Names
 * and texts out of a capture have no other way into a page.
 */
export function html(pieces: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  let text = pieces[0] ?? '';
  contents.forEach((content, index) => (text += render(content) + (pieces[index + 1] ?? '')));
  return new Markup(text);
}

function render(content: Content): string {
  if (content === undefined) return '';
  if (content instanceof Markup) return content.text;
  if (typeof content === 'object') return content.map(render).join('');
  return escapeHtml(String(content));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters are no legal HTML, and those that turn the direction of writing would disguise what follows. */
// eslint-disable-next-line no-control-regex -- these are what must not reach a page
const unseen = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

function escapeHtml(text: string): string {
  return text.replace(unseen, '\ufffd').replace(/[&<>"']/g, (character) => entities[character]!);
}
