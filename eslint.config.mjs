import eslint from '@eslint/js';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** The house, bottom up: a row imports only rows before it and never a sibling (ARCHITECTURE.md, "Layers"). */
const LAYERS = [
  ['common'],
  ['config', 'engines'],
  ['database'],
  ['idempotency', 'mail', 'quotas', 'rate-limits', 'rights'],
  ['audit', 'jobs'],
  ['commands'],
  ['auth', 'logging', 'metrics'],
  ['accounts', 'events'],
  ['nodes', 'scheduling', 'runtime', 'routing', 'checks', 'secrets', 'volumes'],
  ['deployments'],
  ['retention', 'rollouts', 'projects', 'agents'],
  ['deletions', 'secret-routes', 'volume-routes'],
  ['restores'],
  ['operations', 'notifications', 'orphans'],
  ['reconciler', 'replica-logs', 'replica-stats', 'watching', 'admin'],
  ['worker', 'agent'],
  ['health', 'invariants', 'openapi'],
];

/** A row may not import its siblings or anything above it. The files directly under src/ put everything together. */
const layerZones = LAYERS.flatMap((row, index) =>
  row.map((room) => ({
    target: `./src/${room}`,
    from: [...row.filter((sibling) => sibling !== room), ...LAYERS.slice(index + 1).flat()].map((other) => `./src/${other}`),
    message: `${room}/ lies below or beside it. See the layers in ARCHITECTURE.md.`,
  })),
);

export default tseslint.config(
  { ignores: ['test/clients/flows/', 'dist/', 'node_modules/', 'coverage/', '.data/'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, importX.flatConfigs.typescript],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver({ project: './tsconfig.json' })] },
    rules: {
      'import-x/no-cycle': 'error',
      'import-x/no-default-export': 'error',
      'import-x/no-restricted-paths': [
        'error',
        {
          basePath: import.meta.dirname,
          zones: [
            ...layerZones,
            {
              target: './src/deployments',
              from: './src/runtime',
              except: ['./runtime-driver.ts'],
              message: 'The API never calls a driver: deployments/ may only use the types of the contract.',
            },
            {
              target: './src/notifications/!(channel-list).ts',
              from: './src/notifications/!(dto|entities)/**',
              message: 'The room knows channels only by notification-channel.ts; they are put together in channel-list.ts.',
            },
            { target: './src/**/!(*.spec).ts', from: './test', message: 'The product does not depend on its tests.' },
          ],
        },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'off',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true, ignoreVoidOperator: true }],
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true, allowStaticOnly: true }],
      '@typescript-eslint/unbound-method': 'off',
      // DTO classes describe the wire for Swagger and validation; plain objects of their shape are what is sent.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'no-restricted-imports': ['error', { paths: ['child_process', 'node:child_process'] }],
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: 'Use an `as const` array and a type of the same name.' },
        { selector: "CallExpression[callee.name='forwardRef']", message: 'A missing module below is the cure for a cycle.' },
        {
          selector: 'Decorator[expression.callee.name=/^(OneToMany|ManyToOne|OneToOne|ManyToMany)$/]',
          message: 'Entities have columns only.',
        },
        {
          selector: "MemberExpression[object.name='process'][property.name='env']",
          message: 'Configuration comes from AppConfig.',
        },
        {
          selector: "CallExpression[callee.object.name='AbortSignal'][callee.property.name='any']",
          message: 'It forgets an inner timeout, and leaves an entry on a signal that lives on. Use within() or abortWith() of common/.',
        },
        {
          selector: 'ObjectExpression > SpreadElement > ObjectExpression',
          message: 'Write the members themselves: each one that comes after a spread costs some 0.3 µs (decision 103).',
        },
        { selector: "CallExpression[callee.property.name='save']", message: 'Conditional UPDATEs with the expected state, never save().' },
      ],
    },
  },
  {
    files: ['src/main.ts', 'src/*.main.ts', 'src/config/**', 'ormconfig.ts', 'test/**'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  { files: ['ormconfig.ts', 'test/support/global-*.ts'], rules: { 'import-x/no-default-export': 'off' } },
  {
    files: [
      'src/database/embedded/postgres-cluster.ts',
      'src/database/embedded/postgres-server.ts',
      'src/database/embedded/process-identity.ts',
      'test/**',
    ],
    rules: { 'no-restricted-imports': 'off' },
  },
  {
    files: ['test/**', 'src/**/*.spec.ts'],
    rules: {
      'max-lines': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // supertest answers with bodies of type any, and a hook's `t?.close()` runs when the start has failed.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['**/*.{js,cjs,mjs}'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        require: 'readonly',
        module: 'writable',
        __dirname: 'readonly',
        URL: 'readonly',
        AbortController: 'readonly',
        setTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        Buffer: 'readonly',
        fetch: 'readonly',
        performance: 'readonly',
      },
    },
  },
);
