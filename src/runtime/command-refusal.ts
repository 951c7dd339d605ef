/** The words of an engine, the sentence that people get, and `unfit` when only this machine refuses. */
export type Refusal = readonly [says: RegExp, sentence: string, failure?: 'unfit'];

/** Why a command cannot be started. Docker and Kubernetes pass on the same words of runc. */
export const COMMAND_REFUSALS: readonly Refusal[] = [
  [/executable file .*not found|exec: .*no such file or directory/i, 'The command was not found in the image'],
  [/exec format error/i, 'The image was built for another processor architecture', 'unfit'],
  [/exec: .*permission denied/i, 'The command of the image may not be executed'],
];

/** The first of these refusals that a text is about. */
export const refusalIn = (refusals: readonly Refusal[], text: string): Refusal | undefined => refusals.find(([says]) => says.test(text));
