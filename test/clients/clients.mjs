import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './tools.mjs';

const FLOWS = join(dirname(fileURLToPath(import.meta.url)), 'flows');
const TSC = join(FLOWS, '../../../node_modules/typescript/bin/tsc');
const STRICT = [
  '--strict',
  '--noUncheckedIndexedAccess',
  '--target',
  'es2022',
  '--lib',
  'es2022,dom',
  '--types',
  'node',
  '--skipLibCheck',
  'false',
];
const NODE_TYPES = ['--typeRoots', join(FLOWS, '../../../node_modules/@types')];

const copyFlow = (from, to) => {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(join(FLOWS, from), to);
};

/** With the settings that a newcomer gets: only what would make tests and pages of documentation is left out. */
async function generate(kind, { tools, document, folder, options = [] }) {
  const quiet = ['--global-property', 'apiTests=false,modelTests=false,apiDocs=false,modelDocs=false'];
  await run('java', ['-jar', await tools.generator(), 'generate', '-g', kind, '-i', document, '-o', folder, ...quiet, ...options]);
}

/**
 * Every client: the commands that it needs, and how it is generated in `folder`, built and sent through the whole way of a
 * deployment. `env` names the server and the token.
 */
export const CLIENTS = [
  {
    name: 'openapi-typescript',
    needs: ['npm'],
    async check({ tools, document, folder, env }) {
      const home = await tools.node();
      copyFlow('flow.openapi-typescript.mts', join(folder, 'flow.mts'));
      symlinkSync(join(home, 'node_modules'), join(folder, 'node_modules'));
      await run(join(home, 'node_modules/.bin/openapi-typescript'), [document, '-o', join(folder, 'schema.d.ts')]);
      await run(process.execPath, [TSC, ...STRICT, ...NODE_TYPES, '--module', 'nodenext', '--outDir', folder, join(folder, 'flow.mts')]);
      await run(process.execPath, [join(folder, 'flow.mjs')], { env });
    },
  },
  {
    name: 'typescript-fetch',
    needs: ['java', 'mvn'],
    async check({ tools, document, folder, env }) {
      await generate('typescript-fetch', { tools, document, folder: join(folder, 'client') });
      copyFlow('flow.fetch.ts', join(folder, 'flow.ts'));
      const asModule = ['--module', 'commonjs', '--moduleResolution', 'node10', '--outDir', join(folder, 'built')];
      await run(process.execPath, [TSC, ...STRICT, ...NODE_TYPES, ...asModule, join(folder, 'flow.ts')]);
      await run(process.execPath, [join(folder, 'built', 'flow.js')], { env });
    },
  },
  {
    name: 'openapi-python-client',
    needs: ['python3'],
    async check({ tools, document, folder, env }) {
      const bin = await tools.python();
      const home = join(folder, 'python');
      await run(join(bin, 'openapi-python-client'), ['generate', '--path', document, '--output-path', home, '--meta', 'none'], {
        cwd: folder,
      });
      copyFlow('flow.py', join(folder, 'flow.py'));
      cpSync(home, join(folder, 'fog_compute_client'), { recursive: true });
      await run(join(bin, 'python'), [join(folder, 'flow.py')], { env });
    },
  },
  {
    name: 'go',
    needs: ['java', 'mvn', 'go'],
    async check({ tools, document, folder, env }) {
      await generate('go', { tools, document, folder, options: ['-p', 'packageName=fog'] });
      const module = readFileSync(join(folder, 'go.mod'), 'utf8').replace(/^module .*$/m, 'module fog');
      writeFileSync(join(folder, 'go.mod'), module.replace(/^go .*$/m, 'go 1.19'));
      copyFlow('flow.go', join(folder, 'flow', 'main.go'));
      await run('go', ['run', './flow'], { cwd: folder, env: { ...env, GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' } });
    },
  },
  {
    name: 'java',
    needs: ['java', 'javac', 'mvn'],
    async check({ tools, document, folder, env }) {
      await generate('java', { tools, document, folder });
      copyFlow('Flow.java', join(folder, 'src/main/java/Flow.java'));
      const classes = join(folder, 'cp.txt');
      await run('mvn', ['-q', '-B', 'dependency:build-classpath', `-Dmdep.outputFile=${classes}`], { cwd: folder });
      const path = readFileSync(classes, 'utf8').trim();
      const built = join(folder, 'built');
      const options = ['-nowarn', '-proc:none', '-cp', path, '-sourcepath', join(folder, 'src/main/java'), '-d', built];
      await run('javac', [...options, join(folder, 'src/main/java/Flow.java')]);
      await run('java', ['-cp', `${built}:${path}`, 'Flow'], { env });
    },
  },
];
