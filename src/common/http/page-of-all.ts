import type { FastifyReply, FastifyRequest } from 'fastify';
import { offsetNeighbours, pageHeaders, type Page } from './page-headers';

/** One page of a list that is short by its limits and so is read whole. Sets the headers of pages. */
export function pageOfAll<T>(all: readonly T[], page: Page, http: { readonly request: FastifyRequest; readonly reply: FastifyReply }): T[] {
  void http.reply.headers(pageHeaders(http.request.url, all.length, offsetNeighbours(page, all.length)));
  return all.slice(page.offset, page.offset + page.limit);
}
