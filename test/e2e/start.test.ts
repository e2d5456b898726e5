import { describe, expect, it } from 'vitest';
import { waitFor } from '../peers/wait-for.js';
import { Show } from './show.js';

describe('a host that goes live on a server', () => {
  it('is relayed from its first picture on, although the media process has yet to start', async () => {
    await using show = await Show.open();
    const host = await show.host(await show.clip('host'));
    const isSwitch = ({ type }: { type: string }): boolean => type === 'switched';
    await waitFor('the first picture', () => show.events.find(isSwitch));
    await show.letRun(host, 60);
    expect(show.events.filter(isSwitch)).toMatchObject([{ mode: 'live', source: 'relay' }]);
  });
});
