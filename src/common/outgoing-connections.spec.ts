import { getDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import { connectPatiently } from './outgoing-connections';

describe('connectPatiently', () => {
  it('gives each address longer than it takes to send a lost packet again, in this whole process', () => {
    connectPatiently();
    expect(getDefaultAutoSelectFamilyAttemptTimeout()).toBeGreaterThan(1_000);
    expect(getDefaultAutoSelectFamilyAttemptTimeout()).toBeLessThan(2_500);
  });
});
