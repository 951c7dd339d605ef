import fc from 'fast-check';
import { textLines, type TextLine } from './text-lines';

async function linesOf(chunks: readonly Buffer[], maxBytes = 8): Promise<TextLine[]> {
  const lines: TextLine[] = [];
  for await (const line of textLines(chunks, maxBytes)) lines.push(line);
  return lines;
}

describe('textLines', () => {
  it('ends lines at LF and CRLF, gives empty ones and an unended last one, and cuts what is too long', async () => {
    expect(await linesOf([Buffer.from('one\r\n\nvery long one\nlast')])).toEqual([
      { text: 'one', cut: false },
      { text: '', cut: false },
      { text: 'very lon', cut: true },
      { text: 'last', cut: false },
    ]);
    expect(await linesOf([])).toEqual([]);
  });

  it('gives the same lines however the bytes arrive', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: fc.constantFrom('a', 'é', '\n', '\r') }), fc.array(fc.nat({ max: 20 })), async (text, cuts) => {
        const bytes = Buffer.from(text);
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        expect(await linesOf(chunks, 100)).toEqual(await linesOf([bytes], 100));
      }),
    );
  });
});
