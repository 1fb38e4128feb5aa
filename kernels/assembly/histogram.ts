import { laneSum } from './lanes';

/**
 * table[bits >>> shift] += 1 for every float32. Activations are full of zeros, and counting them one after the other in
 * one entry waits for the memory each time. So key 0 is sent to entries 1 to 8 in turn, which is put right at the end.
 */
export function histogramFloat32(address: usize, count: usize, table: usize, shift: i32): void {
  const none = i32x4.splat(0);
  const base = i32x4.splat(<i32>table);
  const first = i32x4(1, 2, 3, 4);
  const second = i32x4(5, 6, 7, 8);
  let zeros1 = none;
  let zeros2 = none;
  let left = count;
  for (; left >= 8; left -= 8) {
    const a = i32x4.shr_u(v128.load(address), shift);
    const b = i32x4.shr_u(v128.load(address, 16), shift);
    const aZero = i32x4.eq(a, none);
    const bZero = i32x4.eq(b, none);
    zeros1 = i32x4.sub(zeros1, aZero);
    zeros2 = i32x4.sub(zeros2, bZero);
    bump4(i32x4.add(base, i32x4.shl(v128.or(a, v128.and(aZero, first)), 2)));
    bump4(i32x4.add(base, i32x4.shl(v128.or(b, v128.and(bZero, second)), 2)));
    address += 32;
  }
  for (; left > 0; left -= 1) {
    bump(table + ((<usize>(load<u32>(address) >>> shift)) << 2));
    address += 4;
  }
  v128.store(table, i32x4.sub(v128.load(table, 4), zeros1), 4);
  v128.store(table, i32x4.sub(v128.load(table, 20), zeros2), 20);
  store<i32>(table, load<i32>(table) + laneSum(zeros1) + laneSum(zeros2));
}

// @ts-ignore: decorator
@inline
function bump4(entries: v128): void {
  const low = i64x2.extract_lane(entries, 0);
  const high = i64x2.extract_lane(entries, 1);
  bump(<usize>low);
  bump(<usize>(low >>> 32));
  bump(<usize>high);
  bump(<usize>(high >>> 32));
}

// @ts-ignore: decorator
@inline
function bump(entry: usize): void {
  store<u32>(entry, load<u32>(entry) + 1);
}
