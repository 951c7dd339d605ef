require('@swc-node/register');
const { AsyncLocalStorage } = require('node:async_hooks');
const crypto = require('node:crypto');
const vm = require('node:vm');
const { TestEnvironment } = require('jest-environment-node');

/**
 * Jest gives each test file a realm (its own `Array`, `Error` and so on) and loads every module into it anew: here 2,600 of packages, some
 * three seconds for a file of tests that starts the application, and a thousand of the project, some two. In this environment the files of a
 * worker share the worker's own realm, so that `native-module.cjs` and `native-source.cjs` may let them share these modules too. Those of
 * `test` are still loaded for each file. What a file leaves on `globalThis`, in `process.env`, and in packages that remember the first
 * application, is taken away when it ends.
 */
class OneRealmEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    this.global = globalThis;
    this.moduleMocker = new this.moduleMocker.constructor(globalThis);
    this.fakeTimersModern = new this.fakeTimersModern.constructor({ config: config.projectConfig, global: globalThis });
    this.globalsBefore = new Map(Reflect.ownKeys(globalThis).map((key) => [key, Reflect.getOwnPropertyDescriptor(globalThis, key)]));
    this.variablesBefore = { ...process.env };
    this.exitBefore = process.exit; // the runner replaces it for each file
    globalThis[Symbol.for('fog-compute.require')] = require;
  }

  getVmContext() {
    return WORKER_REALM;
  }

  async teardown() {
    await super.teardown();
    forgetLogger();
    for (const storage of inUse) storage.disable();
    inUse.clear();
    process.exit = this.exitBefore;
    for (const name of Object.keys(process.env)) if (!(name in this.variablesBefore)) delete process.env[name];
    Object.assign(process.env, this.variablesBefore);
    for (const key of Reflect.ownKeys(globalThis))
      if (!this.globalsBefore.has(key) && !OF_MODULES.has(key)) Reflect.deleteProperty(globalThis, key);
    for (const [key, before] of this.globalsBefore) {
      if (Reflect.getOwnPropertyDescriptor(globalThis, key)?.value !== before.value) Reflect.defineProperty(globalThis, key, before);
    }
  }
}

/**
 * nestjs-pino writes the log of all applications of a process to where the first one wanted it. Until the next one starts, what is left
 * of others logs nothing.
 */
function forgetLogger() {
  const loaded = require.cache[require.resolve('nestjs-pino/PinoLogger.js')]?.exports;
  if (!loaded) return;
  loaded.__resetOutOfContextForTests();
  const { prototype } = loaded.PinoLogger;
  if (Object.hasOwn(prototype, QUIET)) return;
  const { get } = Object.getOwnPropertyDescriptor(prototype, 'logger');
  const quiet = require('pino')({ level: 'silent' });
  Object.defineProperty(prototype, 'logger', {
    get() {
      return get.call(this) ?? quiet;
    },
  });
  Object.defineProperty(prototype, QUIET, { value: true });
}
const QUIET = Symbol('quiet until the first application');

/** Databases of tests are copies of one, so all applications compute the same fingerprints of their secrets, and that is slow on purpose. */
const { scryptSync } = crypto;
const derived = new Map();
crypto.scryptSync = (...given) => {
  const key = JSON.stringify(given);
  if (!derived.has(key)) derived.set(key, scryptSync(...given));
  return Buffer.from(derived.get(key));
};

/**
 * Jest makes an `AsyncLocalStorage` for each test file and never puts it out of use. In Node 20 every promise carries the value of each that is
 * in use, so the fiftieth file of a worker would pay for fifty of them. Those of shared modules are in use again with their next `run`.
 */
const inUse = new Set();
const { _enable: enable } = AsyncLocalStorage.prototype;
AsyncLocalStorage.prototype._enable = function () {
  inUse.add(this);
  return enable.call(this);
};

/** What decorators have noted of classes that stay loaded. */
const OF_MODULES = new Set([
  'classValidatorMetadataStorage',
  'typeormMetadataArgsStorage',
  'SwaggerGlobalParametersStorage',
  'SwaggerGlobalResponsesStorage',
]);

/** Jest compiles each module for a context of `node:vm`; this one stands for the worker's own realm, which is no such context. */
const WORKER_REALM = {};
const { compileFunction } = vm;
vm.compileFunction = (source, parameters, { parsingContext, ...options }) =>
  compileFunction(source, parameters, parsingContext === WORKER_REALM ? options : { ...options, parsingContext });

module.exports = OneRealmEnvironment;
