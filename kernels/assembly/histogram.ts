import { laneSum, upper } from './lanes';

/** Values that are counted or passed over together. */
export const GROUP: usize = 8;

/** table[bits >>> shift] += 1 for every float32. */
export function histogramFloat32(address: usize, count: usize, table: usize, shift: i32): void {
  countPicked(address, count, table, shift, 1);
}

// Which group of a block is counted: a linear congruential sequence (the multiplier and increment of Numerical Recipes),
// so that nothing periodic in a tensor, such as its channels, can fall in step with it.
let picks: u32 = 0;

/** The sequence of picks begins anew. */
export function startPicking(): void {
  picks = 0;
}

/**
 * table[bits >>> shift] += every for one group of eight float32 out of each block of `every` groups; values after the last
 * whole block count once each. Activations are full of zeros, and counting them one after the other in one entry waits for
 * the memory each time. So key 0 is sent to entries 1 to 8 in turn, which is put right at the end.
 */
export function countPicked(address: usize, count: usize, table: usize, shift: i32, every: u32): void {
  const none = i32x4.splat(0);
  const base = i32x4.splat(<i32>table);
  const first = i32x4(1, 2, 3, 4);
  const second = i32x4(5, 6, 7, 8);
  const block: usize = <usize>every * GROUP;
  let zeros1 = none;
  let zeros2 = none;
  let left = count;
  for (; left >= block; left -= block) {
    picks = picks * 1664525 + 1013904223;
    const group = address + ((<usize>((<u64>picks * <u64>every) >>> 32)) << 5);
    const a = i32x4.shr_u(v128.load(group), shift);
    const b = i32x4.shr_u(v128.load(group, 16), shift);
    const aZero = i32x4.eq(a, none);
    const bZero = i32x4.eq(b, none);
    zeros1 = i32x4.sub(zeros1, aZero);
    zeros2 = i32x4.sub(zeros2, bZero);
    add4(i32x4.add(base, i32x4.shl(v128.or(a, v128.and(aZero, first)), 2)), every);
    add4(i32x4.add(base, i32x4.shl(v128.or(b, v128.and(bZero, second)), 2)), every);
    address += block << 2;
  }
  for (; left > 0; left -= 1) {
    add(table + ((<usize>(load<u32>(address) >>> shift)) << 2), 1);
    address += 4;
  }
  const weight = i32x4.splat(every);
  zeros1 = i32x4.mul(zeros1, weight);
  zeros2 = i32x4.mul(zeros2, weight);
  v128.store(table, i32x4.sub(v128.load(table, 4), zeros1), 4);
  v128.store(table, i32x4.sub(v128.load(table, 20), zeros2), 20);
  store<i32>(table, load<i32>(table) + laneSum(zeros1) + laneSum(zeros2));
}

/** Entries of a page in bytes. */
const PAGE: usize = 64;

/** Moves the pages of a table that are not empty to the target and their numbers beside; the table is zero then. */
export function takePages(table: usize, pages: u32, numbers: usize, target: usize): u32 {
  const start = target;
  const none = i32x4.splat(0);
  for (let page: u32 = 0; page < pages; page += 1) {
    let any = v128.load(table);
    for (let at: usize = 16; at < PAGE; at += 16) any = v128.or(any, v128.load(table + at));
    if (v128.any_true(any)) {
      for (let at: usize = 0; at < PAGE; at += 16) {
        v128.store(target + at, v128.load(table + at));
        v128.store(table + at, none);
      }
      store<u32>(numbers, page);
      numbers += 4;
      target += PAGE;
    }
    table += PAGE;
  }
  return <u32>((target - start) / PAGE);
}

/**
 * Adds the int32 counts of pages to sums in double: `places` has the address of each page's sums by the page's number, 0 for
 * none. Pages without get theirs from `next` on; gives where the ones after them would be.
 */
export function addPages(numbers: usize, counts: usize, count: u32, places: usize, next: usize): usize {
  for (; count > 0; count -= 1) {
    const place = places + (<usize>load<u32>(numbers) << 2);
    let sums: usize = load<u32>(place);
    if (sums == 0) {
      sums = next;
      next += 2 * PAGE;
      store<u32>(place, <u32>sums);
      for (let at: usize = 0; at < 2 * PAGE; at += 16) v128.store(sums + at, i32x4.splat(0));
    }
    for (let at: usize = 0; at < PAGE; at += 16) {
      const x = v128.load(counts + at);
      const to = sums + 2 * at;
      v128.store(to, f64x2.add(v128.load(to), f64x2.convert_low_i32x4_s(x)));
      v128.store(to, f64x2.add(v128.load(to, 16), f64x2.convert_low_i32x4_s(upper(x))), 16);
    }
    numbers += 4;
    counts += PAGE;
  }
  return next;
}

// @ts-ignore: decorator
@inline
function add4(entries: v128, weight: u32): void {
  const low = i64x2.extract_lane(entries, 0);
  const high = i64x2.extract_lane(entries, 1);
  add(<usize>low, weight);
  add(<usize>(low >>> 32), weight);
  add(<usize>high, weight);
  add(<usize>(high >>> 32), weight);
}

// @ts-ignore: decorator
@inline
function add(entry: usize, weight: u32): void {
  store<u32>(entry, load<u32>(entry) + weight);
}
