/** The pixel under the cursor, or walked to with arrows: the same one over all maps. */
import type { Explaining } from "./explaining.svelte";

/** An attachment for a canvas whose pixels are those of the network's input. Escape lets the pixel go. */
export const pointer =
  (explaining: Explaining) =>
  (canvas: HTMLCanvasElement): (() => void) => {
    const within = (v: number, size: number): number => Math.min(size - 1, Math.max(0, Math.floor(v)));
    const move = ({ offsetX, offsetY }: PointerEvent): void => {
      const x = within((offsetX / canvas.clientWidth) * canvas.width, canvas.width);
      explaining.at = { x, y: within((offsetY / canvas.clientHeight) * canvas.height, canvas.height) };
    };
    const leave = (): void => void (explaining.at = null);
    const key = (event: KeyboardEvent): void => {
      if (event.key === "Escape") return leave();
      const by = STEPS[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      const { width, height } = canvas;
      const { x, y } = explaining.at ?? { x: width >> 1, y: height >> 1 };
      const far = event.shiftKey ? 1 : Math.max(1, Math.round(width / 32));
      explaining.at = { x: within(x + far * by[0], width), y: within(y + far * by[1], height) };
    };
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerleave", leave);
    canvas.addEventListener("keydown", key);
    return () => {
      canvas.removeEventListener("pointermove", move);
      canvas.removeEventListener("pointerleave", leave);
      canvas.removeEventListener("keydown", key);
    };
  };

const STEPS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
