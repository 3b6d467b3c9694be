/** OpenAI Microscope's addresses, on a plain static host in a folder: no rewrite rules, only its 404.html. */
import { expect, test } from "playwright/test";
import { drawn, QUICK } from "./app";
import { staticHost } from "./staticHost";

test.use({ serviceWorkers: "allow" });

test("lead to the same unit, say which weights are other ones, and which model is not known; also through the service worker", async ({
  page,
}) => {
  const host = await staticHost("/blog/micrographia/");
  try {
    await page.route("**/*.onnx", (route) => (route.request().url().startsWith(host.url) ? route.continue() : route.abort()));
    await page.goto(`${host.url}models/inceptionv1/mixed3b_0/379?models.op.feature_vis.type=neuron`);
    const notice = page.getByRole("alert").filter({ hasText: "A link to OpenAI Microscope" });
    await expect(notice).toContainText("trained apart: unit 379 of mixed3b is another unit here");
    await expect(page.getByRole("alert").filter({ hasText: "GoogLeNet could not be opened" })).toBeVisible(); // no network here
    expect(host.asked).toContain("models/inceptionv1/mixed3b_0/379");

    await drawn(page, () => page.goto(`${host.url}${QUICK}&model=mobilenetv3-centernet`));
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.goto(`${host.url}models/contrastive_4x/image_block_4_5_Add_6_0/2364`);
    await expect(notice).toContainText('"contrastive_4x" is none of those that can be shown here: inceptionv1');
    expect(host.asked).not.toContain("models/contrastive_4x/image_block_4_5_Add_6_0/2364");
    await expect(page).toHaveURL(/#model=mobilenetv3-centernet&layer=/);
  } finally {
    await host.close();
  }
});
