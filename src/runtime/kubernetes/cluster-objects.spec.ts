import { mergedMetadata } from './cluster-objects';

describe('mergedMetadata', () => {
  it('keeps what others have written, and of ours only what is wanted', () => {
    const read = {
      name: 'web',
      uid: 'u',
      resourceVersion: '7',
      finalizers: ['lb.example/clean-up'],
      ownerReferences: [{ uid: 'o' }],
      labels: { 'fog-compute/node': 'old', 'fog-compute/deployment': 'd', team: 'theirs' },
      annotations: { 'lb.example/id': '42', 'fog-compute/going': 'now' },
    };
    expect(mergedMetadata(read, { name: 'web', labels: { 'fog-compute/deployment': 'd' } })).toEqual({
      name: 'web',
      resourceVersion: '7',
      finalizers: ['lb.example/clean-up'],
      ownerReferences: [{ uid: 'o' }],
      labels: { 'fog-compute/deployment': 'd', team: 'theirs' },
      annotations: { 'lb.example/id': '42' },
    });
  });
});
