const HEADER_BYTES = 8;
const MAX_LINE_LENGTH = 4096;

/**
 * The lines of a container's log, oldest first. The engine multiplexes both streams into frames (a type, three zeros, a
 * length); a container with a terminal writes plain bytes instead.
 */
export function logLines(log: Buffer, tailLines: number): readonly string[] {
  const frames = framesOf(log) ?? [{ stream: 1, bytes: log }];
  const lines: string[] = [];
  const open = new Map<number, Buffer>();
  for (const { stream, bytes } of frames) {
    let rest = Buffer.concat([open.get(stream) ?? Buffer.alloc(0), bytes]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      lines.push(toLine(rest.subarray(0, end)));
      rest = rest.subarray(end + 1);
    }
    open.set(stream, rest);
  }
  for (const rest of open.values()) if (rest.length > 0) lines.push(toLine(rest));
  return tailLines > 0 ? lines.slice(-tailLines) : [];
}

function framesOf(log: Buffer): { stream: number; bytes: Buffer }[] | null {
  const frames = [];
  for (let at = 0; at + HEADER_BYTES <= log.length;) {
    if (log.readUInt8(at) > 2 || log.readUIntBE(at + 1, 3) !== 0) return null;
    const start = at + HEADER_BYTES;
    const end = start + log.readUInt32BE(at + 4);
    frames.push({ stream: log.readUInt8(at), bytes: log.subarray(start, end) });
    at = end;
  }
  return frames.length > 0 || log.length === 0 ? frames : null;
}

const toLine = (bytes: Buffer): string => bytes.subarray(0, MAX_LINE_LENGTH).toString('utf8').replace(/\r$/, '');
