import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import type { NodeTarget } from '../../src/engines/node-target';
import { containerName } from '../../src/runtime/docker/container-payload';
import { DockerDriver } from '../../src/runtime/docker/docker.driver';
import { DockerEngines } from '../../src/runtime/docker/docker-engines';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import type { WorkloadSpec } from '../../src/runtime/runtime-driver';
import type { RuntimeUnderTest, Script } from '../contract/runtime-under-test';
import { engineClient, loadTestImage, removeContainersOf, TEST_IMAGE } from '../support/engine';

export interface DockerUnderTest extends RuntimeUnderTest {
  readonly driver: DockerDriver;
  readonly engines: DockerEngines;
  readonly docker: Docker;
  readonly installationId: string;
}

/** The engine of this machine, or the one at `endpoint`. */
export const dockerNode = (endpoint: string | null = null): NodeTarget => ({
  id: randomUUID(),
  name: 'engine',
  runtime: 'docker',
  endpoint,
});

/** A driver on the real engine, with an installation id of its own, so that test files do not see each other's containers. */
export async function dockerUnderTest(): Promise<DockerUnderTest> {
  const docker = engineClient();
  await loadTestImage(docker);
  const installationId = randomUUID();
  const engines = new DockerEngines({ dockerHost: process.env.DOCKER_HOST, certPath: process.env.DOCKER_CERT_PATH });
  const driver = new DockerDriver(engines, { installationId, publishAddress: '127.0.0.1', pullTimeoutSeconds: 20 });
  const target = dockerNode();
  const containerOf = async (replicaId: string): Promise<Docker.Container> => {
    const [found] = await docker.listContainers({ all: true, filters: { label: [`${LABEL.replica}=${replicaId}`] } });
    if (found === undefined) throw new Error(`No container of replica ${replicaId}`);
    return docker.getContainer(found.Id);
  };
  return {
    driver,
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
  stubborn: `trap '' TERM; while true; do sleep 1; done`,
  fails: 'exit 3',
  'out-of-memory': 'exec dd if=/dev/zero of=/dev/null bs=64M count=1',
  speaks: 'echo "first $GREETING"; sleep 0.3; echo "second $GREETING" >&2; exec sleep 3600',
};

function scripted(script: Script, spec: WorkloadSpec): WorkloadSpec {
  if (script === 'missing-image') return { ...spec, image: 'fog-test/nowhere:1' };
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
