import { laneSum } from './lanes';

/** Values that are counted or passed over together. */
export const GROUP: usize = 8;

/** table[bits >>> shift] += 1 for every float32. */
export function histogramFloat32(address: usize, count: usize, table: usize, shift: i32): void {
  countGroups(address, count, table, shift, 1, false);
}

// Which group of a block is counted: a linear congruential sequence (the multiplier and increment of Numerical Recipes),
// so that nothing periodic in a tensor, such as its channels, can fall in step with it.
let picks: u32 = 0;

// @ts-ignore: decorator
@inline
function nextPick(state: u32): u32 {
  return state * 1664525 + 1013904223;
}

/** The group that is picked out of the block at this address. */
// @ts-ignore: decorator
@inline
function pickedGroup(address: usize, state: u32, every: u32): usize {
  return address + ((<usize>((<u64>state * <u64>every) >>> 32)) << 5);
}

/** The sequence of picks begins anew. */
export function startPicking(): void {
  picks = 0;
}

// Two values that are looked for among those that are picked, as bits, and how often they were found.
let soughtA: u32 = 0;
let soughtB: u32 = 0;
let foundA: i32 = 0;
let foundB: i32 = 0;
/** Where the first group is that was picked. */
let firstGroup: usize = 0;

/**
 * table[bits >>> shift] += every for one group of eight float32 out of each block of `every` groups; values after the last
 * whole block count once each. Activations are full of zeros, and counting them one after the other in one entry waits for
 * the memory each time. So key 0 is sent to entries 1 to 8 in turn, which is put right at the end.
 */
// @ts-ignore: decorator
@inline
function countGroups(address: usize, count: usize, table: usize, shift: i32, every: u32, seek: bool): void {
  const none = i32x4.splat(0);
  const base = i32x4.splat(<i32>table);
  const first = i32x4(1, 2, 3, 4);
  const second = i32x4(5, 6, 7, 8);
  const block: usize = <usize>every * GROUP;
  const a = i32x4.splat(soughtA);
  const b = i32x4.splat(soughtB);
  let foundAs = none;
  let foundBs = none;
  let zeros1 = none;
  let zeros2 = none;
  let left = count;
  if (left >= block) {
    let state = picks;
    if (seek) firstGroup = pickedGroup(address, nextPick(state), every);
    do {
      state = nextPick(state);
      const group = pickedGroup(address, state, every);
      const x = v128.load(group);
      const y = v128.load(group, 16);
      if (seek) {
        foundAs = i32x4.sub(foundAs, i32x4.add(i32x4.eq(x, a), i32x4.eq(y, a)));
        foundBs = i32x4.sub(foundBs, i32x4.add(i32x4.eq(x, b), i32x4.eq(y, b)));
      }
      const xKey = i32x4.shr_u(x, shift);
      const yKey = i32x4.shr_u(y, shift);
      const xZero = i32x4.eq(xKey, none);
      const yZero = i32x4.eq(yKey, none);
      zeros1 = i32x4.sub(zeros1, xZero);
      zeros2 = i32x4.sub(zeros2, yZero);
      add4(i32x4.add(base, i32x4.shl(v128.or(xKey, v128.and(xZero, first)), 2)), every);
      add4(i32x4.add(base, i32x4.shl(v128.or(yKey, v128.and(yZero, second)), 2)), every);
      address += block << 2;
      left -= block;
    } while (left >= block);
    picks = state;
  }
  for (; left > 0; left -= 1) {
    add(entryOf(load<u32>(address), table, shift), 1);
    address += 4;
  }
  const weight = i32x4.splat(every);
  zeros1 = i32x4.mul(zeros1, weight);
  zeros2 = i32x4.mul(zeros2, weight);
  v128.store(table, i32x4.sub(v128.load(table, 4), zeros1), 4);
  v128.store(table, i32x4.sub(v128.load(table, 20), zeros2), 20);
  store<i32>(table, load<i32>(table) + laneSum(zeros1) + laneSum(zeros2));
  if (!seek) return;
  foundA = laneSum(foundAs);
  foundB = laneSum(foundBs);
}

/**
 * Counts one group in `every` (2 or more) for all, and two values, given as bits, for themselves alone: what is rare and
 * large is then neither missed nor taken for many. There must be a whole block.
 */
export function countPicked(
  address: usize,
  count: usize,
  table: usize,
  shift: i32,
  every: u32,
  extremeA: u32,
  extremeB: u32,
): void {
  soughtA = extremeA;
  soughtB = extremeB;
  countGroups(address, count, table, shift, every, true);
  countOnce(extremeA, foundA, address, count, table, shift, every);
  if (extremeB != extremeA) countOnce(extremeB, foundB, address, count, table, shift, every);
}

