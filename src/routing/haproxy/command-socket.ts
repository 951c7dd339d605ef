import { connect } from 'node:net';

const ANSWERS_WITHIN_MS = 3_000;
/** HAProxy takes a line up to its buffer size, 16 kB. */
const LINE_LENGTH = 12_000;

/** Sends a line to a socket of HAProxy and resolves with its whole answer. Rejects, in words, when none comes within three seconds. */
export function askHaproxy(path: string, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    let answer = '';
    const fail = (words: string): void => {
      clearTimeout(late);
      socket.destroy();
      reject(new Error(`HAProxy at ${path} ${words}`));
    };
    const late = setTimeout(() => fail('does not answer'), ANSWERS_WITHIN_MS);
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.once('error', (error) => fail(`cannot be reached: ${error.message}`));
    socket.once('end', () => {
      clearTimeout(late);
      socket.destroy();
      resolve(answer);
    });
    socket.once('connect', () => socket.end(`${line}\n`));
  });
}

/** These commands as few lines, in their order. */
export function linesOf(commands: readonly string[]): string[] {
  const lines: string[] = [];
  let line = '';
  for (const command of commands) {
    if (line !== '' && line.length + command.length > LINE_LENGTH) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? command : `${line};${command}`;
  }
  return line === '' ? lines : [...lines, line];
}
