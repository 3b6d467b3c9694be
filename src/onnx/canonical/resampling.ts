/** Resize in its opset-18 form, with every attribute explicit; Upsample is an older name of it. */
import { f32, numbers } from "../tensor";
import type { CanonicalRule, CanonicalTable, Site } from "./site";

/** One number for each axis from one for each of the attribute `axes`. */
function perAxis(s: Site, given: readonly number[], rest: readonly number[]): number[] {
  const axes = s.ints("axes");
  if (!axes)
    return given.length === rest.length ? [...given] : s.fail(`${given.length} scales or sizes for ${rest.length} axes.`);
  const full = [...rest];
  axes.forEach((axis, i) => (full[s.axis(axis, rest.length)] = given[i]!));
  return full;
}

/** Resize 10 and Upsample: (X, scales), rounding down from the top left corner. */
function legacy(s: Site) {
  const tensor = s.inputs[1] ? s.needConstant(1, "scales") : undefined;
  const scales = tensor
    ? numbers(tensor)
    : (s.ints("scales") ?? s.fail("its scales are missing. The file contradicts itself; export it again."));
  const mode = s.text("mode", "nearest");
  const shrinks = s.node.op === "Resize" && scales.some((x) => x < 1);
  return { scales, sizes: undefined, mode, transformation: "asymmetric", nearest: shrinks ? "ceil" : "floor" };
}

function modern(s: Site) {
  const list = (i: number, what: string) => {
    const values = s.inputs[i] ? numbers(s.needConstant(i, what)) : [];
    return values.length ? values : undefined;
  };
  return {
    scales: list(2, "scales"),
    sizes: list(3, "sizes"),
    mode: s.text("mode", "nearest"),
    transformation: s.text("coordinate_transformation_mode", "half_pixel"),
    nearest: s.text("nearest_mode", "round_prefer_floor"),
  };
}

const resize: CanonicalRule = (s) => {
  const x = s.input(0);
  const { scales, sizes, mode, transformation, nearest } = s.node.op === "Upsample" || s.opset < 11 ? legacy(s) : modern(s);
  if (transformation === "tf_crop_and_resize")
    s.fail("crops while it resizes (tf_crop_and_resize), which is not supported. Choose an earlier layer.");
  const ones = x.shape.map(() => 1);
  const attrs = {
    mode: mode === "bilinear" ? "linear" : mode,
    coordinate_transformation_mode: transformation,
    nearest_mode: nearest,
    cubic_coeff_a: s.float("cubic_coeff_a", -0.75),
    exclude_outside: s.int("exclude_outside", 0),
    antialias: s.int("antialias", 0),
  };
  if (sizes) {
    if (s.text("keep_aspect_ratio_policy", "stretch") !== "stretch")
      s.fail("keeps the aspect ratio by a policy, which is not supported. Choose an earlier layer.");
    const full = perAxis(s, sizes, x.shape);
    return [full.every((size, i) => size === x.shape[i]) ? x : s.last("Resize", [x, null, null, s.b.ints(full)], attrs)];
  }
  if (!scales) s.fail("has neither scales nor sizes. The file contradicts itself; export it again.");
  const full = perAxis(s, scales!, ones);
  return [full.every((scale) => scale === 1) ? x : s.last("Resize", [x, null, s.hold("scales", f32(full))], attrs)];
};

/** Opset 20 renamed the modes. */
const gridSample: CanonicalRule = (s) => {
  const mode = s.text("mode", "bilinear");
  const older = mode === "linear" ? "bilinear" : mode === "cubic" ? "bicubic" : mode;
  const attrs = { mode: older, padding_mode: s.text("padding_mode", "zeros"), align_corners: s.int("align_corners", 0) };
  return [s.last("GridSample", [s.input(0), s.input(1)], attrs)];
};

export const resampling: CanonicalTable = { Resize: resize, Upsample: resize, GridSample: gridSample };
