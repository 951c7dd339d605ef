import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canTransition, DEPLOYMENT_STATUSES, nextStatuses, restoredStatus } from '../../src/deployments/domain/deployment-status';
import { canReplicaTransition, isLive, REPLICA_STATUSES } from '../../src/deployments/domain/replica-status';
import { restartDelaySeconds } from '../../src/engines/restart-backoff';
import { START_ATTEMPTS } from '../../src/reconciler/restart-policy';

const FILE = join(__dirname, '../../docs/state-machine.md');

/** What each change means. Which changes there are is not said here: a missing or surplus line fails the test. */
const DEPLOYMENT_CHANGES: Readonly<Record<string, string>> = {
  'pending → scheduled': 'All replicas have a place, and their capacity is reserved.',
  'pending → failed': 'Not all replicas have a place, and waiting would not help or has not helped; the reason says what was short.',
  'pending → stopped': 'A user stopped it.',
  'pending → deleted': 'A user deleted it.',
  'scheduled → running': 'As many replicas run as are wanted.',
  'scheduled → failed': `A replica failed ${START_ATTEMPTS} times in a row, or in a way that would repeat. The other replicas are stopped. Failures of nodes count only when the time for a start is over.`,
  'scheduled → stopped': 'A user stopped it; its replicas are stopped. Or all have ended and need no successors (`restart`).',
  'scheduled → deleted': 'A user deleted it; its replicas are stopped.',
  'running → stopped': 'A user stopped it; its replicas are stopped. Or all have ended and need no successors (`restart`).',
  'running → deleted': 'A user deleted it; its replicas are stopped.',
  'stopped → pending': 'A user started it: a new generation is placed.',
  'stopped → deleted': 'A user deleted it.',
  'failed → pending': 'A user asked for another try: a new generation is placed.',
  'failed → deleted': 'A user deleted it.',
};

const REPLICA_CHANGES: Readonly<Record<string, string>> = {
  'pending → starting': 'Written down before the engine is asked for the first time.',
  'pending → stopped': 'No longer wanted. No engine knows it, so its reservation is released at once.',
  'starting → running': 'The engine shows its container running, and healthy if there is a health check.',
  'starting → stopping': 'No longer wanted.',
  'starting → failed': 'The engine refused, the container ended, or the node went offline first.',
  'running → stopping':
    'No longer wanted: stopped, deleted, scaled down, its successor runs on another node, or it ended well and needs none.',
  'running → failed': 'The container exited, became unhealthy, or vanished.',
  'stopping → starting': 'A restore starts its container again, which was stopped but kept warm.',
  'stopping → failed':
    'An administrator gave it up, because its node does not come back. Its reservation is released without the word of an engine.',
  'stopping → stopped': 'The engine has confirmed that the container is gone; the reservation is released.',
};

const pairs = <T extends string>(all: readonly T[], can: (from: T, to: T) => boolean): [T, T][] =>
  all.flatMap((from) => all.filter((to) => from !== to && can(from, to)).map((to): [T, T] => [from, to]));

const deploymentPairs = pairs(DEPLOYMENT_STATUSES, canTransition);
const replicaPairs = pairs(REPLICA_STATUSES, canReplicaTransition);
const final = <T extends string>(all: readonly T[], from: readonly [T, T][]): T[] =>
  all.filter((status) => !from.some(([each]) => each === status));

function diagram<T extends string>(first: T, all: readonly T[], changes: readonly [T, T][]): string {
  const lines = [
    `[*] --> ${first}`,
    ...changes.map(([from, to]) => `${from} --> ${to}`),
    ...final(all, changes).map((status) => `${status} --> [*]`),
  ];
  return ['```mermaid', 'stateDiagram-v2', ...lines.map((line) => `  ${line}`), '```'].join('\n');
}

function table(changes: readonly [string, string][], meanings: Readonly<Record<string, string>>): string {
  const rows = changes.map(([from, to]) => `| \`${from}\` | \`${to}\` | ${meanings[`${from} → ${to}`] ?? 'No meaning is written down'} |`);
  return ['| from | to | when |', '|---|---|---|', ...rows].join('\n');
}

const quoted = (statuses: readonly string[]): string => statuses.map((status) => `\`${status}\``).join(', ');
const staying = DEPLOYMENT_STATUSES.filter((status) => canTransition(status, status));
const deletable = DEPLOYMENT_STATUSES.filter((status) => canTransition(status, 'deleted'));
const restores = [...new Set(deletable.map(restoredStatus))]
  .map((to) => `what was ${quoted(deletable.filter((before) => restoredStatus(before) === to))} comes back \`${to}\``)
  .join(', ');
const delays = Array.from({ length: 7 }, (_, index) => restartDelaySeconds(index + 1));

const rendered = (): string => `# State machines

The tables in \`src/deployments/domain/\` decide; this page is made from them.

## Deployment

${diagram('pending', DEPLOYMENT_STATUSES, deploymentPairs)}

${table(deploymentPairs, DEPLOYMENT_CHANGES)}

Every change is a row of the history, and so is every scaling, which leaves the status as it is: ${quoted(staying)}
may be followed by themselves. Nothing leads out of ${quoted(DEPLOYMENT_STATUSES.filter((status) => nextStatuses(status).length === 0))} but a restore: ${restores}. A \`running\` deployment never becomes \`failed\`: its replicas are
replaced, and its health tells how it fares.

## Replica

${diagram('pending', REPLICA_STATUSES, replicaPairs)}

${table(replicaPairs, REPLICA_CHANGES)}

${quoted(REPLICA_STATUSES.filter(isLive))} replicas are live: they count towards the wanted number. ${quoted(final(REPLICA_STATUSES, replicaPairs))} are final: a new container is a new replica.
A failed replica keeps its reservation until its engine has confirmed that its container is gone.

A failed replica is replaced after ${delays.map(String).join(', ')} seconds (first failure, second, and so on, then always ${String(delays.at(-1))}); one that ran
for ten minutes begins again at the first.

\`UPDATE_DOCS=1 npx jest test/unit/state-machine-doc\` writes this page anew.
`;

describe('docs/state-machine.md', () => {
  it.each([
    ['a deployment', deploymentPairs, DEPLOYMENT_CHANGES],
    ['a replica', replicaPairs, REPLICA_CHANGES],
  ])('has a meaning for every change of %s, and for no other', (_name, changes, meanings) => {
    expect(Object.keys(meanings).sort()).toEqual(changes.map(([from, to]) => `${from} → ${to}`).sort());
  });

  it('says what the tables say (if not: UPDATE_DOCS=1 npx jest test/unit/state-machine-doc)', () => {
    if (process.env.UPDATE_DOCS) writeFileSync(FILE, rendered());
    expect(existsSync(FILE) ? readFileSync(FILE, 'utf8') : '').toBe(rendered());
  });
});
