import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import type { NodeTarget } from '../../src/engines/node-target';
import { AllowedRegistries } from '../../src/runtime/allowed-registries';
import { containerName } from '../../src/runtime/docker/container-payload';
import { DockerDriver, type DockerDriverOptions } from '../../src/runtime/docker/docker.driver';
import { DockerEngines } from '../../src/runtime/docker/docker-engines';
import type { ImageRules } from '../../src/runtime/docker/images';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { OwnPullTurns } from '../../src/runtime/docker/pull-turns';
import type { WorkloadSpec } from '../../src/runtime/runtime-driver';
import type { RuntimeUnderTest, Script } from '../contract/runtime-under-test';
import { engineClient, loadTestImage, removeContainersOf, TEST_IMAGE } from '../support/engine';

export interface DockerUnderTest extends RuntimeUnderTest {
  readonly driver: DockerDriver;
  /** Another driver of the same installation, as after a restart. */
  readonly again: (over?: Partial<DockerDriverOptions>) => DockerDriver;
  readonly engines: DockerEngines;
  readonly docker: Docker;
  readonly installationId: string;
}

const IMAGE_RULES: ImageRules = {
  registries: new AllowedRegistries('docker.io'),
  turns: new OwnPullTurns({ total: 4, perOwner: 2 }),
  pullTimeoutSeconds: 20,
  pullStallSeconds: 10,
  maxImageMb: 1_000,
};

/** The engine of this machine, or the one at `endpoint`. */
export const dockerNode = (endpoint: string | null = null): NodeTarget => ({
  id: randomUUID(),
  name: 'engine',
  runtime: 'docker',
  endpoint,
});

interface EngineOptions {
  /** Another engine than the one of this machine: `unix:///…`. */
  readonly dockerHost?: string;
  readonly driver?: Partial<DockerDriverOptions>;
}

/** A driver on the real engine, with an installation id of its own, so that test files do not see each other's containers. */
export async function dockerUnderTest({
  imageKeepHours = 0,
  dockerHost,
  driver: options,
  ...rules
}: Partial<ImageRules> & { imageKeepHours?: number } & EngineOptions = {}): Promise<DockerUnderTest> {
  const docker = engineClient(dockerHost);
  await loadTestImage(docker);
  const installationId = randomUUID();
  const engines = new DockerEngines({ dockerHost: dockerHost ?? process.env.DOCKER_HOST, certPath: process.env.DOCKER_CERT_PATH });
  const images = { ...IMAGE_RULES, ...rules };
  const again = (over: Partial<DockerDriverOptions> = {}): DockerDriver =>
    new DockerDriver(engines, {
      ...{ installationId, publishAddress: '127.0.0.1', images, imageKeepHours, extraCapabilities: [], openFiles: 4096 },
      networks: { pool: { cidr: '198.18.0.0/15', prefixLength: 24 }, outgoing: true },
      ...options,
      ...over,
    });
  const driver = again();
  const target = dockerNode();
  const containerOf = async (replicaId: string): Promise<Docker.Container> => {
    const [found] = await docker.listContainers({ all: true, filters: { label: [`${LABEL.replica}=${replicaId}`] } });
    if (found === undefined) throw new Error(`No container of replica ${replicaId}`);
    return docker.getContainer(found.Id);
  };
  return {
    driver,
    again,
    engines,
    docker,
    installationId,
    target,
    away: dockerNode('tcp://127.0.0.1:1'),
    scripted,
    kill: async (replicaId) => {
      await (await containerOf(replicaId)).kill();
    },
    vanish: async (replicaId) => {
      await (await containerOf(replicaId)).remove({ force: true, v: true });
    },
    decoy: (spec) => decoy(docker, spec),
    close: async () => {
      await removeContainersOf(docker, installationId);
      engines.close();
    },
  };
}

const SCRIPTS: Record<Exclude<Script, 'missing-image'>, string | null> = {
  steady: null,
  unwell: null,
  stubborn: `trap '' TERM; while true; do sleep 1; done`,
  fails: 'exit 3',
  ends: 'exit 0',
  'out-of-memory': 'exec dd if=/dev/zero of=/dev/null bs=64M count=1',
  speaks: 'echo "first $GREETING"; sleep 0.3; echo "second $GREETING" >&2; exec sleep 3600',
};

function scripted(script: Script, spec: WorkloadSpec): WorkloadSpec {
  if (script === 'missing-image') return { ...spec, image: 'unlisted.invalid/nowhere:1' };
  const command = SCRIPTS[script];
  return { ...spec, image: TEST_IMAGE, command: command === null ? null : ['sh', '-c', command] };
}

/** Makes three containers that are not ours: one of another installation, one of none, and one whose name begins like ours. */
async function decoy(docker: Docker, spec: WorkloadSpec): Promise<() => Promise<boolean>> {
  const almost = { [LABEL.deployment]: spec.deploymentId, [LABEL.replica]: spec.replicaId, [LABEL.generation]: '1' };
  const strangers = await Promise.all([
    docker.createContainer({ Image: TEST_IMAGE, Labels: { ...almost, [LABEL.installation]: randomUUID() } }),
    docker.createContainer({ Image: TEST_IMAGE, Labels: almost }),
    docker.createContainer({ Image: TEST_IMAGE, name: `${containerName(spec)}-mine` }),
  ]);
  await Promise.all(strangers.map((stranger) => stranger.start()));
  return async () => {
    const states = await Promise.all(strangers.map(async (stranger) => (await stranger.inspect()).State.Running));
    await Promise.all(strangers.map((stranger) => stranger.remove({ force: true, v: true })));
    return states.every(Boolean);
  };
}
