/** table[bits >>> shift] += 1 for every float32. */
export function histogramFloat32(address: usize, count: usize, table: usize, shift: i32): void {
  let left = count;
  for (; left >= 4; left -= 4) {
    const a = load<u64>(address);
    const b = load<u64>(address, 8);
    bump(table + ((<usize>(<u32>a >>> shift)) << 2));
    bump(table + ((<usize>(<u32>(a >> 32) >>> shift)) << 2));
    bump(table + ((<usize>(<u32>b >>> shift)) << 2));
    bump(table + ((<usize>(<u32>(b >> 32) >>> shift)) << 2));
    address += 16;
  }
  for (; left > 0; left -= 1) {
    bump(table + ((<usize>(load<u32>(address) >>> shift)) << 2));
    address += 4;
  }
}

// @ts-ignore: decorator
@inline
function bump(entry: usize): void {
  store<u32>(entry, load<u32>(entry) + 1);
}
