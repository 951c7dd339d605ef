/** Objects in an answer. */
const PAGE = 250;

interface Page<T> {
  readonly metadata?: { readonly continue?: string };
  readonly items: readonly T[];
}

/** Gives all objects of a list, page by page. `ask` reads one page with these parameters. */
export async function* pagesOf<T>(ask: (page: Readonly<Record<string, string>>) => Promise<unknown>): AsyncGenerator<readonly T[]> {
  for (let position: string | undefined = ''; position !== undefined;) {
    const page = (await ask({ limit: String(PAGE), ...(position === '' ? {} : { continue: position }) })) as Page<T>;
    yield page.items;
    position = page.metadata?.continue === '' ? undefined : page.metadata?.continue;
  }
}
