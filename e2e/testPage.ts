/** Opening a page of e2e/pages on the development server. */
import type { Page } from "playwright/test";

/** Opens `name`.html and waits until its functions are there, as `window.page`. */
export async function openTestPage(page: Page, name: string): Promise<void> {
  await page.goto(`http://127.0.0.1:${process.env.E2E_PAGES_PORT}/e2e/pages/${name}.html`);
  await page.waitForFunction(() => "page" in window, null, { timeout: 60_000 });
}
