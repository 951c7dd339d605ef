import { AllowedRegistries } from '../allowed-registries';
import type { WorkloadSpec } from '../runtime-driver';
import { jobFor } from './job-manifest';
import { contentOf, LABEL } from './labels';
import { secretFor } from './shared';

const place = {
  installationId: 'i1',
  nodeId: 'n1',
  nodeSelector: { zone: 'a' },
  gpuResource: 'nvidia.com/gpu',
  graceSeconds: 10,
  registries: new AllowedRegistries('docker.io'),
};
const spec: WorkloadSpec = {
  replicaId: '11111111-1111-4111-8111-111111111111',
  deploymentId: 'd1',
  deploymentName: 'web',
  ownerId: 'o1',
  generation: 2,
  image: 'registry:5000/acme/web:1.2',
  command: ['serve', '--port=80'],
  env: { PASSWORD: 'secret' },
  ports: [{ containerPort: 80, protocol: 'tcp' }],
  healthCheck: null,
  labels: { tier: 'front', 'a/b': 'x', note: 'two words' },
  resources: { cpuCores: 0.25, memoryMb: 64, storageGb: 1, gpuUnits: 1 },
};
const checks = { intervalSeconds: 10, timeoutSeconds: 5, retries: 3, startPeriodSeconds: 2 };
const container = (over: Partial<WorkloadSpec> = {}) => jobFor({ ...spec, ...over }, place).spec!.template.spec!.containers[0]!;

