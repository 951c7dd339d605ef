import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { namesIn, read, ROOT, section, tableRows } from '../support/documents';

const page = read('ARCHITECTURE.md');
const MOST_LINES = 220;

describe('ARCHITECTURE.md', () => {
  it('is short enough for a first reading', () => {
    expect(page.split('\n').length - 1).toBeLessThanOrEqual(MOST_LINES);
  });

  describe('its layers', () => {
    const rows = tableRows(section(page, 'layers'));

    it('are those that lint enforces', () => {
      const shown = rows.map(([, rooms = '']) => namesIn(rooms));
      const table = /const LAYERS = \[\n([\s\S]*?)\n\];/.exec(read('eslint.config.mjs'))?.[1] ?? '';
      const enforced = table.split('\n').map((row) => [...row.matchAll(/'([^']+)'/g)].map(([, room = '']) => room));
      expect(shown).toEqual(enforced);
      expect(rows.map(([number]) => number)).toEqual(rows.map((_row, index) => String(index + 1)));
      const rooms = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
      expect(enforced.flat().sort()).toEqual(rooms.sort());
    });

    it('say of every room what it is for, in words of its own', () => {
      for (const [, rooms = '', purposes = ''] of rows) {
        const each = purposes.split('; ');
        expect([rooms, each.length]).toEqual([rooms, namesIn(rooms).length]);
        expect(each.filter((purpose) => purpose.split(' ').length < 3)).toEqual([]);
      }
      const all = rows.flatMap(([, , purposes = '']) => purposes.split('; '));
      expect(new Set(all).size).toBe(all.length);
    });
  });

  describe('its glossary', () => {
    const rows = tableRows(section(page, 'glossary'));
    const isGroup = ([word = '', meaning]: string[]): boolean => /^\*\*.+\*\*$/.test(word) && meaning === '';
    const words = rows.filter((row) => !isGroup(row));

    it('begins with a group, and every group has words', () => {
      const kinds = rows.map(isGroup);
      expect(kinds[0]).toBe(true);
      expect(kinds.at(-1)).toBe(false);
      expect(kinds.some((group, index) => group && kinds[index + 1])).toBe(false);
      const groups = rows.filter(isGroup).map(([name]) => name);
      expect(new Set(groups).size).toBe(groups.length);
    });

    it('has no word twice, in whatever group, and no meaning twice', () => {
      // Words that a line explains beside its own stand in italics.
      const beside = words.flatMap(([, meaning = '']) => [...meaning.matchAll(/(?<!\*)\*([^*]+?)s?\*/g)].map(([, word = '']) => word));
      const all = [...words.map(([word = '']) => word), ...beside].map((word) => word.toLowerCase());
      expect(all.length).toBeGreaterThan(50);
      expect(all.filter((word, index) => all.indexOf(word) !== index)).toEqual([]);
      const meanings = words.map(([, meaning]) => meaning);
      expect(new Set(meanings).size).toBe(meanings.length);
    });

    it('explains every word in whole sentences on one line', () => {
      expect(words.filter(([word = '', meaning = '']) => word === '' || !/^[A-Z].{15,}\.$/.test(meaning))).toEqual([]);
    });
  });
});
