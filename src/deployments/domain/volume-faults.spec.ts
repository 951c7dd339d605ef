import fc from 'fast-check';
import type { VolumeMount } from '../../engines/container-spec';
import { MOUNT_PATH, volumeFaults } from './volume-faults';

const LIMITS = { MAX_STORAGE_GB: 100 };
const aMount = (over: Partial<VolumeMount> = {}): VolumeMount => ({ name: 'data', path: '/data', sizeGb: 1, readOnly: false, ...over });
const faultsOf = (volumes: VolumeMount[], { replicas = 1, readOnlyRoot = false } = {}): string[] =>
  volumeFaults(LIMITS, { volumes, readOnlyRoot }, replicas).map(({ pointer }) => pointer);

describe('the volumes of a deployment', () => {
  it.each(['/data', '/var/lib/postgresql/data', '/srv/a-b_c.d', '/etc/nginx', '/tmp', '/processes', '/home/x/.cache'])(
    'may be at %s',
    (path) => {
      expect(MOUNT_PATH.test(path)).toBe(true);
      expect(faultsOf([aMount({ path })])).toEqual([]);
    },
  );

  it.each([
    '/proc',
    '/proc/sys',
    '/sys',
    '/dev/shm',
    '/etc',
    '/etc/hosts',
    '/etc/resolv.conf',
    '/run/secrets/x',
    '/a/../b',
    '/./a',
    '/..',
    '/usr',
  ])('may not be at %s', (path) => {
    expect(faultsOf([aMount({ path })])).toEqual(['/volumes/0/path']);
  });

  it.each(['', '/', 'data', '/data/', '//data', '/a b', '/a:b', '/a,b', '/a\nb', '/\u00e4'])(
    'are not at %j, which is no path for them',
    (path) => {
      expect(MOUNT_PATH.test(path)).toBe(false);
    },
  );

  it('have names and paths of their own, and sizes within the limit', () => {
    expect(faultsOf([aMount(), aMount({ path: '/b' })])).toEqual(['/volumes/1/name']);
    expect(faultsOf([aMount(), aMount({ name: 'b' })])).toEqual(['/volumes/1/path']);
    expect(faultsOf([aMount({ sizeGb: 101 })])).toEqual(['/volumes/0/size_gb']);
  });

  it('have one replica that writes, or any number that read', () => {
    expect(faultsOf([aMount()], { replicas: 2 })).toEqual(['/replicas']);
    expect(faultsOf([aMount({ readOnly: true })], { replicas: 2 })).toEqual([]);
    expect(faultsOf([aMount({ readOnly: true }), aMount({ name: 'b', path: '/b' })], { replicas: 2 })).toEqual(['/replicas']);
  });

  it('leave /tmp to a read-only root', () => {
    expect(faultsOf([aMount({ path: '/tmp' })], { readOnlyRoot: true })).toEqual(['/volumes/0/path']);
  });

  it('never reach outside of their path, whatever is asked for', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', '.', '..', '...', 'proc', 'etc', 'hosts'), { minLength: 1, maxLength: 4 }), (parts) => {
        const path = `/${parts.join('/')}`;
        const isFine = MOUNT_PATH.test(path) && faultsOf([aMount({ path })]).length === 0;
        expect(isFine && (new URL(path, 'file:///').pathname !== path || parts[0] === 'proc')).toBe(false);
      }),
    );
  });
});
