import type { V1Pod } from '@kubernetes/client-node';
import { startTrouble } from './start-trouble';

const waiting = (reason: string, message = ''): V1Pod => ({
  status: {
    containerStatuses: [
      { name: 'replica', image: '', imageID: '', ready: false, restartCount: 0, state: { waiting: { reason, message } } },
    ],
  },
});

describe('startTrouble', () => {
  it('is none while the container is being made', () => {
    expect(startTrouble(waiting('ContainerCreating'), 'i:1')).toEqual({ words: null, failure: null, unschedulable: false });
    expect(startTrouble({}, 'i:1')).toEqual({ words: null, failure: null, unschedulable: false });
  });

  it('gives the words of the scheduler, and leaves the patience to the caller', () => {
    const message = '0/3 nodes are available: 3 Insufficient cpu.';
    const pod = { status: { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }] } };
    expect(startTrouble(pod, 'i:1')).toEqual({
      words: `No machine of the cluster takes it: ${message}`,
      failure: null,
      unschedulable: true,
    });
  });

  it.each([
    ['ImagePullBackOff', 'dial tcp 10.0.0.1:443', 'image_unavailable', /^Image i:1 could not be pulled: .*used$/],
    [
      'ErrImageNeverPull',
      'Container image "i:1" is not present',
      'image_unavailable',
      /^Image i:1 is not on the node, .*ALLOWED_REGISTRIES/,
    ],
    ['ErrImagePull', '', 'image_unavailable', /could not be pulled/],
    ['CreateContainerConfigError', 'container has runAsNonRoot and image will run as root', 'rejected', /runs as root/],
  ])('fails at %s, without addresses', (reason, message, failure, words) => {
    expect(startTrouble(waiting(reason, message), 'i:1').failure).toMatchObject({ failure, message: expect.stringMatching(words) });
  });

  it('tells what else it waits for', () => {
    expect(startTrouble(waiting('CreateContainerConfigError', 'secret "x" not found'), 'i:1')).toMatchObject({
      words: 'CreateContainerConfigError: secret "x" not found',
      failure: null,
    });
  });
});
