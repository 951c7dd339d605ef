/** The pattern of ILIKE for texts that contain this one; `%`, `_` and `\\` are ordinary characters in it. */
export const contains = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`;
