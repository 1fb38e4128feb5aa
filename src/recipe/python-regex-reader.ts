import { AeqError, type ErrorWhere } from '../../schema/errors.ts';

const SIMPLE_ESCAPES: Record<string, number> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };
const LARGEST_CODE_POINT = 0x10ffff;
/** Python and V8 both refuse counts near 2^32; far smaller ones already make no sense in a scope. */
const LARGEST_COUNT = 1_000_000;

/** Walks through a pattern in Python's regular expression language, and says where it goes wrong. */
export class PatternReader {
  readonly #pattern: string;
  readonly #where: ErrorWhere;
  #position = 0;

  constructor(pattern: string, where: ErrorWhere) {
    this.#pattern = pattern;
    this.#where = where;
  }

  get atEnd(): boolean {
    return this.#position >= this.#pattern.length;
  }

  rest(): string {
    return this.#pattern.slice(this.#position);
  }

  /** The next character (code point), empty at the end; not consumed. */
  peek(): string {
    const codePoint = this.#pattern.codePointAt(this.#position);
    return codePoint === undefined ? '' : String.fromCodePoint(codePoint);
  }

  /** Consumes one character. */
  next(): string {
    const character = this.peek();
    this.#position += character.length;
    return character;
  }

  takeText(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.#position)) return false;
    this.#position += text.length;
    return true;
  }

  /** Consumes what an anchored expression matches; gives its first group, or the whole, or undefined if no match. */
  take(expression: RegExp): string | undefined {
    const match = this.takeGroups(expression);
    return match === undefined ? undefined : (match[1] ?? match[0]);
  }

  takeGroups(expression: RegExp): RegExpExecArray | undefined {
    const match = expression.exec(this.rest());
    if (match === null) return undefined;
    this.#position += match[0].length;
    return match;
  }

  /** Consumes `*`, `+`, `?` or a count in braces. A brace that is no count is left: it stands for itself. */
  takeRepeat(): { text: string; minimum: number } | undefined {
    const sign = this.take(/^[*+?]/);
    if (sign !== undefined) return { text: sign, minimum: sign === '+' ? 1 : 0 };
    const count = this.takeGroups(/^\{(?!\})([0-9]*)(,?)([0-9]*)\}/);
    if (count === undefined) return undefined;
    const [, least = '', comma = '', most = ''] = count;
    const minimum = Number(least);
    if (Math.max(minimum, Number(most)) > LARGEST_COUNT) this.fail('a repetition count is too large');
    if (most !== '' && comma !== '' && Number(most) < minimum) this.fail('the largest count is below the smallest');
    return { text: comma === '' ? `{${minimum}}` : `{${minimum},${most === '' ? '' : Number(most)}}`, minimum };
  }

  /** Blanks and comments, which mean nothing under the flag `x`. */
  skipVerbose(): void {
    this.take(/^(?:[ \t\n\r\f\v]|#[^\n]*(?:\n|$))*/);
  }

  /** The character that an escape stands for, the backslash consumed already. */
  escapedCharacter(): number {
    if (this.atEnd) this.fail('a backslash at the end');
    if (this.take(/^N\{/) !== undefined) this.refuse('a character by its name (\\N{...})');
    const hexadecimal = this.take(/^x([0-9a-fA-F]{2})/) ?? this.take(/^u([0-9a-fA-F]{4})/);
    const long = hexadecimal ?? this.take(/^U([0-9a-fA-F]{8})/);
    if (long !== undefined) {
      const codePoint = Number.parseInt(long, 16);
      return codePoint <= LARGEST_CODE_POINT ? codePoint : this.fail('a character number that is too large');
    }
    const character = this.next();
    const simple = SIMPLE_ESCAPES[character];
    if (simple !== undefined) return simple;
    if (/^[A-Za-z0-9]$/.test(character)) this.fail(`"\\${character}" has no meaning`);
    return character.codePointAt(0) ?? 0;
  }

  /** The pattern is wrong in Python too. */
  fail(problem: string): never {
    throw new AeqError(
      'RECIPE_INVALID',
      `the regular expression ${JSON.stringify(this.#pattern)} is not valid at character ${this.#position}: ${problem}`,
      { where: this.#where, hint: 'patterns are in the dialect of Python (re.search)' },
    );
  }

  /** The pattern is right in Python, but JavaScript has no such thing. */
  refuse(construct: string): never {
    throw new AeqError(
      'RECIPE_UNSUPPORTED',
      `the regular expression ${JSON.stringify(this.#pattern)} uses ${construct}, which is not supported`,
      { where: this.#where, hint: 'Write the pattern without it.' },
    );
  }
}
