/** A value that goes to the server as it is, so that sending it cannot fail. JSON goes as a text. */
export type PlainValue = string | number | boolean | null | Buffer | readonly string[] | readonly number[];

/** A statement that is not sent yet. */
export interface Statement {
  readonly text: string;
  readonly values: readonly PlainValue[];
  /** What to throw in place of an error of the statement. Absent: that error. */
  readonly failure?: (error: unknown) => unknown;
}

/** The SQLSTATE of what `refuse_transaction(reason)` throws, with the reason as its message. */
export const REFUSED = 'FC001';

/** A transaction, or its connection. */
interface Sender {
  query(text: string, values: unknown[]): Promise<unknown>;
}

/** Sends the statement, in this very turn when `sender` is a connection, and throws what it says about a failure. */
export async function run(sender: Sender, { text, values, failure }: Statement): Promise<void> {
  try {
    await sender.query(text, [...values]);
  } catch (error) {
    throw failure ? failure(error) : error;
  }
}
