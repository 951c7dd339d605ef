import { TextList } from '../../common/validation/fields';

/** How a Dockerfile and Compose write a command. Here a command is only a list of words, so these would be run as programs. */
const NOTATIONS: Readonly<Record<string, string>> = {
  'CMD-SHELL': `not begin with CMD-SHELL, which is Docker's notation: name the shell, as in ["sh", "-c", "exit 0"]`,
  CMD: `not begin with CMD, which is Docker's notation: begin with the program`,
  NONE: `not be NONE, which is Docker's notation: leave health_check out`,
};

function commandFault([program = '']: readonly string[]): string | undefined {
  if (program === '') return 'must begin with a program: its first entry is empty';
  return undefined;
}

function checkFault(words: readonly string[]): string | undefined {
  const notation = NOTATIONS[words[0] ?? ''];
  return notation === undefined ? commandFault(words) : `must ${notation}`;
}

const WORD = { min: 0, max: 4_096, multiline: true } as const;

/** The words of a command: a program and its arguments, of which every one but the first may be empty. */
export const CommandField = (): PropertyDecorator => TextList({ ...WORD, minEntries: 1, maxEntries: 256, faultOf: commandFault });

/** The same for a health check, where people also write Docker's own notation. */
export const CheckCommandField = (): PropertyDecorator => TextList({ ...WORD, minEntries: 1, maxEntries: 64, faultOf: checkFault });
