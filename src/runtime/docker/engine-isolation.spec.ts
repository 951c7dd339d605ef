import { engineIsolation } from './engine-isolation';

const said = (over: Record<string, unknown>) => engineIsolation({ ServerVersion: '20.10.24', ...over });

describe('engineIsolation', () => {
  it('reads what an engine with everything says', () => {
    const SecurityOptions = ['name=apparmor', 'name=seccomp,profile=builtin', 'name=userns', 'name=cgroupns'];
    const info = { ServerVersion: '28.2.2', Runtimes: { runsc: {}, runc: {} }, DefaultRuntime: 'runc', SecurityOptions, Driver: 'btrfs' };
    expect(engineIsolation(info)).toEqual({
      ociRuntimes: ['runc', 'runsc'],
      defaultOciRuntime: 'runc',
      userNamespaces: true,
      rootless: false,
      seccomp: 'builtin',
      appArmor: true,
      selinux: false,
      storageLimit: 'enforced',
    });
  });

  it('takes what is not said for not there', () => {
    expect(said({})).toEqual({
      ociRuntimes: [],
      defaultOciRuntime: 'runc',
      userNamespaces: false,
      rootless: false,
      seccomp: 'none',
      appArmor: false,
      selinux: false,
      storageLimit: 'not_enforced',
    });
  });

  it.each([
    ['20.10.24', 'name=seccomp,profile=default', 'default'],
    ['20.10.24', 'seccomp', 'default'],
    ['20.10.24', 'name=seccomp,profile=/etc/docker/strict.json', 'custom'],
    ['20.10.24', 'name=seccomp,profile=unconfined', 'none'],
    ['24.0.1', 'name=seccomp,profile=unconfined', 'builtin'],
    ['24.0.1', 'name=seccomp,profile=builtin', 'builtin'],
  ])('an engine %s that lists %s filters system calls: %s', (ServerVersion, option, seccomp) => {
    expect(said({ ServerVersion, SecurityOptions: [option] }).seccomp).toBe(seccomp);
  });

  it('knows that a rootless engine has user namespaces', () => {
    expect(said({ SecurityOptions: ['name=rootless'] })).toMatchObject({ rootless: true, userNamespaces: true });
  });

  it.each([
    ['overlay2', 'extfs', 'not_enforced'],
    ['overlay2', 'xfs', 'unknown'],
    ['zfs', 'zfs', 'enforced'],
    ['overlayfs', 'xfs', 'not_enforced'],
  ])('storage on %s over %s is %s', (Driver, backing, storageLimit) => {
    expect(said({ Driver, DriverStatus: [['Backing Filesystem', backing]] }).storageLimit).toBe(storageLimit);
  });
});
