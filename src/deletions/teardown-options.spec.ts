import { DomainError } from '../common/problem/domain-error';
import { readTeardownOptions, type TeardownOptions } from './teardown-options';

type Asked = Parameters<typeof readTeardownOptions>[0];
type Place = Parameters<typeof readTeardownOptions>[1];

const read = (asked: Partial<Asked>, place: Place = 'body'): TeardownOptions =>
  readTeardownOptions({ force: false, ...asked }, place, { graceSeconds: 10 });

function refusal(asked: Partial<Asked>, place: Place): DomainError | null {
  try {
    read(asked, place);
    return null;
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
}

describe('readTeardownOptions', () => {
  it.each<[Partial<Asked>, Partial<TeardownOptions>]>([
    [{}, { graceSeconds: 10, force: false, keepWarmSeconds: 0 }],
    [{ grace_seconds: 0 }, { graceSeconds: 0 }],
    [
      { grace_seconds: 300, keep_warm: '10m' },
      { graceSeconds: 300, keepWarmSeconds: 600 },
    ],
    [{ force: true }, { graceSeconds: 0, force: true }],
    [
      { force: true, grace_seconds: 0 },
      { graceSeconds: 0, force: true },
    ],
  ])('reads %j, the same from a query and from a body', (asked, options) => {
    expect(read(asked, 'body')).toMatchObject(options);
    expect(read(asked, 'query')).toEqual(read(asked, 'body'));
  });

  it.each<[Partial<Asked>, [name: string, detail: string][]]>([
    [{ keep_warm: '25h' }, [['keep_warm', 'keep_warm must be a time from 1s to 24h, such as 600s, 10m or 1h']]],
    [{ force: true, keep_warm: '10m' }, [['keep_warm', 'keep_warm does not go together with force']]],
    [{ force: true, grace_seconds: 1 }, [['grace_seconds', 'grace_seconds must be 0 or absent with force: it kills at once']]],
    [
      { force: true, grace_seconds: 1, keep_warm: '10m' },
      [
        ['keep_warm', 'keep_warm does not go together with force'],
        ['grace_seconds', 'grace_seconds must be 0 or absent with force: it kills at once'],
      ],
    ],
  ])('refuses %j with all faults, in the way of the place where they are', (asked, faults) => {
    const [first] = faults;
    expect(refusal(asked, 'query')).toMatchObject({
      code: 'invalid_request',
      detail: first?.[1],
      extensions: { errors: faults.map(([pointer, detail]) => ({ pointer, detail })) },
    });
    expect(refusal(asked, 'body')).toMatchObject({
      code: 'validation_failed',
      detail: first?.[1],
      extensions: { errors: faults.map(([name, detail]) => ({ pointer: `/${name}`, detail })) },
    });
  });
});
