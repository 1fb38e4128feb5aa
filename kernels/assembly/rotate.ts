import { canonicalNan } from './sums';

/**
 * Multiplies each run of `size` (a power of two, at least 2) float32 by the Hadamard matrix of that size. `scratch`:
 * `size` doubles. Sums are taken in double, one bit of the index after the other from the lowest, and rounded once.
 */
export function rotate(source: usize, count: usize, size: usize, entry: f64, scratch: usize, target: usize): void {
  for (let left = count; left > 0; left -= size) {
    spread(source, size, scratch);
    let step: usize = 2;
    for (; step << 1 < size; step <<= 2) twoBits(scratch, size, step);
    if (step < size) oneBit(scratch, size, step);
    gather(scratch, size, entry, target);
    source += size << 2;
    target += size << 2;
  }
}

/** To double, with sums and differences of neighbours. */
function spread(source: usize, size: usize, scratch: usize): void {
  for (let i: usize = 0; i < size; i += 2) {
    const x = f64x2.promote_low_f32x4(v128.load64_zero(source + (i << 2)));
    const a = i64x2.shuffle(x, x, 0, 0);
    const b = i64x2.shuffle(x, x, 1, 1);
    // a + b and a - b: the sign of the second addend is flipped in the upper lane.
    const signed = v128.xor(b, i64x2(0, 0x8000000000000000));
    v128.store(scratch + (i << 3), f64x2.add(a, signed));
  }
}

/** Sums and differences of values `step` apart. */
function oneBit(scratch: usize, size: usize, step: usize): void {
  const distance = step << 3;
  for (let i: usize = 0; i < size; i += step << 1) {
    let at = scratch + (i << 3);
    for (const end = at + distance; at < end; at += 16) {
      const a = v128.load(at);
      const b = v128.load(at + distance);
      v128.store(at, f64x2.add(a, b));
      v128.store(at + distance, f64x2.sub(a, b));
    }
  }
}

/** The same for `step` and twice `step`, with half the traffic. */
function twoBits(scratch: usize, size: usize, step: usize): void {
  const distance = step << 3;
  for (let i: usize = 0; i < size; i += step << 2) {
    let at = scratch + (i << 3);
    for (const end = at + distance; at < end; at += 16) {
      const a = v128.load(at);
      const b = v128.load(at + distance);
      const c = v128.load(at + 2 * distance);
      const d = v128.load(at + 3 * distance);
      const p = f64x2.add(a, b);
      const q = f64x2.sub(a, b);
      const r = f64x2.add(c, d);
      const s = f64x2.sub(c, d);
      v128.store(at, f64x2.add(p, r));
      v128.store(at + distance, f64x2.add(q, s));
      v128.store(at + 2 * distance, f64x2.sub(p, r));
      v128.store(at + 3 * distance, f64x2.sub(q, s));
    }
  }
}

function gather(scratch: usize, size: usize, entry: f64, target: usize): void {
  if (size < 4) {
    for (let i: usize = 0; i < size; i += 1) {
      store<f32>(target + (i << 2), canonicalNan(<f32>(load<f64>(scratch + (i << 3)) * entry)));
    }
    return;
  }
  const factor = f64x2.splat(entry);
  const nan = i32x4.splat(0x7fc00000);
  for (let i: usize = 0; i < size; i += 4) {
    const low = f32x4.demote_f64x2_zero(f64x2.mul(v128.load(scratch + (i << 3)), factor));
    const high = f32x4.demote_f64x2_zero(f64x2.mul(v128.load(scratch + (i << 3), 16), factor));
    const both = i64x2.shuffle(low, high, 0, 2);
    v128.store(target + (i << 2), v128.bitselect(both, nan, f32x4.eq(both, both)));
  }
}
