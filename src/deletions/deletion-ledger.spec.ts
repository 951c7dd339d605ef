import fc from 'fast-check';
import { ledgerOf, STEP_STATES, type Ledger, type LedgerFacts, type LedgerReplica } from './deletion-ledger';

const AT = '2026-01-31T12:00:00.000Z';
const LATER = '2026-01-31T12:10:00.000Z';

const replica = (over: Partial<LedgerReplica> = {}): LedgerReplica => ({
  id: 'r1',
  nodeId: 'n1',
  nodeName: 'edge-1',
  online: true,
  status: 'stopping',
  publishedPorts: 0,
  warmUntil: null,
  suspendedAt: null,
  stoppedAt: null,
  forceReleasedAt: null,
  releasedAt: null,
  attempts: 0,
  lastError: null,
  retryAt: null,
  ...over,
});
const GONE = { status: 'stopped', stoppedAt: AT, releasedAt: AT } as const;
const SUSPENDED = { suspendedAt: AT, warmUntil: LATER } as const;
const FORCE_RELEASED = { status: 'failed', forceReleasedAt: AT, releasedAt: AT, online: false } as const;

const ledger = (replicas: LedgerReplica[], over: Partial<LedgerFacts> = {}): Ledger =>
  ledgerOf({ graceSeconds: 10, completedAt: null, restoredAt: null, replicas, routing: null, work: null, ...over });
const statesOf = ({ steps }: Ledger): string[] => steps.map(({ step, state }) => `${step} ${state}`);

describe('ledgerOf', () => {
  it('tells of the routes and of the requests that are under way', () => {
    const routing = { routes: 2, routersBehind: 1, words: 'It serves an older table', draining: 1 };
    const [removal, drain] = ledger([replica()], { routing }).steps;
    expect(removal).toMatchObject({
      state: 'running',
      detail: '2 routes were taken away; 1 routers still have them',
      lastError: 'It serves an older table',
    });
    expect(drain).toMatchObject({ state: 'running', detail: '1 replicas end the requests that they have' });
    const done = ledger([replica(GONE)], { routing: { ...routing, routersBehind: 0, draining: 0 } });
    expect(statesOf(done).slice(0, 2)).toEqual(['remove_route done', 'drain done']);
    const over = ledger([replica(GONE)], { routing, completedAt: AT });
    expect(statesOf(over).slice(0, 2)).toEqual(['remove_route done', 'drain done']);
  });

  it.each<[string, LedgerReplica, string[], Ledger['state']]>([
    ['stopping', replica(), ['drain running', 'stop running', 'confirm pending', 'release pending'], 'running'],
    [
      'on a node that is away',
      replica({ online: false }),
      ['drain running', 'stop waiting', 'confirm pending', 'release pending'],
      'waiting',
    ],
    ['asked in vain', replica({ attempts: 2 }), ['drain running', 'stop waiting', 'confirm pending', 'release pending'], 'running'],
    ['kept warm', replica(SUSPENDED), ['drain done', 'stop done', 'confirm waiting', 'release waiting'], 'held'],
    ['gone', replica(GONE), ['drain done', 'stop done', 'confirm done', 'release done'], 'running'],
    ['force-released', replica(FORCE_RELEASED), ['drain done', 'stop given_up', 'confirm given_up', 'release done'], 'running'],
    [
      'failed, its container not removed yet',
      replica({ status: 'failed' }),
      ['drain running', 'stop running', 'confirm pending', 'release pending'],
      'running',
    ],
    [
      'failed and removed',
      replica({ status: 'failed', releasedAt: AT }),
      ['drain done', 'stop done', 'confirm done', 'release done'],
      'running',
    ],
  ])('tells of a replica that is %s', (_words, aReplica, states, state) => {
    const found = ledger([aReplica]);
    expect(statesOf(found)).toEqual(['remove_route skipped', ...states, 'notify pending']);
    expect(found.state).toBe(state);
  });

  it('says in words, with times, what it waits for', () => {
    const away = replica({ online: false, attempts: 3, lastError: 'connection refused', retryAt: LATER });
    expect(ledger([away]).steps[2]).toEqual({
      step: 'stop',
      state: 'waiting',
      replica: { id: 'r1', nodeId: 'n1', nodeName: 'edge-1' },
      detail: 'Node edge-1 does not answer',
      attempts: 3,
      lastError: 'connection refused',
      nextRetryAt: LATER,
      at: null,
    });
    expect(ledger([replica(SUSPENDED)]).steps[4]).toMatchObject({ detail: `Kept for a restore until ${LATER}` });
  });

  it("shows the job's trouble where the replica has none of its own", () => {
    const work = { lastError: 'Node edge-1: no answer', failingSince: AT, dueAt: LATER };
    const found = ledger([replica({ online: false })], { work });
    expect(found.steps[2]).toMatchObject({ lastError: 'Node edge-1: no answer', nextRetryAt: LATER });
    expect(found.stuckSince).toBe(AT);
    expect(ledger([replica()], { work: { lastError: null, failingSince: null, dueAt: LATER } }).steps[2]).toMatchObject({
      lastError: null,
      nextRetryAt: null,
    });
  });

  it('names each node that it waits for once, and none for which nothing is left to do', () => {
    const away = { online: false, nodeName: 'edge-2' };
    expect(ledger([replica(), replica(away), replica(away), replica({ ...GONE, online: false })]).waitingForNodes).toEqual(['edge-2']);
  });

  it('gives no grace where there was none, or nothing to give it to', () => {
    expect(ledger([replica()], { graceSeconds: 0 }).steps[1]).toMatchObject({ state: 'skipped', detail: 'No grace was given' });
    expect(ledger([]).steps[1]).toMatchObject({ state: 'skipped', detail: 'Nothing was running' });
  });

  it('counts the published ports', () => {
    const detail = '5 published ports close with their containers; there are no other routes';
    expect(ledger([replica({ publishedPorts: 2 }), replica({ publishedPorts: 3 })]).steps[0]).toMatchObject({ state: 'skipped', detail });
  });

  it('is neither stuck nor waiting once it is over, whatever the job does', () => {
    const work = { lastError: 'other trouble', failingSince: AT, dueAt: LATER };
    expect(ledger([replica(GONE)], { completedAt: AT, work })).toMatchObject({ state: 'done', stuckSince: null });
    const restored = ledger([replica({ online: false })], { restoredAt: AT, work });
    expect(restored).toMatchObject({ state: 'restored', stuckSince: null, waitingForNodes: [] });
    expect(restored.steps.at(-1)).toMatchObject({ step: 'notify', state: 'skipped' });
  });

  it('has three lines per replica and three for all, of known states, and never says released before confirmed', () => {
    const drawn = fc.constantFrom(replica(), replica({ online: false }), replica(SUSPENDED), replica(GONE), replica(FORCE_RELEASED));
    fc.assert(
      fc.property(fc.array(drawn, { maxLength: 6 }), (replicas) => {
        const { steps } = ledger(replicas);
        expect(steps).toHaveLength(3 + 3 * replicas.length);
        for (const [index, { step, state }] of steps.entries()) {
          expect(STEP_STATES).toContain(state);
          if (step === 'release' && state === 'done') expect(['done', 'given_up']).toContain(steps[index - 1]!.state);
        }
      }),
    );
  });
});
