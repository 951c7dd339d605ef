import type { TestApp } from './test-app';
import { until } from './until';

/** A policy by which a rollout on the simulated runtime takes no time. */
export const QUICK = { min_healthy_seconds: 0 };

export interface RolloutBody {
  revision: number;
  from_revision: number;
  state: string;
  updated_replicas: number;
  healthy_replicas: number;
  old_replicas: number;
  reason: string | null;
  started_at: string;
  finished_at: string | null;
}

export const change = (t: TestApp, user: string, id: string, patch: object) => t.as(user).patch(`/api/deployment/${id}`).send(patch);

export const rolloutOf = async (t: TestApp, user: string, id: string): Promise<RolloutBody> =>
  (await t.as(user).get(`/api/deployment/${id}/rollout?include_deleted=true`).expect(200)).body as RolloutBody;

/** Waits until the newest rollout is over and in this state. */
export const rolloutEnds = (t: TestApp, user: string, id: string, state: string): Promise<RolloutBody> =>
  until(
    async () => {
      const rollout = await rolloutOf(t, user, id);
      return rollout.state === state && rollout.finished_at !== null ? rollout : null;
    },
    { what: `the rollout of ${id} to be ${state}` },
  );

/** The revisions of the replicas that live. */
export async function liveRevisions(t: TestApp, user: string, id: string): Promise<number[]> {
  const { body } = await t.as(user).get(`/api/deployment/status/${id}`).expect(200);
  const { replicas } = body as { replicas: { status: string; revision: number }[] };
  return replicas.filter(({ status }) => ['pending', 'starting', 'running'].includes(status)).map(({ revision }) => revision);
}
