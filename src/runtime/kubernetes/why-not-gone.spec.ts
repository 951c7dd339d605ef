import type { V1Pod } from '@kubernetes/client-node';
import { whyNotGone } from './why-not-gone';

const pod = (over: V1Pod = {}): V1Pod => ({ ...over, metadata: { finalizers: ['batch.kubernetes.io/job-tracking'], ...over.metadata } });

describe('whyNotGone', () => {
  it('names the finalizers that are not of the cluster itself', () => {
    expect(whyNotGone(null, [pod({ metadata: { finalizers: ['batch.kubernetes.io/job-tracking', 'guard.example/keep'] } })])).toBe(
      'Its Pod is kept in the cluster by the finalizer guard.example/keep',
    );
    expect(whyNotGone({ metadata: { finalizers: ['foregroundDeletion', 'a/b'] } }, [])).toMatch(/^Its Job is kept .* a\/b$/);
  });

  it('names a machine that is silent', () => {
    const conditions = [
      { type: 'Ready', status: 'False' },
      { type: 'ContainersReady', status: 'True' },
    ];
    expect(whyNotGone(null, [pod({ spec: { nodeName: 'm-1', containers: [] }, status: { conditions } })])).toMatch(
      /machine m-1 .* does not answer/,
    );
  });

  it('says what is waited for otherwise', () => {
    expect(whyNotGone(null, [pod()])).toMatch(/has not ended yet/);
    expect(whyNotGone({ metadata: { finalizers: ['foregroundDeletion'] } }, [])).toMatch(/not removed its Job/);
  });
});
