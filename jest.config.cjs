const { availableParallelism, totalmem } = require('node:os');
const { join } = require('node:path');

/**
 * Tiers as in CONTRIBUTING.md: unit tests beside the code, the rest by folder. Only `engine` needs a Docker Engine; `npm test` leaves
 * `faults` out.
 */
/** The client of Kubernetes and what it needs are ES modules, which jest loads only when they have been compiled. */
const ES_MODULES = '@kubernetes/client-node|openid-client|oauth4webapi|jose';
const SOURCES = join(__dirname, 'src', '/').replace(/[^\w/]/g, '\\$&');
const base = {
  rootDir: __dirname,
  // All test files of a worker share the packages and the modules of src that it has loaded; jest's own are not taken for that.
  testEnvironment: '<rootDir>/test/support/one-realm-environment.cjs',
  transform: {
    [`^${SOURCES}.+(?<!\\.spec)\\.ts$`]: '<rootDir>/test/support/native-source.cjs',
    '^.+\\.ts$': ['@swc/jest'],
    [`/node_modules/(?:${ES_MODULES})/.+\\.js$`]: ['@swc/jest'],
    '/node_modules/.+\\.c?js$': '<rootDir>/test/support/native-module.cjs',
  },
  transformIgnorePatterns: ['/node_modules/(?:@jest|jest|jest-[^/]+|expect|pirates|@swc)/'],
  setupFiles: ['<rootDir>/test/support/setup.ts'],
};
const withDatabase = {
  ...base,
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
};
module.exports = {
  // Room for a loaded machine: what a test waits for ends the wait, and no test passes by being late.
  testTimeout: 300_000,
  // Most tests wait for timers, processes and engines and not for the processor, so there may be more workers than cores. Each takes 0.6 GB.
  maxWorkers: Math.max(1, Math.min(8, 3 * availableParallelism() + 1, Math.floor(totalmem() / 2 ** 30) - 1)),
  testSequencer: '<rootDir>/test/support/mixed-order.cjs',
  reporters: ['default', '<rootDir>/test/support/summary-reporter.cjs'],
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/test/unit/**/*.spec.ts'] },
    {
      ...withDatabase,
      displayName: 'system',
      testMatch: [
        '<rootDir>/test/integration/**/*.int-spec.ts',
        '<rootDir>/test/contract/**/*.contract-spec.ts',
        '<rootDir>/test/e2e/**/*.e2e-spec.ts',
      ],
    },
    { ...withDatabase, displayName: 'faults', testMatch: ['<rootDir>/test/faults/**/*.fault-spec.ts'] },
    { ...withDatabase, displayName: 'engine', testMatch: ['<rootDir>/test/engine/**/*.engine-spec.ts'] },
    { ...withDatabase, displayName: 'kubernetes', testMatch: ['<rootDir>/test/kubernetes/**/*.kubernetes-spec.ts'] },
    { ...withDatabase, displayName: 'browser', testMatch: ['<rootDir>/test/browser/**/*.browser-spec.ts'] },
  ],
};
