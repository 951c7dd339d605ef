import { notedMachine, sameMachine } from './same-machine';

const machine = (over: { machineId?: string; engineId?: string | null; hostId?: string | null } = {}) => ({
  hostname: 'shop-7',
  machineId: 'm',
  platform: 'linux arm64',
  programVersion: '1',
  ...over,
});

describe('the machine behind a hello', () => {
  it.each([
    ['same', machine(), machine({ engineId: 'e', hostId: 'h' })],
    ['same', machine({ engineId: 'e', hostId: 'h' }), machine()],
    ['same', machine({ engineId: 'e', hostId: 'h' }), machine({ engineId: 'e', hostId: 'made anew' })],
    ['same', machine({ engineId: 'e', hostId: 'h' }), machine({ engineId: null, hostId: 'h' })],
    ['another', machine({ machineId: 'm' }), machine({ machineId: 'n' })],
    ['another', machine({ engineId: 'e', hostId: 'h' }), machine({ engineId: 'f', hostId: 'h' })],
    ['same', machine({ hostId: 'h' }), machine({ engineId: 'f', hostId: 'i' })],
    ['unclear', machine({ engineId: 'e', hostId: 'h' }), machine({ engineId: null, hostId: 'i' })],
  ] as const)('is %s where %j joined and %j comes', (expected, joined, shown) => expect(sameMachine(joined, shown)).toBe(expected));

  it('is known as before by what it cannot tell now', () => {
    expect(notedMachine(machine({ engineId: 'e', hostId: 'h' }), machine({ engineId: null, hostId: 'i' }))).toEqual(
      machine({ engineId: 'e', hostId: 'i' }),
    );
  });
});
