// Products of matrices in double, tile by tile: what takes the time of sums of products and of their factors.

/** Rows and columns of a tile. */
const TILE: usize = 64;
const TILE_BYTES: usize = TILE << 3;

/**
 * Adds to a tile the products of two panels: target[i][j] += sum over k of a[k][i] * b[k][j], k ascending from zero. Four
 * rows and four columns of the target are summed at a time, in registers.
 */
export function addProducts(a: usize, b: usize, depth: usize, target: usize): void {
  for (let i: usize = 0; i < TILE_BYTES; i += 32) {
    for (let j: usize = 0; j < TILE_BYTES; j += 32) {
      fourByFour(a + i, b + j, depth, target + (i >> 3) * TILE_BYTES + j);
    }
  }
}

function fourByFour(a: usize, b: usize, depth: usize, target: usize): void {
  let p0 = f64x2.splat(0);
  let q0 = p0;
  let p1 = p0;
  let q1 = p0;
  let p2 = p0;
  let q2 = p0;
  let p3 = p0;
  let q3 = p0;
  for (let left = depth; left > 0; left -= 1) {
    const x = v128.load(b);
    const y = v128.load(b, 16);
    let factor = v128.load64_splat(a);
    p0 = f64x2.add(p0, f64x2.mul(factor, x));
    q0 = f64x2.add(q0, f64x2.mul(factor, y));
    factor = v128.load64_splat(a, 8);
    p1 = f64x2.add(p1, f64x2.mul(factor, x));
    q1 = f64x2.add(q1, f64x2.mul(factor, y));
    factor = v128.load64_splat(a, 16);
    p2 = f64x2.add(p2, f64x2.mul(factor, x));
    q2 = f64x2.add(q2, f64x2.mul(factor, y));
    factor = v128.load64_splat(a, 24);
    p3 = f64x2.add(p3, f64x2.mul(factor, x));
    q3 = f64x2.add(q3, f64x2.mul(factor, y));
    a += TILE_BYTES;
    b += TILE_BYTES;
  }
  addRow(target, p0, q0);
  addRow(target + TILE_BYTES, p1, q1);
  addRow(target + 2 * TILE_BYTES, p2, q2);
  addRow(target + 3 * TILE_BYTES, p3, q3);
}

// @ts-ignore: decorator
@inline
function addRow(target: usize, p: v128, q: v128): void {
  v128.store(target, f64x2.add(v128.load(target), p));
  v128.store(target, f64x2.add(v128.load(target, 16), q), 16);
}