/**
 * Makes a value count for itself alone: where it was not picked it is added, where it was, and there is no other like it, it
 * does not stand for any more. Another value that was picked makes up for that, so that the sum stays the same, and what is
 * expected of each count is right.
 */
function countOnce(bits: u32, picked: i32, address: usize, count: usize, table: usize, shift: i32, every: u32): void {
  const alone = picked == 1 && isSingle(bits, address, count);
  if (picked > 0 && !alone) return;
  const change: u32 = alone ? 1 - every : 1;
  add(entryOf(bits, table, shift), change);
  add(entryOf(standIn(bits), table, shift), 0 - change);
}

/** The first value of the first group that is none of those sought, or else not the one of these bits. */
function standIn(bits: u32): u32 {
  for (let at: usize = 0; at < GROUP << 2; at += 4) {
    const x = load<u32>(firstGroup + at);
    if (x != soughtA && x != soughtB) return x;
  }
  const first = load<u32>(firstGroup);
  return first == bits ? load<u32>(firstGroup, 4) : first;
}

/** Whether there is only one value of these bits. */
function isSingle(bits: u32, address: usize, count: usize): bool {
  const sought = i32x4.splat(bits);
  let found = i32x4.splat(0);
  let left = count;
  for (; left >= 16; left -= 16) {
    const first = i32x4.add(i32x4.eq(v128.load(address), sought), i32x4.eq(v128.load(address, 16), sought));
    const second = i32x4.add(i32x4.eq(v128.load(address, 32), sought), i32x4.eq(v128.load(address, 48), sought));
    found = i32x4.sub(found, i32x4.add(first, second));
    if (laneSum(found) > 1) return false;
    address += 64;
  }
  let all = laneSum(found);
  for (; left > 0; left -= 1) {
    all += <i32>(load<u32>(address) == bits);
    address += 4;
  }
  return all == 1;
}

// @ts-ignore: decorator
@inline
function entryOf(bits: u32, table: usize, shift: i32): usize {
  return table + ((<usize>(bits >>> shift)) << 2);
}

/** Entries of a page in bytes. */
const PAGE: usize = 64;
/** A page that was taken: its number and its entries. */
const RECORD: usize = 4 + PAGE;

/**
 * Moves the pages of a table that are not empty to records at the target; the table is zero then. The table has two halves of
 * `half` pages, one a sign, in which the numbers of pages grow with the magnitude. Values are near each other, and few of
 * the table's pages hold any: the search goes down from the greatest and ends when it has all `total` counts. Only zeros are
 * far from the rest, so their pages come first.
 */
export function takePages(table: usize, half: u32, greatest: u32, total: u32, target: usize): u32 {
  next = target;
  let left = total - takePage(table, 0) - takePage(table, half);
  for (let page = greatest; page > 0 && left > 0; page -= 1) {
    left -= takePage(table, page);
    left -= takePage(table, half + page);
  }
  return <u32>((next - target) / RECORD);
}

/** Where the next record goes. */
let next: usize = 0;

/** Moves a page, if there is anything in it. Gives the sum of its entries. */
// @ts-ignore: decorator
@inline
function takePage(table: usize, page: u32): u32 {
  const from = table + <usize>page * PAGE;
  const a = v128.load(from);
  const b = v128.load(from, 16);
  const c = v128.load(from, 32);
  const d = v128.load(from, 48);
  if (!v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) return 0;
  const to = next;
  store<u32>(to, page);
  v128.store(to, a, 4);
  v128.store(to, b, 20);
  v128.store(to, c, 36);
  v128.store(to, d, 52);
  next = to + RECORD;
  const none = i32x4.splat(0);
  v128.store(from, none);
  v128.store(from, none, 16);
  v128.store(from, none, 32);
  v128.store(from, none, 48);
  return laneSum(i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
}

/**
 * Adds the counts of taken pages to sums: `places` has the address of each page's sums by the page's number, 0 for none.
 * Pages without get theirs from `room` on; gives where the ones after them would be.
 */
export function addPages(records: usize, count: u32, places: usize, room: usize): usize {
  for (; count > 0; count -= 1) {
    const place = places + (<usize>load<u32>(records) << 2);
    let sums: usize = load<u32>(place);
    if (sums == 0) {
      sums = room;
      room += PAGE;
      store<u32>(place, <u32>sums);
      for (let at: usize = 0; at < PAGE; at += 16) v128.store(sums + at, v128.load(records + at, 4));
    } else {
      for (let at: usize = 0; at < PAGE; at += 16) {
        v128.store(sums + at, i32x4.add(v128.load(sums + at), v128.load(records + at, 4)));
      }
    }
    records += RECORD;
  }
  return room;
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
