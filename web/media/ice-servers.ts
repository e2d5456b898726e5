import { ApiClient } from '../api/client.js';

/**
 * The STUN and TURN servers that the server tells its clients of. They must be known before the offer is made, when
 * the Link headers of its answer have not been seen.
 *
 * @param endpoint address of WHIP or WHEP in a room
 */
export async function iceServersFor(endpoint: string, token: string | undefined): Promise<RTCIceServer[]> {
  const room = new URL(endpoint, document.baseURI).pathname.split('/')[2] ?? '';
  const { iceServers } = await new ApiClient(token).get<{ iceServers: RTCIceServer[] }>(`/me?room=${room}`);
  return iceServers;
}
