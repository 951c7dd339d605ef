import { DomainError } from '../common/problem/domain-error';
import type { LockedDeployment } from './deployments.repository';
import { DEPLOYMENT_STATUSES } from './domain/deployment-status';
import { deploymentNotFound, requireDeploymentId, requireLive } from './refusals';

const ID = '0f8fad5b-d9cb-469f-a165-70867728950e';
const refusal = (work: () => unknown): Pick<DomainError, 'code' | 'status' | 'detail'> | null => {
  try {
    work();
    return null;
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return { code: error.code, status: error.status, detail: error.detail };
  }
};
const locked = (status: LockedDeployment['status']): LockedDeployment => ({
  id: ID,
  userId: 'u1',
  projectId: 'p1',
  name: 'web',
  status,
  targetReplicas: 1,
  generation: 1,
  revision: 1,
  currentRollout: 0,
  openRollout: null,
  version: 1,
  region: 'us-east',
  placementStrategy: 'spread',
  resources: { cpuCores: 1, memoryMb: 512, gpuUnits: 0, storageGb: 1 },
});

describe('requireDeploymentId', () => {
  it('gives a UUID back in the form that the database uses', () => {
    expect([requireDeploymentId(ID), requireDeploymentId(ID.toUpperCase())]).toEqual([ID, ID]);
  });

  it.each(['', 'web', `${ID} `, `${ID}\n`, ID.slice(1), `${ID}0`, ID.replaceAll('-', ''), `{${ID}}`, "' OR 1=1"])('refuses %j', (id) => {
    const detail = 'Invalid deployment ID format';
    expect(refusal(() => requireDeploymentId(id))).toEqual({ code: 'not_found', status: 404, detail });
    expect(refusal(() => requireDeploymentId(id, 'invalid_deployment_id'))).toEqual({ code: 'invalid_deployment_id', status: 400, detail });
  });
});

describe('requireLive', () => {
  it.each(DEPLOYMENT_STATUSES.filter((status) => status !== 'deleted'))('lets one pass that is %s', (status) => {
    expect(requireLive(locked(status), ID).status).toBe(status);
  });

  it('answers for missing and for deleted ones in the same words', () => {
    const words = { code: 'not_found', status: 404, detail: `Deployment ${ID} not found or access denied` };
    expect([refusal(() => requireLive(null, ID)), refusal(() => requireLive(locked('deleted'), ID))]).toEqual([words, words]);
    expect(deploymentNotFound(ID).detail).toBe(words.detail);
  });
});
