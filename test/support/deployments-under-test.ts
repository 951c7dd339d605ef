import type { Answer, CallOptions, Client } from './client';
import { until } from './until';

export interface ReplicaView {
  readonly id: string;
  readonly status: string;
  readonly container_id: string | null;
  readonly confirmed: boolean;
  readonly healthy: boolean | null;
  readonly reason: string | null;
  readonly attempt: number;
}

/** The parts of a status answer that the fault tests read. */
export interface StatusView {
  readonly status: string;
  readonly health: string;
  readonly health_reasons: readonly string[];
  readonly target_replicas: number;
  readonly replicas: readonly ReplicaView[];
  readonly work: { readonly attempts: number; readonly last_error: string | null; readonly stuck_since: string | null } | null;
}

export const deployWish = (name: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  name,
  type: 'compute',
  container_image: 'nginx:1.27',
  replicas: 1,
  resources: { cpu: 0.5, memory: 512, storage: 1 },
  ...more,
});

/** Deploys and returns the id; throws with the answer if that is not a 202. */
export async function deploy(client: Client, name: string, more: Record<string, unknown> = {}, options?: CallOptions): Promise<string> {
  const answer = await client.post('/api/deployment/deploy', deployWish(name, more), options);
  if (answer.status !== 202) throw new Error(`deploy answered ${String(answer.status)}: ${JSON.stringify(answer.body)}`);
  return (answer.body as { deployment_id: string }).deployment_id;
}

export const remove = (client: Client, id: string, query = '', options?: CallOptions): Promise<Answer> =>
  client.delete(`/api/deployment/${id}${query}`, options);

export async function statusOf(client: Client, id: string): Promise<StatusView> {
  const answer = await client.get(`/api/deployment/status/${id}?include_deleted=true`);
  if (answer.status !== 200) throw new Error(`status answered ${String(answer.status)}: ${JSON.stringify(answer.body)}`);
  return answer.body as StatusView;
}

export const inStatus = (view: StatusView, status: string): ReplicaView[] => view.replicas.filter((replica) => replica.status === status);

/** Waits until the deployment is running with all its replicas and healthy, and returns its status. */
export async function untilHealthy(client: Client, id: string, timeoutMs = 60_000): Promise<StatusView> {
  let last: StatusView | undefined;
  const isHealthy = async (): Promise<StatusView | null> => {
    last = await statusOf(client, id);
    return last.status === 'running' && last.health === 'healthy' && inStatus(last, 'running').length === last.target_replicas
      ? last
      : null;
  };
  try {
    return await until(isHealthy, { timeoutMs, everyMs: 50, what: `deployment ${id} to be healthy` });
  } catch (error) {
    throw new Error(`${String(error)}; last seen: ${JSON.stringify(last)}`, { cause: error });
  }
}

/** Waits until the background has nothing left to do for the deployment, and returns its status. */
export function untilNoWork(client: Client, id: string, timeoutMs = 60_000): Promise<StatusView> {
  const isDone = async (): Promise<StatusView | null> => {
    const view = await statusOf(client, id);
    return view.work === null ? view : null;
  };
  return until(isDone, { timeoutMs, everyMs: 50, what: `the work on ${id} to end` });
}
