import { MalformedMediaError } from '../../base/errors.js';

/** More than any browser offers; parsing stays far below a millisecond. */
const MAX_SECTIONS = 16;

export interface SdpAttribute {
  readonly name: string;
  /** What follows the colon; empty for a flag. */
  readonly value: string;
}

export interface SdpSection {
  /** `audio`, `video`, `application`… */
  readonly kind: string;
  readonly port: number;
  readonly protocol: string;
  /** As written: payload types for RTP. */
  readonly formats: readonly string[];
  readonly attributes: readonly SdpAttribute[];
}

export interface SessionDescription {
  readonly attributes: readonly SdpAttribute[];
  readonly sections: readonly SdpSection[];
}

/**
 * The parts of a session description (RFC 8866) that WebRTC uses: attributes and m-sections.
 *
 * @throws MalformedMediaError naming the line
 */
export function parseSessionDescription(text: string): SessionDescription {
  const lines = text.split(/\r\n|\r|\n/);
  if (lines[0] !== 'v=0') throw new MalformedMediaError('SDP line 1: expected "v=0"');
  const attributes: SdpAttribute[] = [];
  const sections: (Omit<SdpSection, 'attributes'> & { attributes: SdpAttribute[] })[] = [];
  lines.forEach((line, index) => {
    if (line === '') return;
    if (!/^[a-z]=/.test(line))
      throw new MalformedMediaError(`SDP line ${index + 1}: expected <type>=<value>`);
    if (line.startsWith('m=')) {
      if (sections.length === MAX_SECTIONS)
        throw new MalformedMediaError(`SDP: expected at most ${MAX_SECTIONS} m-lines, got more`);
      sections.push({ ...parseMediaLine(line.slice(2), index + 1), attributes: [] });
    } else if (line.startsWith('a=')) {
      (sections.at(-1)?.attributes ?? attributes).push(parseAttribute(line.slice(2)));
    }
  });
  return { attributes, sections };
}

/** The values of every attribute of that name, in order. */
export function attributeValues(attributes: readonly SdpAttribute[], name: string): readonly string[] {
  return attributes.filter((attribute) => attribute.name === name).map((attribute) => attribute.value);
}

export function hasAttribute(attributes: readonly SdpAttribute[], name: string): boolean {
  return attributes.some((attribute) => attribute.name === name);
}

/** A section's own attributes first, then the session's. */
export function inheritedValues(
  description: SessionDescription,
  section: SdpSection,
  name: string,
): readonly string[] {
  const own = attributeValues(section.attributes, name);
  return own.length > 0 ? own : attributeValues(description.attributes, name);
}

export function parseAttribute(text: string): SdpAttribute {
  const colon = text.indexOf(':');
  return colon < 0 ? { name: text, value: '' } : { name: text.slice(0, colon), value: text.slice(colon + 1) };
}

function parseMediaLine(text: string, line: number): Omit<SdpSection, 'attributes'> {
  const match = /^([a-z]+) (\d{1,5})(?:\/\d+)? (\S+) (\S.*)$/.exec(text);
  if (match === null)
    throw new MalformedMediaError(`SDP line ${line}: expected m=<media> <port> <proto> <fmt>…`);
  return {
    kind: match[1]!,
    port: Number(match[2]),
    protocol: match[3]!,
    formats: match[4]!.trim().split(/ +/),
  };
}
