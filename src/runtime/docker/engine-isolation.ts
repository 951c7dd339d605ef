import type { EngineIsolation } from '../../engines/engine-isolation';
import { isRecord } from './json-lines';

/** The storage drivers whose writable layers take a size on any machine. */
const ALWAYS_LIMITED = new Set(['btrfs', 'zfs']);

/** How the engine isolates containers, from its answer to `info`. */
export function engineIsolation(info: Record<string, unknown>): EngineIsolation {
  const options = securityOptions(info.SecurityOptions);
  return {
    ociRuntimes: isRecord(info.Runtimes) ? Object.keys(info.Runtimes).sort() : [],
    defaultOciRuntime: typeof info.DefaultRuntime === 'string' ? info.DefaultRuntime : 'runc',
    userNamespaces: options.has('userns') || options.has('rootless'),
    rootless: options.has('rootless'),
    seccomp: seccompOf(options.get('seccomp'), Number.parseInt(String(info.ServerVersion), 10)),
    appArmor: options.has('apparmor'),
    selinux: options.has('selinux'),
    storageLimit: storageLimitOf(info),
  };
}

/** The engine lists `name=seccomp,profile=default` and the like; very old ones list the bare name. */
function securityOptions(listed: unknown): Map<string, string> {
  const texts = Array.isArray(listed) ? listed.filter((option) => typeof option === 'string') : [];
  return new Map(
    texts.map((text) => {
      const pairs = new Map(text.split(',').map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
      return [pairs.get('name') ?? text, pairs.get('profile') ?? ''];
    }),
  );
}

/** Engines from version 23 on have a name for their own profile, so that it can be had whatever their default is. */
function seccompOf(profile: string | undefined, majorVersion: number): EngineIsolation['seccomp'] {
  if (profile === undefined) return 'none';
  const isNamed = majorVersion >= 23;
  if (profile === 'unconfined') return isNamed ? 'builtin' : 'none';
  if (!['default', 'builtin', ''].includes(profile)) return 'custom';
  return isNamed ? 'builtin' : 'default';
}

/** An overlay takes a size on xfs alone, and only where that is mounted with `pquota`, which the engine does not tell. */
function storageLimitOf({ Driver: driver, DriverStatus: status }: Record<string, unknown>): EngineIsolation['storageLimit'] {
  if (ALWAYS_LIMITED.has(String(driver))) return 'enforced';
  const pairs: unknown[] = Array.isArray(status) ? status : [];
  const onXfs = pairs.some((pair) => Array.isArray(pair) && pair[0] === 'Backing Filesystem' && pair[1] === 'xfs');
  return driver === 'overlay2' && onXfs ? 'unknown' : 'not_enforced';
}
