/** Sets of characters in Python's sense, written for a JavaScript RegExp with the `u` flag. */

/** A letter of `\d \D \s \S \w \W`. */
export type Category = 'd' | 'D' | 's' | 'S' | 'w' | 'W';

export interface CharacterFlags {
  readonly ignoreCase: boolean;
  readonly ascii: boolean;
}

/** What stands between the brackets: single characters and ranges as code points (both ends in), and categories. */
export interface CharacterSet {
  readonly negated: boolean;
  readonly ranges: readonly (readonly [number, number])[];
  readonly categories: readonly Category[];
}

/** Widest range whose case variants are written out. */
const WIDEST_CASELESS_RANGE = 0x3000;

// Python's str methods define these: isdecimal, isspace, isalnum or underscore; plain ASCII under the flag `a`.
const UNICODE: Record<'d' | 's' | 'w', string> = {
  d: '\\p{Nd}',
  s: ' \\t-\\r\\x1c-\\x1f\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000',
  w: '\\p{L}\\p{N}_',
};
const ASCII: Record<'d' | 's' | 'w', string> = { d: '0-9', s: ' \\t-\\r', w: 'A-Za-z0-9_' };

/** Members of a category as the inside of a bracket; capitals (complements) give the members they exclude. */
function members(category: Category, ascii: boolean): string {
  const lower = category.toLowerCase() as 'd' | 's' | 'w';
  return (ascii ? ASCII : UNICODE)[lower];
}

/** One code point, escaped so that it means itself inside and outside brackets. */
function literalText(codePoint: number): string {
  const character = String.fromCodePoint(codePoint);
  return /^[A-Za-z0-9_]$/.test(character) ? character : `\\u{${codePoint.toString(16)}}`;
}

/** A character and its other cases; letters whose other case is several characters long have none. */
function caseVariants(codePoint: number, ascii: boolean): readonly number[] {
  if (ascii && codePoint > 0x7f) return [codePoint];
  const character = String.fromCodePoint(codePoint);
  const upper = character.toUpperCase();
  const lower = character.toLowerCase();
  const found = new Set([codePoint]);
  for (const text of [upper, lower, upper.toLowerCase(), lower.toUpperCase()]) {
    const [only, more] = Array.from(text);
    const variant = more === undefined ? only?.codePointAt(0) : undefined;
    if (variant !== undefined && !(ascii && variant > 0x7f)) found.add(variant);
  }
  return [...found];
}

/** One literal character as an atom. */
export function literalAtom(codePoint: number, flags: CharacterFlags): string {
  const variants = flags.ignoreCase ? caseVariants(codePoint, flags.ascii) : [codePoint];
  return variants.length === 1 ? literalText(codePoint) : `[${variants.map(literalText).join('')}]`;
}

/** The text of a range with its case variants; undefined if it is too wide to write them out. */
function rangeText([low, high]: readonly [number, number], flags: CharacterFlags): string | undefined {
  const text = low === high ? literalText(low) : `${literalText(low)}-${literalText(high)}`;
  if (!flags.ignoreCase) return text;
  if (high - low > WIDEST_CASELESS_RANGE) return undefined;
  const extra = new Set<number>();
  for (let codePoint = low; codePoint <= high; codePoint++) {
    if (codePoint >= 0xd800 && codePoint <= 0xdfff) continue;
    for (const variant of caseVariants(codePoint, flags.ascii)) {
      if (variant < low || variant > high) extra.add(variant);
    }
  }
  return text + [...extra].map(literalText).join('');
}

/**
 * A bracket expression as an atom that matches one code point. Complements inside a bracket (`[\W_]`) become
 * alternatives of their own. Undefined if a range is too wide to match without regard to case.
 */
export function setAtom(set: CharacterSet, flags: CharacterFlags): string | undefined {
  let inside = '';
  const alternatives: string[] = [];
  for (const range of set.ranges) {
    const text = rangeText(range, flags);
    if (text === undefined) return undefined;
    inside += text;
  }
  for (const category of set.categories) {
    const text = members(category, flags.ascii);
    if (category === category.toLowerCase()) inside += text;
    else alternatives.push(`[^${text}]`);
  }
  if (alternatives.length === 0) return `[${set.negated ? '^' : ''}${inside}]`;
  if (inside !== '') alternatives.unshift(`[${inside}]`);
  const any = `(?:${alternatives.join('|')})`;
  return set.negated ? `(?:(?!${any})[^])` : any;
}

/** `\w` and its like outside brackets. */
export function categoryAtom(category: Category, ascii: boolean): string {
  const negated = category !== category.toLowerCase();
  return `[${negated ? '^' : ''}${members(category, ascii)}]`;
}

/** `\b`: between a word character and something else. Python before 3.14 finds no `\B` in an empty string. */
export function boundaryAtom(negated: boolean, ascii: boolean): string {
  const word = categoryAtom('w', ascii);
  return negated
    ? `(?:(?:(?<=${word})(?=${word})|(?<!${word})(?!${word}))(?:(?=[^])|(?<=[^])))`
    : `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`;
}
