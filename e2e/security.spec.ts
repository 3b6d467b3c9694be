/** Who is asked, and what may run: a full journey under the policy of the built page, listening to every request and every violation. */
import { expect, test, type Page } from "playwright/test";
import { writeModel } from "../src/onnx/write";
import { randomTensor, smallGraph } from "../test/smallGraph";
import { cardOf, drawn, drop, ELSEWHERE, embedded, fileOf, opened, pick, QUICK, withModels } from "./app";

/** From now on: whatever the page or its workers ask for, and whatever the browser refuses or reports. */
async function listen(page: Page): Promise<{ origins: () => string[]; complaints: () => Promise<string[]> }> {
  const asked: string[] = [];
  const said: string[] = [];
  page.context().on("request", (request) => asked.push(request.url()));
  page.on("websocket", (socket) => asked.push(socket.url()));
  page.on("console", (message) => {
    // a host without models of its own, and without statistics of a model that it does not know
    const absent = /\/models\/(hosted|stats\/elsewhere)\.json$/.test(message.location().url);
    if (message.type() === "error" && !absent) said.push(message.text());
  });
  page.on("pageerror", ({ message }) => said.push(message));
  await page.addInitScript(() => {
    const violations: string[] = [];
    Object.assign(window, { violations });
    document.addEventListener("securitypolicyviolation", (event) =>
      violations.push(
        `${event.effectiveDirective} refuses ${event.blockedURI} ${event.sample} (${event.sourceFile}:${event.lineNumber})`,
      ),
    );
  });
  return {
    origins: () => [...new Set(asked.filter((url) => /^(https?|wss?):/.test(url)).map((url) => new URL(url).origin))].sort(),
    complaints: async () => [...said, ...(await page.evaluate(() => (window as unknown as { violations: string[] }).violations))],
  };
}

test("a whole journey asks nobody but the host and the model's own address, and breaks no rule", async ({ page, baseURL }) => {
  const { bytes } = embedded();
  const other = cardOf("elsewhere", "From elsewhere", fileOf(bytes, "model.onnx"));
  await withModels(page, [other]);
  await page.route(`${ELSEWHERE}**`, (route) => route.fulfill({ body: bytes, headers: { "access-control-allow-origin": "*" } }));
  const { origins, complaints } = await listen(page);
  const host = new URL(baseURL!).origin;

  await opened(page, `/${QUICK}`);
  await drawn(page, () => page.getByRole("button", { name: "Next channel" }).click());
  await page.getByText("Curve and spectrum").click();
  for (const kind of ["Animation", "Video"]) {
    const menu = page.locator("summary", { hasText: "Film" });
    if ((await page.locator(".menu[open]").count()) === 0) await menu.click();
    const coming = page.waitForEvent("download");
    await page.getByRole("button", { name: kind }).click();
    await coming;
  }
  await page.keyboard.press("Escape");

  const name = `<img src="https://evil.test/x" onerror="document.title='taken'">`;
  const hostile = smallGraph({
    inputs: { image: [1, 3, 32, 32] },
    constants: { w: randomTensor([8, 3, 3, 3], 1) },
    nodes: [
      { op: "Conv", inputs: ["image", "w"], outputs: ["a"] },
      { op: "Relu", inputs: ["a"], outputs: [name] },
    ],
    outputs: [name],
  });
  await drop(page, [{ name: `${name.replaceAll("/", ":")}.onnx`, bytes: writeModel(hostile) }]);
  await expect(page.getByRole("dialog", { name: "A model of yours" })).toContainText("<img src=");
  await page.keyboard.press("Escape");
  await expect(page.locator("img[src*=evil]")).toHaveCount(0);

  expect(origins()).toEqual([host]);
  expect(await complaints()).toEqual([]);
});

test("a model's own address is asked when the reader picks that model", async ({ page, baseURL }) => {
  const bytes = Buffer.from(embedded().bytes);
  const altered = Buffer.concat([bytes, Buffer.from([0x72, 0x00])]); // another file of the same model: an empty field is added
  await withModels(page, [cardOf("elsewhere", "From elsewhere", fileOf(altered, "model.onnx"))]);
  await page.route(`${ELSEWHERE}**`, (route) =>
    route.fulfill({ body: altered, headers: { "access-control-allow-origin": "*" } }),
  );
  const { origins, complaints } = await listen(page);
  await opened(page, `/${QUICK}`);
  await drawn(page, async () => void (await pick(page, "From elsewhere")));
  expect(origins()).toEqual([new URL(baseURL!).origin, new URL(ELSEWHERE).origin].sort());
  expect(await complaints()).toEqual([]);
});

test("the policy is in force: no evaluation, no strings for scripts, nothing inline, nothing from elsewhere", async ({
  page,
}) => {
  await withModels(page);
  await listen(page);
  await page.goto("/licences.txt");
  await expect(page.locator("body")).toContainText("onnxruntime-web");
  await page.goto("/");
  const refused = await page.evaluate(async () => {
    await new Promise((resolve) => setTimeout(resolve)); // what a debugger starts may evaluate, what follows later may not
    const attempt = async (act: () => unknown): Promise<string> => {
      try {
        await act();
        return "allowed";
      } catch (error) {
        return (error as Error).name;
      }
    };
    const inline = document.createElement("style");
    inline.textContent = "body { --inline: 1 }";
    document.head.append(inline);
    return {
      evaluation: await attempt(() => (0, eval)("1")),
      constructor: await attempt(() => new Function("return 1")()),
      markup: await attempt(() => (document.createElement("p").innerHTML = "<b>x</b>")),
      worker: await attempt(() => new Worker("assets/x.js")),
      anotherPolicy: await attempt(() =>
        (
          globalThis as unknown as { trustedTypes: { createPolicy(name: string, rules: object): void } }
        ).trustedTypes.createPolicy("mine", {}),
      ),
      plainHttp: await attempt(() => fetch("http://plain.test/")),
      style: getComputedStyle(document.body).getPropertyValue("--inline") || "ignored",
    };
  });
  expect(refused).toEqual({
    evaluation: "EvalError",
    constructor: "EvalError",
    markup: "TypeError",
    worker: "TypeError",
    anotherPolicy: "TypeError",
    plainHttp: "TypeError",
    style: "ignored",
  });
  const seen = await page.evaluate(() =>
    (window as unknown as { violations: string[] }).violations.map((text) => text.split(" ")[0]),
  );
  expect(new Set(seen)).toEqual(new Set(["require-trusted-types-for", "trusted-types", "connect-src", "style-src-elem"]));
});
