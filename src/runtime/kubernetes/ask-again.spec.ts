import { askAgain } from './ask-again';

const answer = (code: number, seconds?: string): Error =>
  Object.assign(new Error('refused'), { code, headers: { 'retry-after': seconds } });
const broken = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
const never = new AbortController().signal;

/** Fails in these ways, one after the other, and succeeds then. */
function failing(...failures: readonly Error[]): { ask: () => Promise<string>; count: () => number } {
  let asked = 0;
  const ask = (): Promise<string> => {
    const failure = failures[asked++];
    return failure ? Promise.reject(failure) : Promise.resolve('done');
  };
  return { ask, count: () => asked };
}

describe('askAgain', () => {
  it('asks once more when a kept connection has ended, and not twice', async () => {
    expect(await askAgain(failing(broken).ask, never)).toBe('done');
    await expect(askAgain(failing(broken, broken).ask, never)).rejects.toBe(broken);
  });

  it('waits as long as an overloaded server wants, and gives up when that is long', async () => {
    expect(await askAgain(failing(answer(429, '0.01'), answer(429, '0.01')).ask, never)).toBe('done');
    const patient = failing(answer(429, '60'));
    await expect(askAgain(patient.ask, never)).rejects.toMatchObject({ code: 429 });
    expect(patient.count()).toBe(1);
  });

  it.each([500, 503, 403])('leaves %d to the caller', async (code) => {
    await expect(askAgain(failing(answer(code)).ask, never)).rejects.toMatchObject({ code });
  });
});
