/**
 * Ends a run with one plain line for people and programs, such as `412 passed, 0 failed, 3 skipped`.
 * A test file that could not even be loaded counts as one failure; without that, a broken file would look like a good run.
 */
class SummaryReporter {
  onRunComplete(_contexts, results) {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    const counts = [`${results.numPassedTests} passed`, `${failed} failed`, ...(skipped > 0 ? [`${skipped} skipped`] : [])];
    process.stdout.write(`${counts.join(', ')}\n`);
  }
}

module.exports = SummaryReporter;
