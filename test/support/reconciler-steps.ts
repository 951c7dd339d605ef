import fc from 'fast-check';
import type { RolloutPolicy } from '../../src/deployments/domain/rollout';
import type { ModelNode, UserVerb } from './reconciler-model';
import type { CallEnd, ModelRun } from './reconciler-run';

type Change =
  | {
      readonly kind: 'container';
      readonly pick: number;
      readonly becomes: 'starting' | 'running' | 'again' | 'paused' | 'unhealthy' | 'exited' | 'gone';
    }
  | { readonly kind: 'stranger'; readonly pick: number }
  | {
      readonly kind: 'node';
      readonly pick: number;
      readonly reachable: boolean;
      readonly online: boolean;
      readonly draining: boolean;
      readonly lost: boolean;
      readonly reached: boolean;
    }
  | { readonly kind: 'user'; readonly verb: UserVerb }
  | { readonly kind: 'restore' }
  | { readonly kind: 'roll out'; readonly revision: 'new' | 'same'; readonly checked: boolean }
  | { readonly kind: 'route'; readonly ports: readonly number[] }
  | { readonly kind: 'steer'; readonly verb: 'pause' | 'resume' | 'abort' }
  | { readonly kind: 'policy'; readonly policy: RolloutPolicy }
  | { readonly kind: 'scale'; readonly target: number };

/** One thing that happens to the model: to its engines, its nodes or its users, or in the job. */
export type Step =
  | Change
  | { readonly kind: 'time'; readonly seconds: number }
  | { readonly kind: 'sync'; readonly pick: number }
  | {
      readonly kind: 'pass';
      readonly calls: readonly CallEnd[];
      readonly placementWorks: boolean;
      readonly meanwhile: Change | undefined;
      readonly crash: 'before writing' | 'after writing' | undefined;
    };

export const anyPolicy: fc.Arbitrary<RolloutPolicy> = fc
  .record({
    maxSurge: fc.nat({ max: 5 }),
    maxUnavailable: fc.nat({ max: 5 }),
    minHealthySeconds: fc.constantFrom(0, 5),
    progressDeadlineSeconds: fc.constantFrom(30, 600),
    onFailure: fc.constantFrom('rollback', 'pause'),
  })
  .filter(({ maxSurge, maxUnavailable }) => maxSurge + maxUnavailable > 0);

const pick = fc.nat({ max: 11 });
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('container'),
      pick,
      becomes: fc.constantFrom('running', 'running', 'running', 'exited', 'unhealthy', 'gone', 'starting', 'paused', 'again'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stranger'), pick }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('node'),
      pick,
      reachable: fc.boolean(),
      online: fc.boolean(),
      draining: fc.boolean(),
      lost: fc.boolean(),
      reached: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('user'),
      verb: fc.constantFrom('stop', 'start', 'start', 'retry', 'retry', 'delete', 'delete and keep warm'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restore') }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('roll out'), revision: fc.constantFrom('new', 'new', 'same'), checked: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('route'), ports: fc.constantFrom([], [80]) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('steer'), verb: fc.constantFrom('pause', 'resume', 'resume', 'abort') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('policy'), policy: anyPolicy }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('scale'), target: fc.integer({ min: 1, max: 5 }) }) },
);
const callEnd: fc.Arbitrary<CallEnd> = fc.constantFrom('done', 'done', 'done', 'goes on', 'fails for now', 'fails for good');
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: change },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('time'), seconds: fc.constantFrom(1, 11, 45, 700) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('sync'), pick }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('pass'),
      calls: fc.array(callEnd, { minLength: 1, maxLength: 3 }),
      placementWorks: fc.constantFrom(true, true, true, false),
      meanwhile: fc.option(change, { nil: undefined, freq: 6 }),
      crash: fc.constantFrom(undefined, undefined, undefined, undefined, undefined, 'before writing', 'after writing'),
    }),
  },
);

/** What happens to a deployment that serves: its engines answer, and what changes is what routers reach and what checks find. */
export const servingStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      ...{ kind: fc.constant('pass'), calls: fc.constant<CallEnd[]>(['done']), placementWorks: fc.constant(true) },
      ...{ meanwhile: fc.constant(undefined), crash: fc.constant(undefined) },
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('container'),
      pick,
      becomes: fc.constantFrom('running', 'running', 'running', 'running', 'starting', 'unhealthy', 'again'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...{ kind: fc.constant('node'), pick, reachable: fc.constant(true), online: fc.constant(true), lost: fc.constant(false) },
      ...{ draining: fc.constantFrom(false, false, true), reached: fc.boolean() },
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('time'), seconds: fc.constantFrom(1, 11) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('roll out'), revision: fc.constant('new'), checked: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('scale'), target: fc.integer({ min: 1, max: 5 }) }) },
);

