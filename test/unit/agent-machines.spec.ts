import { spawnSync } from 'node:child_process';
import { read, ROOT } from '../support/documents';

interface Package {
  readonly cpu?: readonly string[];
  readonly os?: readonly string[];
}

/** Tells which native code a process loads. What compiles the sources for the tests, and not the program, is left out. */
const WATCH = `
  const load = process.dlopen;
  process.dlopen = function (module, path, ...rest) {
    if (!/node_modules\\/(@swc|@napi-rs|@swc-node|oxc-|@oxc-)/.test(path)) console.log('native ' + path);
    return load.call(this, module, path, ...rest);
  };
  require('./src/agent-program');
  require('ws');
  console.log('loaded');`;

describe('machines with an agent', () => {
  it('may have ARM64 as well: there is native code for it wherever there is some for x86-64', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as { packages: Readonly<Record<string, Package>> };
    const x64 = Object.entries(packages).filter(([, { cpu, os }]) => cpu?.includes('x64') === true && os?.includes('linux') !== false);
    expect(x64.length).toBeGreaterThan(0);
    const lacking = x64.map(([name]) => name).filter((name) => packages[name.replace(/x64/g, 'arm64')]?.cpu?.includes('arm64') !== true);
    expect(lacking).toEqual([]);
  });

  it('need no native code at all for the program of an agent', () => {
    const { stdout, stderr } = spawnSync(process.execPath, ['-r', '@swc-node/register', '-e', WATCH], { cwd: ROOT, encoding: 'utf8' });
    expect([stdout.trim().split('\n'), stderr]).toEqual([['loaded'], '']);
  });

  it.each(['deploy/agent/install.sh', 'deploy/agent/fog-compute-agent.service'])('%s names no kind of processor', (path) => {
    expect(read(path)).not.toMatch(/x86|x64|amd64|i386|aarch64|arm64/i);
  });
});
