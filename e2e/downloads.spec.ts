/** Models that come from elsewhere: progress, cancel, resume, check, and what happens when what comes is no good. */
import { expect, test, type Page } from "playwright/test";
import type { Attrs, Graph, Node } from "../src/onnx/graph";
import { f32 } from "../src/onnx/tensor";
import { writeModel } from "../src/onnx/write";
import { faultServer, serve, type FaultServer, type ServeOptions } from "../test/faultServer";
import {
  atLeast,
  cardOf,
  catalog,
  drawn,
  ELSEWHERE,
  embedded,
  fileOf,
  picture,
  opened,
  pick,
  QUICK,
  rowOf,
  sharedModel,
  step,
  withModels,
} from "./app";

let server: FaultServer;
test.beforeAll(async () => void (server = await faultServer()));
test.afterAll(() => server.close());

/** What the catalogue calls elsewhere is served from this machine; `options` may differ from one request to the next. */
async function serveElsewhere(page: Page, bytes: Uint8Array, options: (n: number) => ServeOptions = () => ({})): Promise<void> {
  server.behave((request, response, n) => serve(request, response, bytes, { cors: true, ...options(n) }));
  await page.route(`${ELSEWHERE}**`, (route) =>
    route.fulfill({ status: 302, headers: { location: `${server.url}model.onnx`, "access-control-allow-origin": "*" } }),
  );
}

/** The model that was open before still makes pictures. */
async function stillWorks(page: Page): Promise<void> {
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await drawn(page, () => page.getByRole("button", { name: "Another seed" }).first().click());
}

test("a download shows its bytes, is cancelled, goes on where it was, is checked, and opens", async ({ page }) => {
  const { bytes } = embedded();
  // A byte more than the embedded file's, which ONNX readers pass over: another SHA-256, the same network.
  const other = Buffer.concat([bytes, Buffer.from([0x12, 0x01, 0x78])]);
  const half = Math.floor(other.length / 2);
  await withModels(page, [cardOf("other", "Other", fileOf(other, "other.onnx"))]);
  await serveElsewhere(page, other, (n) => (n === 0 ? { cutAfter: half, stall: true } : {}));
  await opened(page, "/" + QUICK);

  const row = await pick(page, "Other");
  const bar = row.getByTestId("download");
  await expect(bar).toContainText(/MB of 2\.3 MB, (4|5)\d %/);
  await bar.getByRole("button", { name: "Cancel" }).click();
  await expect(bar).toContainText("paused");
  await drawn(page, () => row.getByRole("button", { name: "Resume" }).click());
  expect(server.ranges.at(-1)).toMatch(/^bytes=\d{6,}-$/);
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(page).toHaveURL(/model=other/);

  const requests = server.ranges.length;
  await opened(page, page.url());
  await expect(page.getByRole("button", { name: "Choose a model" })).toContainText("Other");
  expect(server.ranges.length).toBe(requests);

  const again = await rowOf(page, "Other");
  await expect(again).toContainText("On this machine");
  await again.getByRole("button", { name: "Remove Other" }).click();
  await expect(again).not.toContainText("On this machine");
});

test("a model that cannot be removed says why, and stays", async ({ page }) => {
  const { bytes } = embedded();
  const other = Buffer.concat([bytes, Buffer.from([0x12, 0x01, 0x7a])]);
  const file = fileOf(other, "other.onnx");
  await withModels(page, [cardOf("other", "Other", file)]);
  await serveElsewhere(page, other);
  await opened(page, "/" + QUICK);
  await pick(page, "Other");
  await expect(page).toHaveURL(/model=other/, { timeout: 60_000 });
  // as another tab would that is downloading it again
  await page.evaluate(
    (sha256) => void navigator.locks.request(`micrographia ${sha256}`, () => new Promise(() => {})),
    file.sha256,
  );
  const row = await rowOf(page, "Other");
  await row.getByRole("button", { name: "Remove Other" }).click();
  await expect(row.getByRole("alert")).toHaveText(/^Other could not be removed\. This model is being downloaded/);
  await expect(row).toContainText("On this machine");
});

test("cards say what a network is, what it costs, and where files are that no page may fetch", async ({ page }) => {
  const card = (id: string) => catalog().models.find((model) => model.id === id)!;
  await withModels(page, [card("alexnet"), card("alexnet-places365"), card("squeezenet1.1")]);
  await opened(page, "/" + QUICK);
  const alexnet = await rowOf(page, "AlexNet");
  await expect(alexnet).toContainText("AlexNet, 2012 · trained on ImageNet (ILSVRC 2012)");
  await expect(alexnet).toContainText("61 million weights · 243.9 MB to download · about 61 MB to keep");
  await alexnet.locator("summary").click();
  await expect(alexnet).toContainText("Krizhevsky, Sutskever, Hinton");
  await expect(alexnet).toContainText("224 × 224 pixels, BGR from 0 to 255 less (104, 117, 123)");
  await expect(alexnet).toContainText("conv1_1, conv2_1, conv3_1, conv4_1, conv5_1, fc6, fc7, classes");
  await expect(alexnet).toContainText("SHA-256 6b0da951");

  const places = await rowOf(page, "AlexNet Places365");
  await expect(places.getByRole("link", { name: "places2.csail.mit.edu" })).toHaveAttribute("target", "_blank");
  for (const file of ["alexnet_places365.caffemodel", "deploy_alexnet_places365.prototxt"])
    await expect(places.getByRole("link", { name: file })).toBeVisible();
  await expect(places.locator(".does button")).toHaveCount(0);
  const groups = page.getByRole("dialog").getByRole("region");
  await expect(groups).toHaveCount(3);
  await expect(groups.nth(1)).toHaveAccessibleName("From OpenAI Microscope");
});

