import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const WAIT_MS = 30_000;
/** The browser contacts nothing but the page under test. Its sandbox does not work as root, as which CI runs. */
const ARGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
];

const chromiumPath = (): string | undefined => [process.env.CHROMIUM_PATH ?? '', ...PLACES].find((path) => path !== '' && existsSync(path));

/** `describe` that needs Chromium. Without one it skips and says so; with REQUIRE_BROWSER=1 it fails instead. */
export function describeWithBrowser(name: string, tests: () => void): void {
  if (chromiumPath() !== undefined) {
    describe(name, tests);
    return;
  }
  const need = `${name} needs chromium at ${PLACES.join(', ')} or CHROMIUM_PATH`;
  if (process.env.REQUIRE_BROWSER === '1') throw new Error(`${need}, and there is none`);
  process.stderr.write(`\nSKIPPED: ${need}\n\n`);
  describe.skip(name, tests);
}

/** One page in a browser of its own that records everything that goes wrong in it. */
export class BrowserPage {
  /** Errors on the console, which include refusals by the content security policy, and uncaught errors. */
  readonly complaints: string[] = [];
  readonly requested: string[] = [];
  private pictures = 0;
  private folder = process.env.BROWSER_SCREENSHOTS;

  private constructor(
    private readonly browser: Browser,
    readonly page: Page,
  ) {
    page.setDefaultTimeout(WAIT_MS);
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    page.on('request', (request) => this.requested.push(request.url()));
  }

  static async open(): Promise<BrowserPage> {
    const executablePath = chromiumPath();
    if (executablePath === undefined) throw new Error('There is no chromium');
    const browser = await chromium.launch({ executablePath, args: ARGS });
    return new BrowserPage(browser, await browser.newPage({ viewport: { width: 1280, height: 1000 } }));
  }

  /**
   * When a step fails, it stores a picture and says where; with BROWSER_SCREENSHOTS=<folder> it stores one of every step there.
   */
  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      if (process.env.BROWSER_SCREENSHOTS) await this.picture(name);
      return result;
    } catch (error) {
      const file = await this.picture(name).catch(() => 'no picture could be taken');
      const words = error instanceof Error ? error.message : String(error);
      throw new Error(`Step "${name}" failed (screenshot: ${file}): ${words}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    await this.browser.close();
  }

  private async picture(name: string): Promise<string> {
    this.folder ??= mkdtempSync(join(tmpdir(), 'fog-compute-browser-'));
    this.pictures += 1;
    const path = join(this.folder, `${String(this.pictures).padStart(2, '0')}-${name.replaceAll(/[^a-z0-9]+/gi, '-')}.png`);
    await this.page.screenshot({ path });
    return path;
  }
}
