import 'reflect-metadata';
import { checkInvariants } from './invariants/check-invariants';
import { report } from './invariants/report';
import { Misused, runTool } from './tool';

/** Longer than a teardown with its first retries takes. */
const DEFAULT_GRACE_SECONDS = 120;

/** Exit code 0: all hold; 1: some do not; 2: they could not be checked. */
void runTool(
  {
    failure: 'The invariants could not be checked',
    applicationName: 'fog-compute-invariants',
    usage: `GRACE_SECONDS (default ${DEFAULT_GRACE_SECONDS}) is how long the background may take for what it has to finish.`,
    run: async (dataSource) => {
      const graceSeconds = Number(process.env.GRACE_SECONDS?.trim() || DEFAULT_GRACE_SECONDS);
      if (!Number.isFinite(graceSeconds) || graceSeconds < 0) throw new Misused('GRACE_SECONDS is no number of seconds');
      const violations = await checkInvariants(dataSource, { graceSeconds });
      process.stdout.write(`${report(violations).join('\n')}\n`);
      return violations.length === 0 ? 0 : 1;
    },
  },
  process.env,
);
