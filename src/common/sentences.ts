/** What there is to say, one sentence after the other; null: there is nothing. */
export function sentences(...each: readonly (string | null | undefined)[]): string | null {
  const said = each.filter((sentence) => sentence != null);
  return said.length === 0 ? null : said.join('. ');
}
