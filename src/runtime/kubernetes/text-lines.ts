const NEWLINE = 10;

/** One line without its end. `cut`: the rest of a longer line is left out. */
export interface TextLine {
  readonly text: string;
  readonly cut: boolean;
}

/** The lines of a stream of UTF-8, each at most `maxBytes` long. Reads every byte once, and only when the next line is wanted. */
export async function* textLines(chunks: AsyncIterable<Buffer> | Iterable<Buffer>, maxBytes: number): AsyncGenerator<TextLine, void> {
  const line = Buffer.alloc(maxBytes);
  let [length, seen] = [0, 0];
  const close = (): TextLine => {
    const closed = { text: line.toString('utf8', 0, length).replace(/\r$/, ''), cut: seen > length };
    [length, seen] = [0, 0];
    return closed;
  };
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length;) {
      const end = chunk.indexOf(NEWLINE, from);
      const bytes = chunk.subarray(from, end < 0 ? chunk.length : end);
      length += bytes.copy(line, length);
      seen += bytes.length;
      if (end >= 0) yield close();
      from += bytes.length + 1;
    }
  }
  if (seen > 0) yield close();
}
