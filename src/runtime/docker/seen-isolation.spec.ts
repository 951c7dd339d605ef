import type { NodeTarget } from '../../engines/node-target';
import { engineIsolation } from './engine-isolation';
import { SeenIsolation } from './seen-isolation';

const node: NodeTarget = { id: 'n1', name: 'edge', runtime: 'docker', endpoint: null };
const onXfs = engineIsolation({ Driver: 'overlay2', DriverStatus: [['Backing Filesystem', 'xfs']] });

describe('SeenIsolation', () => {
  it('learns from the first container whether storage can be limited', () => {
    const seen = new SeenIsolation();
    expect(seen.of(node)).toBeUndefined();
    expect(seen.note(node, onXfs).storageLimit).toBe('unknown');
    seen.storageLimitSeen(node, false);
    expect(seen.of(node)?.storageLimit).toBe('not_enforced');
    expect(seen.note(node, onXfs).storageLimit).toBe('not_enforced');
    expect(seen.note({ ...node, id: 'n2' }, onXfs).storageLimit).toBe('unknown');
  });

  it('believes an engine that knows', () => {
    const seen = new SeenIsolation();
    seen.storageLimitSeen(node, false);
    expect(seen.note(node, { ...onXfs, storageLimit: 'enforced' }).storageLimit).toBe('enforced');
  });
});
