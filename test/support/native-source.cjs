const { createHash } = require('node:crypto');
const { createTransformer } = require('@swc/jest');

const swc = createTransformer();

/**
 * Lets a test file take a module of the project as the worker has loaded it, once for all files, like `native-module.cjs` does for those of
 * packages. Elsewhere (in the global setup) the module is compiled.
 */
module.exports = {
  process: (source, path, options) => {
    const { code, ...rest } = swc.process(source, path, options);
    const native = `const native = globalThis[Symbol.for('fog-compute.require')]; if (native) { module.exports = native(${JSON.stringify(path)}); return; }`;
    return { ...rest, code: `${native} ${code}` };
  },
  getCacheKey: (source, path, options) =>
    createHash('sha256')
      .update(`${path}\n${swc.getCacheKey(source, path, options)}\nnative`)
      .digest('hex'),
};