const node = (op: string, inputs: string[], output: string, attrs: Attrs = {}, domain = ""): Node => ({
  op, name: output, domain, inputs, outputs: [output], attrs,
}); // prettier-ignore
const conv = (input: string, output: string) => node("Conv", [input, "W"], output, { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
/** Two layers with a node between them through which no gradient is known to pass. */
const odd = (op: string, domain = ""): Buffer => {
  const graph: Graph = {
    name: "odd",
    opset: 18,
    inputs: [{ name: "image", dtype: "float32", shape: [1, 3, "h", "w"] }],
    outputs: ["second"],
    nodes: [
      conv("image", "conv1"),
      node("Relu", ["conv1"], "first"),
      node(op, ["first"], "the odd one", {}, domain),
      conv("the odd one", "conv2"),
      node("Relu", ["conv2"], "second"),
    ],
    constants: new Map([
      [
        "W",
        f32(
          Float32Array.from({ length: 81 }, (_, i) => Math.sin(i)),
          [3, 3, 3, 3],
        ),
      ],
    ]),
  };
  return Buffer.from(writeModel(graph));
};

const { bytes: good } = embedded();
const truncated = good.subarray(0, Math.floor(good.length / 2));
const webPage = Buffer.from("<!doctype html><title>Not found</title>".padEnd(4000, " "));
const image = Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), Buffer.alloc(4000, 7)]);
const whole = Buffer.concat([good, Buffer.from([0x12, 0x01, 0x79])]); // not the embedded file, which is stored already
const damaged = Buffer.from(whole);
damaged[1000]! ^= 1;

const bad: { what: string; bytes: Buffer; promised?: Buffer; options?: ServeOptions; says: RegExp }[] = [
  { what: "a truncated ONNX file", bytes: truncated, says: /truncated|ends|cut/i },
  { what: "a web page instead of a model", bytes: webPage, says: /web page|HTML/i },
  { what: "a file that is not ONNX", bytes: image, says: /not .*ONNX/i },
  { what: "another SHA-256 than promised", bytes: damaged, promised: whole, says: /SHA-256 [0-9a-f]{64}, but the catalogue says [0-9a-f]{64}/ },
  { what: "a server that stops half way", bytes: Buffer.concat([good, good]), options: { cutAfter: 3e6, ignoreRange: true }, says: /try again, and it goes on from there/i },
]; // prettier-ignore

for (const { what, bytes, promised = bytes, options, says } of bad)
  test(`${what} gets its own message, and the page goes on working`, async ({ page }) => {
    await withModels(page, [cardOf("bad", "Bad", fileOf(promised, "bad.onnx"), { labels: null, layers: [] })]);
    await serveElsewhere(page, bytes, () => options ?? {});
    await opened(page, "/" + QUICK);
    const row = await pick(page, "Bad");
    await expect(row.getByRole("alert")).toHaveText(says, { timeout: 60_000 });
    await stillWorks(page);
    const notice = page.getByRole("main").getByRole("alert");
    await expect(notice).toContainText("Bad could not be opened");
    await expect(notice).toHaveText(says);
    await notice.getByRole("button", { name: "Dismiss" }).click();
    await expect(notice).toHaveCount(0);
  });

for (const { what, bytes, says } of [
  { what: "an op that nobody knows", bytes: odd("Frobnicate", "org.acme"), says: 'org.acme.Frobnicate "the odd one"' },
  { what: "an ONNX op that is not understood", bytes: odd("Unique"), says: 'Unique "the odd one"' },
])
  test(`${what} is named, and the layers before it can be drawn`, async ({ page }) => {
    await withModels(page, [cardOf("odd", "Odd", fileOf(bytes, "odd.onnx"), { labels: null, layers: [] })]);
    await serveElsewhere(page, bytes);
    await opened(page, "/" + QUICK);
    await drawn(page, async () => void (await pick(page, "Odd")));
    await expect(page.locator(".left").getByRole("note")).toContainText(`What lies beyond ${says} is left out`);
    await expect(page.getByRole("heading", { level: 2, name: "first" })).toBeVisible();
    await expect(page.locator(".left")).not.toContainText("second");
  });

test("without a catalogue, the page says so and tries again", async ({ page }) => {
  await withModels(page);
  await page.route("**/models/catalog.json", (route) => route.fulfill({ status: 503, body: "" }), { times: 1 });
  await page.goto("/" + QUICK);
  await expect(page.getByRole("alert")).toContainText("503");
  await drawn(page, () => page.getByRole("button", { name: "Try again" }).click());
});

test("GoogLeNet, one click and 28 MB away", async ({ page }) => {
  const bytes = sharedModel("googlenet.onnx");
  test.skip(!bytes, "../shared/data/models/googlenet.onnx is not on this machine");
  if (!bytes) return;
  const card = catalog().models.find(({ id }) => id === "googlenet");
  if (!card) throw new Error("catalog.json has no googlenet");
  await withModels(page, [{ ...card, files: [fileOf(bytes, "googlenet.onnx", { weights: "float32" })] }]);
  await serveElsewhere(page, bytes);
  await opened(page, "/" + QUICK);
  await page.getByRole("button", { name: "Get GoogLeNet 28.0 MB" }).click();
  await expect(page.getByRole("button", { name: "Choose a model" })).toContainText("GoogLeNet", { timeout: 90_000 });
  await atLeast(page, 2);
  await page.getByText("mixed4c", { exact: true }).click();
  await expect(page.getByRole("heading", { name: "mixed4c channel 9" })).toBeVisible();
  await drawn(page, async () => {});
  expect(await step(page)).toBe(24);
  await expect(page.locator(".caption")).toContainText("int8 weights");
  await expect(picture(page)).toBeVisible();
});
