import { MalformedMediaError, UnsupportedMediaError } from '../../../base/errors.js';
import type { ReadVariant } from '../../variant.js';
import { load, type LoadOptions } from './load.js';
import { parsePlaylist, type MediaPlaylist } from './playlist.js';

/** A day of segments of a second is about 5 MB. */
const MAX_PLAYLIST_BYTES = 16 * 2 ** 20;

type PlaylistOptions = Omit<LoadOptions, 'maxBytes'>;

/** A media playlist, and where it is loaded again. */
export interface FoundPlaylist {
  readonly address: string;
  readonly playlist: MediaPlaylist;
  /** When there were several. */
  readonly variant: ReadVariant | undefined;
}

/**
 * The media playlist at an address; of a multivariant playlist, that of the variant with the most bits.
 *
 * @throws DestinationError when one cannot be had; MalformedMediaError when one is no playlist
 * @throws UnsupportedMediaError when segments are encrypted, or the variant's sound lies apart from its pictures
 */
export async function findPlaylist(address: string, options: PlaylistOptions): Promise<FoundPlaylist> {
  const first = await read(address, options);
  if (first.kind === 'media') return { address, playlist: first, variant: undefined };
  const [best] = [...first.variants].sort((one, other) => other.bandwidthBps - one.bandwidthBps);
  if (best === undefined)
    throw new MalformedMediaError(`${address}: a multivariant playlist without variants`);
  if (best.audioUri !== undefined && best.audioUri !== best.uri) {
    throw new UnsupportedMediaError(
      `${address}: sound in a playlist of its own is not read with the pictures`,
      {
        hint: `Analyse one playlist alone: ${best.audioUri} or ${best.uri}`,
      },
    );
  }
  const { uri, bandwidthBps } = best;
  const of = first.variants.length;
  const variant = of === 1 ? undefined : { address: uri, bandwidthBps, of };
  return { address: uri, playlist: await loadMediaPlaylist(uri, options), variant };
}

/** @throws as {@link findPlaylist} */
export async function loadMediaPlaylist(address: string, options: PlaylistOptions): Promise<MediaPlaylist> {
  const playlist = await read(address, options);
  if (playlist.kind === 'media') return playlist;
  throw new MalformedMediaError(`${address}: expected a media playlist`);
}

async function read(address: string, options: PlaylistOptions): Promise<ReturnType<typeof parsePlaylist>> {
  const source = { uri: address, range: undefined };
  const { bytes, url } = await load(source, { ...options, maxBytes: MAX_PLAYLIST_BYTES });
  return parsePlaylist(bytes.toString('utf8'), url);
}