function apply(run: ModelRun, what: Change): void {
  const { records } = run;
  const nodeAt = (index: number): ModelNode => records.node(`n${index % records.nodes.length}`);
  switch (what.kind) {
    case 'container': {
      const all = records.nodes.flatMap((node) => [...node.containers.keys()].map((id) => ({ node, id })));
      const chosen = all[what.pick % all.length];
      if (!chosen) return;
      if (what.becomes === 'gone') chosen.node.containers.delete(chosen.id);
      else if (what.becomes === 'again') records.begin(chosen.node, chosen.id);
      else chosen.node.containers.set(chosen.id, what.becomes);
      return;
    }
    case 'stranger':
      nodeAt(what.pick).containers.set(`stranger-${what.pick}`, 'running');
      return;
    case 'node': {
      const { reachable, online, draining, lost, reached } = what;
      Object.assign(nodeAt(what.pick), { reachable, online, draining, lost, reached });
      return;
    }
    case 'user':
      records.apply(what.verb);
      run.wake();
      return;
    case 'roll out':
      records.rollOut(what.revision, what.checked);
      run.wake();
      return;
    case 'route':
      records.routedPorts = what.ports;
      records.version += 1;
      run.wake();
      return;
    case 'steer':
      records.steer(what.verb);
      run.wake();
      return;
    case 'policy':
      records.policy = what.policy;
      records.version += 1;
      return;
    case 'restore':
      records.restore();
      run.wake();
      return;
    case 'scale':
      records.scale(what.target);
      run.wake();
  }
}

export function take(run: ModelRun, next: Step): void {
  const { records } = run;
  records.now += 100;
  switch (next.kind) {
    case 'time':
      records.now += next.seconds * 1000;
      return;
    case 'sync':
      run.sync(records.node(`n${next.pick % records.nodes.length}`));
      return;
    case 'pass': {
      const { meanwhile } = next;
      run.pass({ ...next, meanwhile: meanwhile && (() => apply(run, meanwhile)) });
      return;
    }
    case 'container':
    case 'stranger':
    case 'node':
    case 'user':
    case 'restore':
    case 'roll out':
    case 'route':
    case 'steer':
    case 'policy':
    case 'scale':
      apply(run, next);
  }
}

const NODE_SYNC_MS = 5_000;

export interface Ending {
  readonly dead: readonly boolean[];
  readonly draining: readonly boolean[];
  /** Which of the dead ones count as lost. */
  readonly lost?: readonly boolean[];
  /** What is done at the end about a rollout that is open. */
  readonly rollout?: 'resume' | 'abort' | undefined;
}

/**
 * From now on nothing goes wrong: node n0 takes replicas, the others are as drawn. The job runs only when it is due or woken.
 * Ends after at most `rounds` runs or syncs.
 */
export function quieten(run: ModelRun, { dead, draining, lost = [], rollout }: Ending, rounds = 300): void {
  const { records } = run;
  if (rollout) records.steer(rollout);
  if (rollout) run.wake();
  records.nodes.forEach((node, index) => {
    Object.assign(node, {
      reachable: !dead[index],
      online: node.online && !dead[index],
      draining: draining[index] === true,
      lost: lost[index] === true,
      reached: true,
    });
  });
  // Whoever gives a node an address wakes the deployments on it.
  run.wake();
  for (const { containers } of records.nodes) {
    for (const [id, phase] of containers) if (phase === 'paused') containers.set(id, 'running');
  }
  let syncAt = records.now;
  for (let round = 0; round < rounds; round++) {
    if (run.dueAt === null || run.dueAt > syncAt) {
      records.now = Math.max(records.now, syncAt);
      syncAt += NODE_SYNC_MS;
      for (const node of records.nodes) run.sync(node);
      if (run.dueAt === null) return;
      continue;
    }
    records.now = Math.max(records.now + 50, run.dueAt);
    run.pass({ calls: ['done'], placementWorks: true });
    for (const node of records.nodes.filter((each) => each.reachable)) {
      for (const [id, phase] of node.containers) if (phase === 'starting' || phase === 'paused') node.containers.set(id, 'running');
    }
  }
}
