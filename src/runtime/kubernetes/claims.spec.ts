import type { V1Job, V1Pod } from '@kubernetes/client-node';
import { claimName, requireOnlyWriter } from './claims';
import { LABEL } from './labels';

const VOLUME = { id: 'v', name: 'data', path: '/data', sizeGb: 1, readOnly: false, wasMade: true };
const mounting = (id: string, readOnly = false): object => ({
  volumes: [
    { name: 'x', emptyDir: {} },
    { name: 'y', persistentVolumeClaim: { claimName: claimName(id), readOnly } },
  ],
});
const of = (replica: string): object => ({ labels: { [LABEL.replica]: replica } });
const aPod = (replica: string, phase: string, spec = mounting('v')): V1Pod => ({ metadata: of(replica), spec, status: { phase } }) as V1Pod;
const aJob = (replica: string, status: object = {}, more: object = {}): V1Job =>
  ({ metadata: of(replica), spec: { template: { spec: mounting('v') }, ...more }, status }) as V1Job;
const ended = (type: string, status = 'True'): object => ({ conditions: [{ type, status }] });

const refused = (jobs: V1Job[], pods: V1Pod[], volumes = [VOLUME]): Promise<boolean> =>
  requireOnlyWriter({ jobs: () => Promise.resolve(jobs), pods: () => Promise.resolve(pods) }, { volumes, replicaId: 'own' }).then(
    () => false,
    (error: unknown) => String(error).includes('still writes to the volume data'),
  );

describe('a writer in a cluster', () => {
  it.each<[string, boolean, Promise<boolean>]>([
    ['is alone', false, refused([], [])],
    ['is there already', false, refused([aJob('own')], [aPod('own', 'Running')])],
    ['finds another Pod that runs', true, refused([], [aPod('other', 'Running')])],
    ['finds another one that waits', true, refused([], [aPod('other', 'Pending')])],
    ['finds one that has ended', false, refused([], [aPod('other', 'Succeeded'), aPod('another', 'Failed')])],
    ['finds one that reads', false, refused([], [aPod('other', 'Running', mounting('v', true))])],
    ['finds one of another volume', false, refused([], [aPod('other', 'Running', mounting('w'))])],
    ['finds a Job that may make a Pod', true, refused([aJob('other')], [])],
    ['finds one that is not over yet', true, refused([aJob('other', ended('Complete', 'False'))], [])],
    ['finds one that is over', false, refused([aJob('other', ended('Complete')), aJob('another', ended('Failed'))], [])],
    ['finds one that is suspended', false, refused([aJob('other', {}, { suspend: true })], [])],
    ['only reads', false, refused([], [aPod('other', 'Running')], [{ ...VOLUME, readOnly: true }])],
  ])('that %s: %s', async (_what, expected, is) => expect(await is).toBe(expected));
});
