import type { WorkloadSpec } from '../../src/runtime/runtime-driver';
import { Runtimes } from '../../src/runtime/runtimes';
import { joinAgent, joinedNode, LinkedAgent } from '../support/linked-agent';
import { MemoryEngine } from '../support/memory-engine';
import { startTestApp } from '../support/test-app';
import { secondApp } from '../support/second-app';
import { describeRuntimeDriver } from './runtime-driver.contract';
import type { RuntimeUnderTest, Script } from './runtime-under-test';

function scripted(script: Script, spec: WorkloadSpec): WorkloadSpec {
  if (script === 'missing-image') return { ...spec, image: 'missing:1' };
  return { ...spec, image: 'memory:1', env: { ...spec.env, SCRIPT: script } };
}

/** The link is with one process, and the driver under test in a worker beside it. A link that is here has its tests on a real engine. */
async function setup(): Promise<RuntimeUnderTest> {
  const t = await startTestApp({ env: { ROLE: 'api', RUNTIME: 'agent' } });
  const worker = await secondApp(t, { ROLE: 'worker', RUNTIME: 'agent' });
  const [{ target, token }, { target: away }] = [await joinedNode(t, 'edge'), await joinedNode(t, 'away')];
  const engine = new MemoryEngine();
  const agent = await new LinkedAgent(await joinAgent(t.url, token), engine).connect(t.url);
  await agent.reported();
  const driver = worker.get(Runtimes, { strict: false }).driverFor('agent');
  if (!driver) throw new Error('There is no driver');
  return {
    ...{ driver, target, away, scripted },
    kill: (replicaId) => Promise.resolve(engine.kill(replicaId)),
    // The driver answers from what was reported last, so this is over once it has been.
    vanish: async (replicaId) => {
      engine.vanish(replicaId);
      await agent.reported();
    },
    decoy: () => Promise.resolve(() => Promise.resolve(true)),
    close: async () => {
      agent.cut();
      await worker.close();
      await t.close();
    },
  };
}

describeRuntimeDriver('an agent whose link is elsewhere', setup);
