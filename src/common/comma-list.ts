/** The entries of a setting that lists them with commas between; empty for a blank one. */
export const commaList = (setting: string): string[] =>
  setting
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
