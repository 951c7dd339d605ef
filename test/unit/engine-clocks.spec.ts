import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(__dirname, '..', '..', 'src', 'runtime');
/** What reckons with the clock of our own machine. `performance.now()` is none: it only measures spans. */
const OUR_CLOCK = /\bDate\.now\(|\bnew Date\(\s*\)\.(getTime|valueOf)\(|[-<>]=?\s*new Date\(\s*\)/;

describe('what drivers know of time', () => {
  // Subtracted from ours, the times of an engine whose clock is wrong once hid crash loops, and kept or removed images too early.
  it('is never by the clock of our machine, since they read the times of engines', () => {
    const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'),
    );
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => OUR_CLOCK.test(readFileSync(join(FOLDER, file), 'utf8')))).toEqual([]);
  });

  it('would be found if it were', () => {
    expect(['Date.now() - at', 'new Date().getTime()', 'at < new Date()'].map((text) => OUR_CLOCK.test(text))).toEqual([true, true, true]);
    expect(['performance.now()', 'new Date(text)', 'takenAt = new Date()'].map((text) => OUR_CLOCK.test(text))).toEqual([
      false,
      false,
      false,
    ]);
  });
});
