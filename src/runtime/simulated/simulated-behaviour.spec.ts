import type { WorkloadSpec } from '../runtime-driver';
import { simulatedBehaviour } from './simulated-behaviour';

const behaviour = (image: string, env: Record<string, string> = {}) =>
  simulatedBehaviour({ image, env, resources: { memoryMb: 512 } } as Partial<WorkloadSpec> as WorkloadSpec, 100);

describe('simulatedBehaviour', () => {
  it.each(['nginx:1.27', 'simulated/steady:1', 'notsimulated/crash:1', 'simulated/crashes:1', 'crash'])(
    'lets %s start and run on',
    (image) => {
      expect(behaviour(image)).toEqual({
        refusal: null,
        refusedBy: null,
        readyAfterMs: 100,
        removalMs: 100,
        exitAfterMs: null,
        exitCode: null,
        exitReason: null,
        unhealthy: false,
        ignoresSigterm: false,
        log: '',
        logEveryMs: null,
      });
    },
  );

  it.each([
    ['simulated/missing:1', { refusal: 'image_unavailable' }],
    ['simulated/rejected', { refusal: 'rejected' }],
    ['simulated/refused-by:demo-2', { refusal: null, refusedBy: 'demo-2' }],
    ['simulated/crash:1', { exitAfterMs: 100, exitCode: 1, exitReason: 'Exited with code 1' }],
    ['registry.example/simulated/oom@sha256:aa', { exitAfterMs: 100, exitCode: 137, exitReason: 'Out of memory (limit 512 MB)' }],
    ['simulated/slow:1', { readyAfterMs: 1000, removalMs: 1000 }],
    ['simulated/unhealthy:1', { unhealthy: true }],
    ['simulated/stubborn:1', { ignoresSigterm: true }],
  ])('reads the script of %s', (image, expected) => {
    expect(behaviour(image)).toMatchObject(expected);
  });

  it('reads the end and the log from the environment', () => {
    expect(behaviour('x', { SIMULATED_EXIT_AFTER_MS: '2500', SIMULATED_EXIT_CODE: '3', SIMULATED_LOG: 'a\nb' })).toMatchObject({
      exitAfterMs: 2500,
      exitCode: 3,
      log: 'a\nb',
    });
    expect(behaviour('x', { SIMULATED_EXIT_AFTER_MS: '0' })).toMatchObject({ exitAfterMs: 0, exitCode: 0 });
  });

  it.each(['-1', '1e9', 'soon', '', '999999999'])('ignores an end after %j', (text) => {
    expect(behaviour('x', { SIMULATED_EXIT_AFTER_MS: text }).exitAfterMs).toBeNull();
  });
});
