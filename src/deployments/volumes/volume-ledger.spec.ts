import type { VolumeMount } from '../../engines/container-spec';
import type { StoredVolume } from '../../volumes/volumes.repository';
import { VolumeLedger } from './volume-ledger';

const stored = (name: string, over: Partial<StoredVolume> = {}): StoredVolume => ({
  id: `id-${name}`,
  name,
  sizeGb: 2,
  node: null,
  wasMade: false,
  ...over,
});
const on = (name: string, node: string): StoredVolume => stored(name, { node: { id: node, name: `node-${node}` } });
const mounts = (...volumes: (Partial<VolumeMount> & { name: string })[]) => ({
  volumes: volumes.map((volume) => ({ path: `/${volume.name}`, sizeGb: 2, readOnly: false, ...volume })),
});
const NEW = { id: null, name: 'web' };

describe('the volumes of a project, while deployments are decided', () => {
  it('are made by the first deployment that names them, and found by those after it', () => {
    const ledger = new VolumeLedger([stored('there')], []);
    expect(ledger.take(mounts({ name: 'there' }, { name: 'fresh' }), NEW)).toEqual([{ name: 'fresh', sizeGb: 2 }]);
    expect(ledger.take(mounts({ name: 'fresh', readOnly: true }), { id: null, name: 'other' })).toEqual([]);
  });

  it('have one writer, also among those that are decided together', () => {
    const ledger = new VolumeLedger([stored('data')], [{ volume: 'data', id: 'd1', name: 'db' }]);
    expect(() => ledger.take(mounts({ name: 'data' }), NEW)).toThrow('Deployment db writes to the volume data');
    expect(ledger.take(mounts({ name: 'data' }), { id: 'd1', name: 'db' })).toEqual([]);
    expect(ledger.take(mounts({ name: 'data', readOnly: true }), NEW)).toEqual([]);
    ledger.take(mounts({ name: 'new' }), NEW);
    expect(() => ledger.requireFree(mounts({ name: 'new' }), { id: 'd2' })).toThrow('Deployment web writes to the volume new');
  });

  it('keep their size and their node', () => {
    const ledger = new VolumeLedger([on('a', 'n1'), on('b', 'n2'), stored('c')], []);
    expect(() => ledger.take(mounts({ name: 'a', sizeGb: 3 }), NEW)).toThrow('the volume a has 2 GB, and its size does not change');
    expect(() => ledger.take(mounts({ name: 'a' }, { name: 'b' }), NEW)).toThrow('a on node-n1, b on node-n2');
    expect(ledger.places(mounts({ name: 'a' }, { name: 'c' }))).toEqual({
      node: { id: 'n1', name: 'node-n1' },
      words: 'data of a and c',
      newGb: 2,
    });
    expect(ledger.places({})).toBeNull();
  });
});
