import { fold } from './lanes';

/** Least and greatest integer, as int32 bits. */
export let resultLeast: i32 = 0;
export let resultMost: i32 = 0;

/** Least and greatest of at least one integer; `kind`: log2 of the element's bytes, plus 4 when unsigned. */
export function rangeInteger(address: usize, count: usize, kind: i32): void {
  if (kind == 0) integers<i8>(address, count);
  else if (kind == 1) integers<i16>(address, count);
  else if (kind == 2) integers<i32>(address, count);
  else if (kind == 4) integers<u8>(address, count);
  else if (kind == 5) integers<u16>(address, count);
  else integers<u32>(address, count);
}

function integers<T extends i32>(address: usize, count: usize): void {
  let least = load<T>(address);
  let most = least;
  let left = count;
  const lanes: usize = 16 / sizeof<T>();
  if (left >= lanes) {
    let leasts = v128.load(address);
    let mosts = leasts;
    for (; left >= lanes; left -= lanes) {
      const x = v128.load(address);
      leasts = v128.min<T>(leasts, x);
      mosts = v128.max<T>(mosts, x);
      address += 16;
    }
    least = v128.extract_lane<T>(fold<T>(leasts, false), 0);
    most = v128.extract_lane<T>(fold<T>(mosts, true), 0);
  }
  for (; left > 0; left -= 1) {
    const x = load<T>(address);
    least = min<T>(least, x);
    most = max<T>(most, x);
    address += sizeof<T>();
  }
  resultLeast = <i32>least;
  resultMost = <i32>most;
}
