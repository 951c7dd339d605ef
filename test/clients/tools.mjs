import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const VERSIONS = {
  generator: '7.25.0',
  python: ['openapi-python-client==0.29.1', 'python-dateutil'],
  node: ['openapi-typescript@7.13.0', 'openapi-fetch@0.17.0'],
};

/** Runs a command; rejects with the end of what it wrote when it fails or takes longer than `seconds`. */
export function run(command, args, { cwd, env = {}, seconds = 240 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: seconds * 1000,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output = (output + chunk).slice(-6000)));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${command} ${args[0] ?? ''}: exit code ${code}\n${output}`)),
    );
  });
}

/** Whether the commands are on the PATH. */
export const missing = (commands) =>
  commands.filter((command) => !process.env.PATH.split(':').some((folder) => existsSync(join(folder, command))));

/** The generators, fetched through npm, pip and Maven once; later runs find them in `folder` and in Maven's own cache. */
export function toolsIn(folder) {
  mkdirSync(folder, { recursive: true });
  const once = (make) => {
    let made;
    return () => (made ??= make());
  };
  return {
    /** The folder whose node_modules has openapi-typescript and openapi-fetch. */
    node: once(async () => {
      const home = join(folder, `node-${VERSIONS.node.join('-').replaceAll('@', '-')}`);
      if (!existsSync(join(home, 'node_modules', 'openapi-fetch'))) {
        mkdirSync(home, { recursive: true });
        await run('npm', ['install', '--prefix', home, '--ignore-scripts', '--no-audit', '--no-fund', '--no-save', ...VERSIONS.node]);
      }
      return home;
    }),
    /** The `bin` of a virtual environment with openapi-python-client. */
    python: once(async () => {
      const home = join(folder, `python-${VERSIONS.python[0].replaceAll('=', '-')}`);
      const bin = join(home, 'bin');
      if (!existsSync(join(bin, 'openapi-python-client'))) {
        await run('python3', ['-m', 'venv', home]);
        await run(join(bin, 'pip'), ['install', '--quiet', '--disable-pip-version-check', ...VERSIONS.python]);
      }
      return bin;
    }),
    /** The jar of openapi-generator. */
    generator: once(async () => {
      const { generator: version } = VERSIONS;
      const jar = join(homedir(), '.m2/repository/org/openapitools/openapi-generator-cli', version, `openapi-generator-cli-${version}.jar`);
      const artifact = `-Dartifact=org.openapitools:openapi-generator-cli:${version}`;
      if (!existsSync(jar)) await run('mvn', ['-q', '-B', 'dependency:get', artifact, '-Dtransitive=false']);
      return jar;
    }),
  };
}
