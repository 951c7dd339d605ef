import { randomUUID } from 'node:crypto';
import type { NodeTarget } from '../engines/node-target';
import type { VolumesRepository } from '../volumes/volumes.repository';
import { StrayVolumes } from './stray-volumes';

const NODE: NodeTarget = { id: 'n1', name: 'edge-1', runtime: 'simulated', endpoint: null };

describe('volumes that no project has', () => {
  it('are looked for once an hour, by their ids, and never removed', async () => {
    const [known, stray] = [randomUUID(), randomUUID()];
    const asked: (readonly string[])[] = [];
    const strangersAmong = (ids: readonly string[]) => {
      asked.push(ids);
      return Promise.resolve(ids.filter((id) => id !== known));
    };
    const remove = (): Promise<void> => Promise.reject(new Error('It was removed'));
    const volumes = { list: () => Promise.resolve([known, stray, 'no id of ours']), remove };
    const strays = new StrayVolumes({ strangersAmong } as unknown as VolumesRepository);
    const { signal } = new AbortController();
    await strays.look(NODE, { volumes }, signal);
    await strays.look(NODE, { volumes }, signal);
    await strays.look({ ...NODE, id: 'n2' }, { volumes: null }, signal);
    expect(asked).toEqual([[known, stray]]);
  });
});