describe('jobFor', () => {
  const job = jobFor(spec, place);

  it.each([
    [10, 30],
    [90, 90],
  ])('gets, with %i s for containers, %i s when the cluster ends it', (graceSeconds, expected) => {
    expect(jobFor(spec, { ...place, graceSeconds }).spec?.template.spec?.terminationGracePeriodSeconds).toBe(expected);
  });

  it('is started once and never again, and its Pod has nothing of the cluster', () => {
    expect(job.spec).toMatchObject({ backoffLimit: 0, podReplacementPolicy: 'Failed' });
    expect(job.spec?.template.spec).toMatchObject({
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      nodeSelector: { zone: 'a' },
      securityContext: { runAsNonRoot: true },
    });
    expect(container().securityContext).toMatchObject({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } });
  });

  it('mounts the claims of its volumes, which its group may write to', () => {
    const volumes = [{ id: 'v1', name: 'data', path: '/data', sizeGb: 1, readOnly: true, wasMade: false }];
    const pod = jobFor({ ...spec, volumes }, place).spec?.template.spec;
    const claim = { claimName: 'fog-volume-v1', readOnly: true };
    expect(pod?.volumes).toEqual([{ name: 'volume-v1', persistentVolumeClaim: claim }]);
    expect(pod?.securityContext).toMatchObject({ runAsNonRoot: true, fsGroup: 65_532 });
    expect(container({ volumes }).volumeMounts).toEqual([{ name: 'volume-v1', mountPath: '/data', readOnly: true }]);
    expect([container().volumeMounts, job.spec?.template.spec?.volumes]).toEqual([undefined, undefined]);
  });

  it('asks for what it may use, and for GPUs by their resource', () => {
    const amounts = { cpu: '250m', memory: '64Mi', 'ephemeral-storage': '1Gi', 'nvidia.com/gpu': '1' };
    expect(container().resources).toEqual({ requests: amounts, limits: amounts });
  });

  it('lets machines pull from allowed registries only', () => {
    const policyOf = (image: string, imageDigest?: string) => container({ image, imageDigest }).imagePullPolicy;
    expect(policyOf('nginx:1')).toBe('IfNotPresent');
    expect(policyOf('docker.io/acme/web:1', `sha256:${'a'.repeat(64)}`)).toBe('IfNotPresent');
    for (const image of ['registry:5000/acme/web:1.2', '169.254.169.254/x:1', 'localhost/x:1', 'ghcr.io/x/y:1']) {
      expect(policyOf(image)).toBe('Never');
    }
    expect(policyOf('ghcr.io/x/y:1', `sha256:${'a'.repeat(64)}`)).toBe('Never');
  });

  it('keeps values of env out of the Job', () => {
    expect(JSON.stringify(job)).not.toContain('"secret"');
    const secret = secretFor(spec, place.installationId);
    expect(secret).toMatchObject({ kind: 'Secret', immutable: true, stringData: { PASSWORD: 'secret' } });
    expect(container().envFrom).toEqual([{ secretRef: { name: secret?.metadata.name } }]);
    expect(secretFor({ ...spec, env: {} }, place.installationId)).toBeNull();
    expect(container({ env: {} }).envFrom).toBeUndefined();
  });

  it('has one Secret for all replicas that are made of the same, and another one for another content', () => {
    const nameOf = (over: Partial<WorkloadSpec>) => secretFor({ ...spec, ...over }, 'i1')?.metadata.name;
    expect(nameOf({ replicaId: '22222222-2222-4222-8222-222222222222', generation: 3 })).toBe(nameOf({}));
    expect(nameOf({ env: { PASSWORD: 'another' } })).not.toBe(nameOf({}));
    expect(nameOf({ deploymentId: 'd2' })).not.toBe(nameOf({}));
  });

  it("names whose it is by labels, keeps users' labels apart, and those that are none in an annotation", () => {
    expect(job.metadata?.labels).toEqual({
      'label.fog-compute/tier': 'front',
      [LABEL.installation]: 'i1',
      [LABEL.deployment]: 'd1',
      [LABEL.node]: 'n1',
      [LABEL.content]: contentOf(spec),
      [LABEL.replica]: spec.replicaId,
      [LABEL.generation]: '2',
      [LABEL.owner]: 'o1',
    });
    expect(JSON.parse(job.metadata?.annotations?.['fog-compute/labels'] ?? '')).toEqual({ 'a/b': 'x', note: 'two words' });
  });

  it('leaves the entrypoint of the image, and runs the digest of the revision', () => {
    expect(container()).toMatchObject({ args: ['serve', '--port=80'], image: 'registry:5000/acme/web:1.2' });
    expect(container().command).toBeUndefined();
    expect(container({ command: null }).args).toBeUndefined();
    expect(container({ imageDigest: 'sha256:ab' }).image).toBe('registry:5000/acme/web@sha256:ab');
    expect(container({ image: 'registry:5000/web', imageDigest: 'sha256:ab' }).image).toBe('registry:5000/web@sha256:ab');
  });

  it.each([
    [
      { command: ['ok'], ...checks },
      { exec: { command: ['ok'] }, initialDelaySeconds: 2, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
    ],
    [{ tcp: { port: 80 }, ...checks }, { tcpSocket: { port: 80 } }],
    [{ http: { port: 80, path: '/up', expectStatus: { from: 200, to: 399 } }, ...checks }, { httpGet: { port: 80, path: '/up' } }],
  ])('makes the check %j a readiness probe', (healthCheck, probe) => {
    expect(container({ healthCheck }).readinessProbe).toMatchObject(probe);
  });

  it('is for another node when no cluster can make its check', () => {
    const healthCheck = { http: { port: 80, path: '/', expectStatus: { from: 204, to: 204 } }, ...checks };
    expect(() => container({ healthCheck })).toThrow(expect.objectContaining({ failure: 'unfit' }));
  });

  it('may write to a small folder only when its root cannot be written', () => {
    const pod = jobFor({ ...spec, readOnlyRoot: true }, place).spec?.template.spec;
    expect(pod?.volumes).toEqual([{ name: 'tmp', emptyDir: { sizeLimit: '64Mi' } }]);
    expect(pod?.containers[0]?.securityContext?.readOnlyRootFilesystem).toBe(true);
  });
});
