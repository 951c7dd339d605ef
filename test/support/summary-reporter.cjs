/**
 * Ends a run with one plain line for people and programs, such as `412 passed, 0 failed, 3 skipped`. A test file that could not
 * be loaded counts as one failure; otherwise a run with a broken file would look good.
 */
class SummaryReporter {
  onRunComplete(_contexts, results) {
    // Jest prints its own summary after all reporters, and this line comes last.
    if (this.line === undefined) process.once('exit', () => process.stdout.write(`${this.line}\n`));
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    this.line = [`${results.numPassedTests} passed`, `${failed} failed`, ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(', ');
  }
}

module.exports = SummaryReporter;
