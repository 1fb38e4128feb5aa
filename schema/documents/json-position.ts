/** Where a text stops being JSON: offset in characters, line and column from 1, and what is wrong there. */
export interface JsonFault {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
  readonly problem: string;
}

/**
 * Finds the first fault of a text that JSON.parse refuses; undefined where there is none. JSON.parse does not say where
 * in every version of the engine, so the text is walked again, without recursion, only to find the place.
 */
export function findJsonFault(text: string): JsonFault | undefined {
  const fault = new Scanner(text).run();
  if (fault === undefined) return undefined;
  const before = text.slice(0, fault.offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { ...fault, line: before.split('\n').length, column: fault.offset - lineStart + 1 };
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[\da-fA-F]{4})[ !#-[\]-\uffff]*)*"/y;
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

type Expectation = 'value' | 'value or ]' | 'name' | 'name or }' | 'colon' | 'comma or end' | 'end';

class Scanner {
  readonly #text: string;
  readonly #open: ('{' | '[')[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): { offset: number; problem: string } | undefined {
    let expected: Expectation = 'value';
    for (;;) {
      this.#take(SPACE);
      if (this.#at >= this.#text.length) {
        return expected === 'end' ? undefined : { offset: this.#at, problem: 'the text ends too early' };
      }
      const next = this.#step(expected);
      if (next === undefined) return { offset: this.#at, problem: this.#problem(expected) };
      expected = next;
    }
  }

  /** Consumes one token if it is what is expected; returns what may follow. */
  #step(expected: Expectation): Expectation | undefined {
    const character = this.#text[this.#at] ?? '';
    switch (expected) {
      case 'value':
      case 'value or ]':
        if (character === ']' && expected === 'value or ]') return this.#close('[');
        return this.#value(character);
      case 'name':
      case 'name or }':
        if (character === '}' && expected === 'name or }') return this.#close('{');
        return this.#take(STRING) ? 'colon' : undefined;
      case 'colon':
        return this.#character(':') ? 'value' : undefined;
      case 'comma or end':
        if (character === (this.#open.at(-1) === '{' ? '}' : ']')) return this.#close(this.#open.at(-1));
        if (!this.#character(',')) return undefined;
        return this.#open.at(-1) === '{' ? 'name' : 'value';
      default:
        return undefined;
    }
  }

  #value(character: string): Expectation | undefined {
    if (character === '{' || character === '[') {
      this.#at += 1;
      this.#open.push(character);
      return character === '{' ? 'name or }' : 'value or ]';
    }
    return this.#take(STRING) || this.#take(SCALAR) ? this.#after() : undefined;
  }

  #close(kind: '{' | '[' | undefined): Expectation | undefined {
    if (kind === undefined || this.#open.at(-1) !== kind) return undefined;
    this.#open.pop();
    this.#at += 1;
    return this.#after();
  }

  #after(): Expectation {
    return this.#open.length === 0 ? 'end' : 'comma or end';
  }

  #character(wanted: string): boolean {
    if (this.#text[this.#at] !== wanted) return false;
    this.#at += 1;
    return true;
  }

  /** Consumes what the sticky pattern matches here; false where it matches nothing. */
  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const length = pattern.exec(this.#text)?.[0].length ?? 0;
    this.#at += length;
    return length > 0;
  }

  #problem(expected: Expectation): string {
    const rest = this.#text.slice(this.#at);
    if (/^-?(NaN|Infinity)/.test(rest)) return 'NaN and Infinity are no JSON numbers';
    if (rest.startsWith('//') || rest.startsWith('/*') || rest.startsWith('#')) return 'JSON has no comments';
    if (rest.startsWith("'")) return 'texts need double quotes';
    if (/^[}\]]/.test(rest) && (expected === 'name' || expected === 'value'))
      return 'a comma before the closing bracket';
    const wanted: Record<Expectation, string> = {
      value: 'a value',
      'value or ]': 'a value or ]',
      name: 'a field name in double quotes',
      'name or }': 'a field name in double quotes or }',
      colon: 'a colon',
      'comma or end': this.#open.at(-1) === '{' ? 'a comma or }' : 'a comma or ]',
      end: 'nothing more',
    };
    return `expected ${wanted[expected]}, found ${JSON.stringify(rest.slice(0, 1))}`;
  }
}
