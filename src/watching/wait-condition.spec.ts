import { verdictOf, WAIT_CONDITIONS, type DeploymentFacts, type Verdict } from './wait-condition';

const RUNNING: DeploymentFacts = {
  status: 'running',
  targetReplicas: 2,
  counts: { working: 2, failed: 0, unsure: 0 },
  rollout: null,
  live: 2,
  outdated: 0,
  reserved: 2,
};
const NOTHING_LEFT = { counts: { working: 0, failed: 0, unsure: 0 }, live: 0, reserved: 0 };
const verdicts = (over: Partial<DeploymentFacts>): Verdict[] =>
  WAIT_CONDITIONS.map((condition) => verdictOf(condition, { ...RUNNING, ...over }));

describe('what can be waited for', () => {
  //                                                        running    healthy    rolled_out stopped    torn_down
  it.each<[string, Partial<DeploymentFacts>, ...Verdict[]]>([
    ['all is well', {}, 'reached', 'reached', 'reached', 'open', 'open'],
    ['it waits for nodes', { status: 'pending', ...NOTHING_LEFT }, 'open', 'open', 'open', 'open', 'open'],
    ['a replica has failed', { counts: { working: 1, failed: 1, unsure: 0 } }, 'reached', 'open', 'reached', 'open', 'open'],
    ['a rollout is under way', { rollout: 'progressing', outdated: 1 }, 'reached', 'reached', 'open', 'open', 'open'],
    ['a rollout is paused', { rollout: 'paused' }, 'reached', 'reached', 'open', 'open', 'open'],
    ['a rollout has failed', { rollout: 'failed', outdated: 1 }, 'reached', 'reached', 'never', 'open', 'open'],
    ['a rollout was taken back', { rollout: 'rolled_back' }, 'reached', 'reached', 'never', 'open', 'open'],
    ['a rollout is over, an old one still ends', { rollout: 'completed', outdated: 1 }, 'reached', 'reached', 'open', 'open', 'open'],
    ['a rollout is over', { rollout: 'completed' }, 'reached', 'reached', 'reached', 'open', 'open'],
    ['its replicas stop', { status: 'stopped', ...NOTHING_LEFT, live: 2, reserved: 2 }, 'never', 'never', 'never', 'open', 'open'],
    ['it has stopped', { status: 'stopped', ...NOTHING_LEFT }, 'never', 'never', 'never', 'reached', 'open'],
    ['it has failed', { status: 'failed', ...NOTHING_LEFT }, 'never', 'never', 'never', 'never', 'open'],
    ['it is torn down', { status: 'deleted', ...NOTHING_LEFT, live: 1, reserved: 1 }, 'never', 'never', 'never', 'never', 'open'],
    ['a reservation is left', { status: 'deleted', ...NOTHING_LEFT, reserved: 1 }, 'never', 'never', 'never', 'never', 'open'],
    ['nothing is left of it', { status: 'deleted', ...NOTHING_LEFT }, 'never', 'never', 'never', 'never', 'reached'],
  ])('when %s', (_when, facts, ...expected) => {
    expect(verdicts(facts)).toEqual(expected);
  });
});
