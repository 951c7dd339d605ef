import type { ContainerInfo, ContainerInspectInfo } from 'dockerode';
import { fromInspection, fromList } from './observe';

const ZERO = '0001-01-01T00:00:00Z';
const inspected = (state: object, host: object = { Memory: 512 * 1024 * 1024 }, listed = ''): ReturnType<typeof fromInspection> => {
  const container = {
    Id: 'c',
    Name: '/x',
    Created: '2026-01-01T00:00:00.1Z',
    Config: { Labels: {} },
    HostConfig: host,
    NetworkSettings: {},
    State: { Status: 'exited', ExitCode: 0, OOMKilled: false, Error: '', StartedAt: '2026-01-01T00:00:01Z', FinishedAt: ZERO, ...state },
  } as unknown as ContainerInspectInfo;
  return fromInspection(container, listed);
};
const listed = (over: object): ReturnType<typeof fromList> =>
  fromList({
    Id: 'c',
    Names: ['/x'],
    Created: 1,
    State: 'running',
    Status: 'Up 5 seconds',
    Labels: {},
    Ports: [],
    ...over,
  } as unknown as ContainerInfo);

/** What the Docker Engine, its forks and what speaks its API write about containers. */
describe('what engines tell of a container', () => {
  it.each([
    ['2026-01-01T00:00:01Z', '2026-01-01T00:00:01.000Z'],
    ['2026-01-01T00:00:01.123456789Z', '2026-01-01T00:00:01.123Z'],
    ['2026-01-01T02:00:01.5+02:00', '2026-01-01T00:00:01.500Z'],
    ['2025-12-31T16:30:01.999999999-07:30', '2026-01-01T00:00:01.999Z'],
    [ZERO, null],
    ['0001-01-01T00:00:00+01:00', null],
    ['0001-01-01T00:00:00-08:00', null],
    ['', null],
    ['nonsense', null],
  ])('that it started at %s is read as %s', (startedAt, read) => {
    const { hasRun, startedAt: shown } = inspected({ StartedAt: startedAt });
    expect([hasRun, shown?.toISOString() ?? null]).toEqual([read !== null, read]);
  });

  it.each([
    [{ ExitCode: 0 }, 'Exited with code 0'],
    [{ ExitCode: 137 }, 'Killed (exit code 137)'],
    [{ ExitCode: 137, OOMKilled: true }, 'Out of memory (limit 512 MB)'],
    [{ ExitCode: 139 }, 'Crashed with SIGSEGV (exit code 139)'],
    [{ ExitCode: 143 }, 'Terminated (exit code 143)'],
    [{ ExitCode: 143, OOMKilled: true }, 'Terminated (exit code 143); before that a process in it had run out of memory (limit 512 MB)'],
    [{ ExitCode: 3, OOMKilled: true }, 'Exited with code 3; before that a process in it had run out of memory (limit 512 MB)'],
    [{ ExitCode: 0, OOMKilled: true }, 'Exited with code 0'],
    [{ Status: 'dead', ExitCode: 1 }, 'Exited with code 1'],
    [{ Status: 'stopped', ExitCode: 2 }, 'Exited with code 2'],
    [{ Status: 'removing', ExitCode: 0 }, 'Being removed'],
  ])('that it has ended with %j is read as %s', (state, reason) => {
    expect(inspected(state)).toMatchObject({ phase: 'exited', exitCode: state.ExitCode, reason });
  });

  it.each<[object, string, true | undefined]>([
    [{ ExitCode: 137 }, 'Exited (137) Less than a second ago', true],
    [{ ExitCode: 143 }, 'Exited (143) Less than a second ago', true],
    [{ ExitCode: 143 }, 'Up Less than a second', true],
    [{ ExitCode: 143 }, 'Up 3 hours (healthy)', true],
    [{ ExitCode: 1 }, 'Up 3 hours', undefined],
    [{ ExitCode: 137 }, 'Exited (137) 1 second ago', undefined],
    [{ ExitCode: 1 }, 'Exited (1) Less than a second ago', undefined],
    [{ ExitCode: 137, OOMKilled: true }, 'Exited (137) Less than a second ago', undefined],
    [{ Status: 'running' }, 'Exited (137) Less than a second ago', undefined],
    [{ Status: 'running' }, 'Up 3 seconds', undefined],
    [{ ExitCode: 137 }, '', undefined],
  ])('tells of %j in a line with %j whether it may be a restart by hand', (state, listed, expected) => {
    expect(inspected(state, undefined, listed).justKilled).toBe(expected);
  });

  it.each([
    [{ Status: 'running', Health: { Status: 'none', Log: null } }, 'running', null],
    [{ Status: 'running', Health: { Status: 'starting', Log: [] } }, 'starting', null],
    [{ Status: 'running', Health: { Status: 'unhealthy', Log: null } }, 'unhealthy', 'Health check fails'],
    [
      { Status: 'running', Health: { Status: 'unhealthy', Log: [{ ExitCode: -1, Output: 'too slow\r\n' }] } },
      'unhealthy',
      'Health check fails: too slow',
    ],
    [{ Status: 'paused', Health: { Status: 'unhealthy', Log: [] } }, 'paused', null],
    [{ Status: 'created', StartedAt: ZERO }, 'starting', null],
    [{ Status: 'restarting' }, 'starting', null],
  ])('that it is %j is read as %s', (state, phase, reason) => {
    expect(inspected(state)).toMatchObject({ phase, reason, exitCode: null });
  });

  it('of a limit that is none is not shown as one', () => {
    expect(inspected({ ExitCode: 137, OOMKilled: true }, { Memory: 0 }).reason).toBe('Out of memory');
  });

  it.each([
    ['no ports at all', { Ports: null }, []],
    ['a port that is only exposed', { Ports: [{ PrivatePort: 80, Type: 'tcp' }] }, []],
    [
      'a port of both families',
      {
        Ports: [
          { PrivatePort: 80, Type: 'tcp', IP: '::', PublicPort: 1 },
          { PrivatePort: 80, Type: 'tcp', IP: '0.0.0.0', PublicPort: 1 },
        ],
      },
      ['::', '0.0.0.0'],
    ],
    ['a port of a kind that nobody asks for', { Ports: [{ PrivatePort: 80, Type: 'sctp', IP: '0.0.0.0', PublicPort: 1 }] }, []],
  ])('in a list has %s', (_what, over, hosts) => {
    expect(listed(over)?.publishedPorts.map(({ hostIp }) => hostIp)).toEqual(hosts);
  });

  it('in a list, that it was created, is a start that goes on; an inspection would wait for its end', () => {
    const created = listed({ State: 'created', Status: 'Created' });
    expect(created).toMatchObject({ phase: 'starting', hasRun: false, startedAt: null, upSeconds: null, reason: null, publishedPorts: [] });
  });

  it.each(['exited', 'dead', 'restarting', 'removing', 'something new'])('in a list is too little when it is %s', (state) => {
    expect(listed({ State: state, Status: '' })).toBeNull();
  });

  it.each([
    ['Up 5 seconds (healthy)', 'running', 6],
    ['Up About a minute (health: starting)', 'starting', 120],
    ['Up Less than a second', 'running', 2],
    ['Up 3 weeks', 'running', null],
    ['', 'running', null],
  ])('in a list is %j', (status, phase, upSeconds) => {
    expect(listed({ Status: status })).toMatchObject({ phase, upSeconds });
  });
});
