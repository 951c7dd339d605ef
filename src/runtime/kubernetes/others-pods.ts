import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { boundedCall } from '../bounded-call';
import { askAgain } from './ask-again';
import type { ClusterClient } from './cluster-client';
import { toDriverError } from './kubernetes-errors';
import { LABEL } from './labels';
import { pagesOf } from './pages';

const PAGE_MS = 30_000;

/**
 * The Pods of others, and of other nodes of ours that are parts of the same cluster, that hold something of a machine, in all namespaces, with what they ask for and nothing else. A cluster may have many
 * thousands: they come in pages, and without the client's classes, which would take ten times as long to make.
 */
export async function othersPods(client: ClusterClient, nodeId: string, signal: AbortSignal): Promise<V1Pod[]> {
  const query = {
    fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed,spec.nodeName!=',
    labelSelector: `${LABEL.node}!=${nodeId}`,
  };
  const limits = { signal, doing: 'list the Pods of all namespaces', timeoutMs: PAGE_MS, toDriverError };
  const pages = pagesOf<V1Pod>((page) =>
    boundedCall(limits, (limited) =>
      askAgain(() => client.call('GET', '/api/v1/pods', { query: { ...query, ...page }, signal: limited }), limited),
    ),
  );
  const pods: V1Pod[] = [];
  for await (const items of pages) for (const pod of items) pods.push(bareOf(pod));
  return pods;
}

function bareOf({ spec, status }: V1Pod): V1Pod {
  const bare = ({ resources }: V1Container): V1Container => ({ name: '', resources: { requests: { ...resources?.requests } } });
  return {
    status: { phase: status?.phase },
    spec: {
      nodeName: spec?.nodeName,
      containers: (spec?.containers ?? []).map(bare),
      initContainers: (spec?.initContainers ?? []).map(bare),
      overhead: spec?.overhead,
    },
  };
}
