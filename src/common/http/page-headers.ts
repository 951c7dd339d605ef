export interface Page {
  readonly limit: number;
  readonly offset: number;
}

/** Query values of the neighbouring pages; absent: there is none. */
export interface Neighbours {
  readonly next?: Readonly<Record<string, string>>;
  readonly prev?: Readonly<Record<string, string>>;
}

/** The neighbours of a page that is counted by offset. */
export function offsetNeighbours({ limit, offset }: Page, total: number): Neighbours {
  const at = (start: number): Record<string, string> => ({ limit: String(limit), offset: String(start) });
  return {
    ...(offset + limit < total ? { next: at(offset + limit) } : {}),
    ...(offset > 0 ? { prev: at(Math.max(0, Math.min(offset, total) - limit)) } : {}),
  };
}

/** `X-Total-Count`, and `Link` (RFC 8288) to the neighbouring pages that exist. The other query parameters are kept. */
export function pageHeaders(requestUrl: string, total: number, neighbours: Neighbours): Record<string, string> {
  const links = (['next', 'prev'] as const).flatMap((relation) => {
    const values = neighbours[relation];
    return values ? [`<${withQuery(requestUrl, values)}>; rel="${relation}"`] : [];
  });
  return { 'X-Total-Count': String(total), ...(links.length > 0 ? { Link: links.join(', ') } : {}) };
}

/** `Link` to the next page of a list that nobody counts, where there is one. */
export const nextPageHeader = (requestUrl: string, next: Readonly<Record<string, string>> | null): Record<string, string> =>
  next === null ? {} : { Link: `<${withQuery(requestUrl, next)}>; rel="next"` };

function withQuery(requestUrl: string, values: Readonly<Record<string, string>>): string {
  // Only the first question mark ends the path; a value may hold others.
  const [path = '', ...query] = requestUrl.split('?');
  const parameters = new URLSearchParams(query.join('?'));
  if ('cursor' in values) parameters.delete('offset');
  for (const [name, value] of Object.entries(values)) parameters.set(name, value);
  return `${path}?${parameters.toString()}`;
}

const linkHeader = (description: string) => ({ Link: { description, schema: { type: 'string' as const } } });

/** How the document describes the headers of a page of `what`. */
export const pageHeadersOf = (what: string) => ({
  'X-Total-Count': { description: `${what} in all.`, schema: { type: 'integer' as const } },
  ...linkHeader('`next` and `prev` page, where there is one.'),
});

/** The same of a list that nobody counts. */
export const NEXT_PAGE_HEADER = linkHeader('`next` page, where there is one.');
