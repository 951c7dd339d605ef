import { ConnectionLanes, currentLane, inLane, openForChange } from './connection-lanes';

/** How many of `asked` in this lane enter at once. */
function entered(lanes: ConnectionLanes, lane: string, asked: number): number {
  let count = 0;
  for (let n = 0; n < asked; n++) lanes.enter(lane, () => (count += 1), { withinMs: 0, giveUp: () => undefined });
  return count;
}

describe('the lanes of the connections', () => {
  it('keep some of ten connections for requests, some for changes, and some for other kinds of jobs', () => {
    const lanes = new ConnectionLanes(10, { servesRequests: true });
    expect(entered(lanes, 'deployment.reconcile', 30)).toBe(4);
    expect(entered(lanes, 'node.sync', 30)).toBe(2);
    expect(entered(lanes, 'audit.seal', 1)).toBe(0);
    expect(entered(lanes, 'changes', 30)).toBe(2);
  });

  it('keep none in a process that only works in the background, but one for its leases', () => {
    const lanes = new ConnectionLanes(10, { servesRequests: false });
    expect(entered(lanes, 'deployment.reconcile', 30)).toBe(7);
    expect(entered(lanes, 'node.sync', 30)).toBe(2);
  });

  it.each([1, 2, 3, 4])('let everybody have all of %i', (size) => {
    expect(entered(new ConnectionLanes(size, { servesRequests: true }), 'node.sync', 30)).toBe(size);
    expect(entered(new ConnectionLanes(size, { servesRequests: true }), 'changes', 30)).toBe(size);
  });

  it('let those enter first who have waited longest and find a place', () => {
    const lanes = new ConnectionLanes(10, { servesRequests: true });
    const order: string[] = [];
    const enter = (lane: string, name: string): void => lanes.enter(lane, () => order.push(name), { withinMs: 0, giveUp: () => undefined });
    for (let n = 0; n < 4; n++) enter('deployment.reconcile', `reconcile ${n}`);
    enter('deployment.reconcile', 'reconcile 4');
    enter('node.sync', 'sync');
    expect(order.at(-1)).toBe('sync');
    expect(lanes.waitingCount).toBe(1);
    lanes.leave('node.sync');
    expect(order.at(-1)).toBe('sync');
    lanes.leave('deployment.reconcile');
    expect([order.at(-1), lanes.waitingCount]).toEqual(['reconcile 4', 0]);
  });

  it('tell one who has waited too long', async () => {
    const lanes = new ConnectionLanes(1, { servesRequests: true });
    expect(entered(lanes, 'node.sync', 1)).toBe(1);
    const told = await new Promise((resolve) => {
      lanes.enter('node.sync', () => resolve('entered'), { withinMs: 5, giveUp: () => resolve('gave up') });
    });
    expect([told, lanes.waitingCount]).toEqual(['gave up', 0]);
  });

  it('follow the work: a transaction of a job stays in the lane of the job', () => {
    expect(currentLane()).toBeUndefined();
    expect(openForChange(currentLane)).toBe('changes');
    expect(inLane('node.sync', () => openForChange(currentLane))).toBe('node.sync');
  });
});
