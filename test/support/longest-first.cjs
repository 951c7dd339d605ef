const { default: TestSequencer } = require('@jest/test-sequencer');

/** What takes more than half a minute, mostly waiting. Begun last, one of these would keep all others waiting for the end of the run. */
const LONG = [
  ...['contract/agent-driver', 'e2e/orphans-races', 'e2e/agents-lifecycle', 'e2e/agents-second-machine'],
  ...['e2e/notifications-targets', 'e2e/waiting-for-room', 'e2e/rollouts-nodes', 'e2e/revoked-rights', 'integration/delete-rollback'],
  ...[
    'integration/embedded-postgres',
    'e2e/agents-administration',
    'integration/rollouts',
    'integration/quota-room',
    'integration/pub-sub',
  ],
];

/** Jest goes by the times of the run before, and in the first one by the sizes of files, which tell nothing. */
class LongestFirst extends TestSequencer {
  async sort(tests) {
    const sorted = await super.sort(tests);
    const isLong = ({ path }) => LONG.some((name) => path.includes(`/test/${name}.`));
    return [...sorted.filter(isLong), ...sorted.filter((test) => !isLong(test))];
  }
}

module.exports = LongestFirst;
