import type { Locator, Page } from 'playwright-core';

/** An answer as Swagger UI shows it. */
export interface ShownAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Uses Swagger UI as a person does, only by its buttons and fields. */
export class SwaggerPage {
  constructor(
    private readonly page: Page,
    private readonly url: string,
  ) {}

  async open(): Promise<void> {
    await this.page.goto(`${this.url}/docs`);
    await this.page.getByRole('heading', { name: /^fog-compute/ }).waitFor();
  }

  /** Presses Authorize, logs out the token that is set, if any, and sets this one. */
  async authorize(token: string): Promise<void> {
    await this.page.locator('.auth-wrapper .btn.authorize').first().click();
    const dialog = this.page.locator('.dialog-ux');
    const remove = dialog.getByRole('button', { name: 'Remove authorization' });
    if (await remove.isVisible()) await remove.click();
    await dialog.getByRole('textbox').fill(token);
    await dialog.getByRole('button', { name: 'Apply credentials' }).click();
    await remove.waitFor();
    await dialog.locator('button.btn-done').click();
  }

  /** Loads the page again; whether it still has a token then. */
  async isAuthorizedAfterReload(): Promise<boolean> {
    await this.page.reload();
    await this.page.getByRole('heading', { name: /^fog-compute/ }).waitFor();
    return this.page.locator('.auth-wrapper .btn.authorize.locked').first().isVisible();
  }

  /** Opens the operation, fills in `parameters`, leaves the example body as it is, presses Execute, and reads the answer. */
  async execute(operation: string, parameters: Readonly<Record<string, string>> = {}): Promise<ShownAnswer> {
    const block = await this.expand(operation);
    for (const [name, value] of Object.entries(parameters)) {
      await block.locator(`tr[data-param-name="${name}"]`).getByRole('textbox').fill(value);
    }
    return this.press(block);
  }

  /** Executes the open operation again, with everything that was filled in, until `isWished` accepts the answer. */
  async executeUntil(operation: string, isWished: (answer: ShownAnswer) => boolean, timeoutMs = 30_000): Promise<ShownAnswer> {
    const block = await this.expand(operation);
    const end = performance.now() + timeoutMs;
    for (;;) {
      const answer = await this.press(block);
      if (isWished(answer)) return answer;
      if (performance.now() > end) throw new Error(`${operation} still answers ${JSON.stringify(answer)}`);
      await this.page.waitForTimeout(200);
    }
  }

  /** Finds an operation such as `POST /api/deployment/deploy`, opens it unless it is open, and makes its fields editable. */
  private async expand(operation: string): Promise<Locator> {
    const [method = '', path = ''] = operation.split(' ');
    const block = this.page.locator(`.opblock-${method.toLowerCase()}`).filter({ has: this.page.locator(`[data-path="${path}"]`) });
    if (!((await block.getAttribute('class')) ?? '').includes('is-open')) await block.locator('.opblock-summary-control').click();
    const tryItOut = block.getByRole('button', { name: 'Try it out' });
    const execute = block.getByRole('button', { name: 'Execute' });
    await tryItOut.or(execute).first().waitFor();
    if (await tryItOut.isVisible()) await tryItOut.click();
    await execute.waitFor();
    await block.scrollIntoViewIfNeeded();
    return block;
  }

  private async press(block: Locator): Promise<ShownAnswer> {
    const clear = block.getByRole('button', { name: 'Clear' });
    if (await clear.isVisible()) await clear.click();
    await block.getByRole('button', { name: 'Execute' }).click();
    const row = block.locator('.live-responses-table tbody tr.response').first();
    await row.waitFor();
    const status = Number((await row.locator('.response-col_status').innerText()).trim().split(/\s/)[0]);
    const text = await row.locator('.response-col_description .highlight-code code').first().innerText();
    await row.scrollIntoViewIfNeeded();
    return { status, body: JSON.parse(text) as Record<string, unknown> };
  }
}
