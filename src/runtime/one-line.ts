const MAX_LENGTH = 200;
/** The escape sequences with which programs colour a terminal. */
const COLOURS = /\p{Cc}\[[0-9;?]*[ -/]*[@-~]/gu;

/** What a program wrote, as one line for the words of a reason: without colours and control characters, at most 200 characters. */
export function oneLine(text: string): string {
  const words = text
    .replace(COLOURS, '')
    .replace(/[\p{Cc}\p{Cs}\s]+/gu, ' ')
    .trim();
  return words.length > MAX_LENGTH ? `${words.slice(0, MAX_LENGTH - 1)}…` : words;
}
