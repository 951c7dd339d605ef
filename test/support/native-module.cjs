const { createHash } = require('node:crypto');

/**
 * Lets a test file take a module of a package as the worker has loaded it, once for all files, where `one-realm-environment.cjs` says
 * how. Elsewhere (in the global setup) the module is what it is.
 */
module.exports = {
  process: (source, path) => ({
    code: `const native = globalThis[Symbol.for('fog-compute.require')]; if (native) { module.exports = native(${JSON.stringify(path)}); return; }\n${source}`,
  }),
  getCacheKey: (source, path) => createHash('sha256').update(`${path}\n${source}`).digest('hex'),
};
