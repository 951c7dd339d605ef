import { Agent, request, type RequestOptions } from 'node:https';
import { Agent as HttpAgent, request as plainRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { goesPastProxy } from './no-proxy';

/** How the agent gets to its control plane. */
export interface WaySettings {
  readonly SERVER_URL: string;
  readonly HTTPS_PROXY?: string;
  readonly NO_PROXY: string;
}

/** The way to the control plane: its addresses, and the proxy in between if there is one. Certificates are always checked. */
export class Way {
  private readonly url: URL;

  constructor(private readonly settings: WaySettings) {
    this.url = new URL(settings.SERVER_URL);
  }

  /** For the log: without a password that the proxy may need. */
  get words(): string {
    const { HTTPS_PROXY: proxy } = this.settings;
    return proxy === undefined || this.isDirect ? this.url.href : `${this.url.href} through the proxy ${new URL(proxy).host}`;
  }

  linkUrl(): URL {
    const url = this.at('/api/agents/link');
    url.protocol = this.isSecure ? 'wss:' : 'ws:';
    return url;
  }

  /** A new one for each connection, so that nothing of a broken one is used again. */
  agent(): Agent | HttpAgent {
    const { HTTPS_PROXY: proxy } = this.settings;
    if (proxy !== undefined && !this.isDirect) return new HttpsProxyAgent(proxy);
    return this.isSecure ? new Agent() : new HttpAgent();
  }

  request(path: string, options: RequestOptions, onAnswer: (answer: IncomingMessage) => void): ClientRequest {
    const ask = this.isSecure ? request : plainRequest;
    return ask(this.at(path), { ...options, agent: this.agent() }, onAnswer);
  }

  private get isSecure(): boolean {
    return this.url.protocol === 'https:';
  }

  private get isDirect(): boolean {
    return goesPastProxy(this.url, this.settings.NO_PROXY);
  }

  private at(path: string): URL {
    return new URL(`${this.url.pathname.replace(/\/$/, '')}${path}`, this.url);
  }
}
