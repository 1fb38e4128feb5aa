/** Bytes of a piece, a multiple of three: what is long is not one text of single characters on the way. */
const PIECE = 3 * 8192;

export function toBase64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let start = 0; start < bytes.length; start += PIECE) {
    const piece = bytes.subarray(start, start + PIECE);
    // Not spread: the arguments would be made one by one.
    pieces.push(btoa(String.fromCharCode.apply(undefined, piece as unknown as number[])));
  }
  return pieces.join('');
}

/** Reverses toBase64. @throws RangeError for other text. */
export function fromBase64(text: string): Uint8Array {
  const ends = (PIECE / 3) * 4;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  if (text.length % 4 !== 0) throw new RangeError('it is not base64');
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  let position = 0;
  try {
    for (let start = 0; start < text.length; start += ends) {
      const piece = atob(text.slice(start, start + ends));
      for (let i = 0; i < piece.length; i += 1) bytes[position++] = piece.charCodeAt(i);
    }
  } catch {
    throw new RangeError('it is not base64');
  }
  return bytes;
}
