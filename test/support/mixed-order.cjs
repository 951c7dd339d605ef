const { default: TestSequencer } = require('@jest/test-sequencer');

/** What mostly waits, and for how many seconds. All others keep a processor busy. */
const WAITING = {
  'contract/agent-driver': 120,
  'e2e/orphans-races': 85,
  'e2e/agents-lifecycle': 75,
  'e2e/agents-second-machine': 60,
  'e2e/rollouts-nodes': 65,
  'e2e/waiting-for-room': 50,
  'e2e/revoked-rights': 45,
  'e2e/notifications-targets': 45,
  'e2e/agents-administration': 35,
  'e2e/agents': 35,
  'integration/rollouts': 35,
  'integration/pub-sub': 30,
  'e2e/events': 30,
  'e2e/health-watch': 40,
  'e2e/lost-nodes': 25,
  'integration/pull-turns': 25,
  'integration/embedded-postgres': 20,
  'integration/delete-rollback': 20,
};
/** How many of those run at the same time, so that the other workers find the processors free. */
const LANES = 4;
/** What a whole run takes, on two processors. */
const RUN_SECONDS = 290;

/**
 * Mixes what waits with what computes: begun together, the long waits would leave the processors idle, and begun last, they would keep a run
 * from ending. The short unit tests come last, so that all workers end at about the same time.
 */
class MixedOrder extends TestSequencer {
  async sort(tests) {
    const sorted = await super.sort(tests); // notes with each test what it took in the run before
    const waitOf = ({ path }) => Object.entries(WAITING).find(([name]) => path.includes(`/test/${name}.`))?.[1];
    if (!tests.some((test) => waitOf(test) !== undefined)) return sorted;
    const waiting = tests.filter((test) => waitOf(test) !== undefined).sort((a, b) => waitOf(b) - waitOf(a));
    const others = tests.filter((test) => waitOf(test) === undefined).sort((a, b) => a.path.localeCompare(b.path));
    const isSystem = ({ path }) => path.includes('/test/');
    const system = others.filter(isSystem);
    return [
      ...inLanes(waiting, waitOf),
      ...system.map((test, index) => ({ test, atSeconds: (RUN_SECONDS * index) / system.length })),
      ...others.filter((test) => !isSystem(test)).map((test) => ({ test, atSeconds: RUN_SECONDS })),
    ]
      .sort((a, b) => a.atSeconds - b.atSeconds)
      .map(({ test }) => test);
  }
}

/** When each begins if as many as there are lanes run at a time. */
function inLanes(tests, secondsOf) {
  const endsAt = Array(LANES).fill(0);
  return tests.map((test) => {
    const lane = endsAt.indexOf(Math.min(...endsAt));
    const atSeconds = endsAt[lane];
    endsAt[lane] += secondsOf(test);
    return { test, atSeconds };
  });
}

module.exports = MixedOrder;
