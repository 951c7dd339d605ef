/** What became of one attempt. `status` is the answer's, of HTTP or SMTP; null when there was none. */
export type Sent =
  { readonly ok: true; readonly status: number | null } | { readonly ok: false; readonly status: number | null; readonly words: string };

/** A member of an error that libraries add, such as `code`. */
export const fieldOf = (error: unknown, name: string): unknown =>
  typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
