/**
 * Seeded randomness: every picture must come out the same again. splitmix32 to spread the seed, sfc32 (Doty-Humphrey's small fast
 * counter generator, 128 bits of state) for the stream, Box-Muller for normal deviates.
 */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** One element, each as likely. */
  pick<T>(from: readonly T[]): T;
  /** A whole number from 0 to `below` - 1. */
  integer(below: number): number;
}

/** A stream for a 32-bit seed and the name of its purpose, so that two purposes never share numbers. */
export function seeded(seed: number, purpose: string): Random {
  let mix = seed >>> 0;
  for (const letter of purpose) mix = Math.imul(mix ^ letter.charCodeAt(0), 0x01000193) >>> 0;
  const spread = () => {
    mix = (mix + 0x9e3779b9) | 0;
    let t = mix ^ (mix >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    return t ^ (t >>> 15);
  };
  let [a, b, c, counter] = [spread(), spread(), spread(), 1];
  const uniform = () => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return (t >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) uniform();
  let spare: number | null = null;
  const normal = () => {
    if (spare !== null) {
      const kept = spare;
      spare = null;
      return kept;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  const integer = (below: number) => Math.floor(uniform() * below);
  return { uniform, normal, integer, pick: (from) => from[integer(from.length)]! };
}
