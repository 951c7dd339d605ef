import { ClusterClient } from './cluster-client';

describe('ClusterClient', () => {
  it.each([
    ['in-cluster outside of a cluster', null, 'This program does not run in a Kubernetes cluster'],
    ['a kubeconfig that is none', 'hello', 'The kubeconfig of this node cannot be used: it must be a kubeconfig, in YAML or JSON'],
    [
      'one that names no cluster',
      '{"clusters": [], "contexts": [], "users": []}',
      expect.stringContaining('The kubeconfig of this node cannot be used: it must name its context'),
    ],
  ])('is not to be had for %s, in words', async (_what, kubeconfig, message) => {
    await expect(
      ClusterClient.of({ kubeconfig, namespace: 'fog', nodeSelector: {}, ingressClass: null, gateway: null }),
    ).rejects.toMatchObject({
      failure: 'unreachable',
      message,
    });
  });
});
