import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describeWithCluster } from './cluster-under-test';

const SCRIPT = join(__dirname, 'cluster.sh');
const FOLDER = dirname(process.env.KUBECONFIG_FOR_TESTS ?? '');

type Part = 'api-server' | 'kubelet';

/** Kills a process of the cluster without notice, or starts it again. */
export async function control(order: 'kill' | 'again', part: Part): Promise<void> {
  await promisify(execFile)(SCRIPT, [order, FOLDER, part]);
}

/** Tests that kill parts of the cluster, which only one that `cluster.sh` has made allows. */
export const describeWithOwnCluster = (name: string, tests: () => void): void => {
  if (existsSync(join(FOLDER, 'api-server.sh'))) return describeWithCluster(name, tests);
  if (process.env.REQUIRE_KUBERNETES === '1') throw new Error(`The cluster of KUBECONFIG_FOR_TESTS was not started by ${SCRIPT}`);
  process.stderr.write(`SKIPPED, the cluster was not started by test/kubernetes/cluster.sh: ${name}\n`);
  describe.skip(name, tests);
};
