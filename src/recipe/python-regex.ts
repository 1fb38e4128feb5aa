import { AeqError, type ErrorWhere } from '../../schema/errors.ts';
import {
  boundaryAtom,
  type Category,
  type CharacterFlags,
  categoryAtom,
  literalAtom,
  setAtom,
} from './python-regex-class.ts';
import { PatternReader } from './python-regex-reader.ts';

interface Flags extends CharacterFlags {
  readonly multiline: boolean;
  readonly dotAll: boolean;
  readonly verbose: boolean;
}

const NO_FLAGS: Flags = { ignoreCase: false, ascii: false, multiline: false, dotAll: false, verbose: false };
const FLAG_OF_LETTER: Record<string, keyof Flags> = {
  i: 'ignoreCase',
  a: 'ascii',
  m: 'multiline',
  s: 'dotAll',
  x: 'verbose',
};
const ASSERTIONS = ['?=', '?!', '?<=', '?<!'] as const;
const IDENTIFIER = /^[\p{L}_][\p{L}\p{N}_]*$/u;

/** A part of a pattern. `at`: a place, not a character (`^`, `\b`), which Python does not let repeat. */
interface Item {
  readonly text: string;
  readonly kind: 'atom' | 'at' | 'assertion' | 'repeat';
  /** Number of capturing groups opened before it. */
  readonly firstGroup: number;
}

/** Translates one pattern; used once. */
class Translator {
  readonly #reader: PatternReader;
  /** By number from 1: whether the group is closed, and whether a match may leave it out where we are now. */
  readonly #groups: { closed: boolean; optional: boolean; name?: string }[] = [];

  constructor(reader: PatternReader) {
    this.#reader = reader;
  }

  translate(): string {
    const flags = this.#leadingFlags();
    const text = this.#alternatives(flags);
    if (!this.#reader.atEnd) this.#reader.fail('a closing parenthesis has no opening one');
    return text;
  }

  /** `(?i)` and the like, which Python takes at the very beginning only; they hold for the whole pattern. */
  #leadingFlags(): Flags {
    let flags = NO_FLAGS;
    for (;;) {
      if (flags.verbose) this.#reader.skipVerbose();
      if (this.#reader.take(/^\(\?#[^)]*\)/) !== undefined) continue;
      const letters = this.#reader.take(/^\(\?([a-zA-Z]+)\)/);
      if (letters === undefined) return flags;
      flags = this.#withLetters(flags, letters, true);
    }
  }

  #withLetters(flags: Flags, letters: string, on: boolean): Flags {
    let result = flags;
    for (const letter of letters) {
      const flag = FLAG_OF_LETTER[letter];
      if (letter === 'u' && on) result = { ...result, ascii: false };
      else if (flag === undefined || (!on && letter === 'a'))
        this.#reader.fail(`the flag "${letter}" cannot stand here`);
      else result = { ...result, [flag]: on };
    }
    if (letters.includes('a') && letters.includes('u')) this.#reader.fail('the flags "a" and "u" exclude each other');
    return result;
  }

  /** Branches up to a closing parenthesis or the end. */
  #alternatives(flags: Flags): string {
    const firstGroup = this.#groups.length;
    const branches = [this.#branch(flags)];
    while (this.#reader.take(/^\|/) !== undefined) {
      this.#markOptional(firstGroup);
      branches.push(this.#branch(flags));
    }
    if (branches.length > 1) this.#markOptional(firstGroup);
    return branches.join('|');
  }

  #branch(flags: Flags): string {
    const items: Item[] = [];
    for (;;) {
      if (flags.verbose) this.#reader.skipVerbose();
      if (this.#reader.take(/^\(\?#[^)]*\)/) !== undefined) continue;
      const next = this.#reader.peek();
      if (next === '' || next === '|' || next === ')') break;
      const repeat = this.#reader.takeRepeat();
      if (repeat !== undefined) items.push(this.#repeated(items.pop(), repeat));
      else items.push(this.#item(flags));
    }
    return items.map(({ text }) => text).join('');
  }

  #repeated(item: Item | undefined, repeat: { text: string; minimum: number }): Item {
    if (item === undefined || item.kind === 'at') this.#reader.fail('nothing to repeat');
    if (item.kind === 'repeat') this.#reader.fail('a repetition is repeated');
    if (this.#reader.peek() === '+') this.#reader.refuse('possessive repetition (*+, ++, ?+)');
    const lazy = this.#reader.take(/^\?/) === undefined ? '' : '?';
    if (repeat.minimum === 0) this.#markOptional(item.firstGroup);
    const text = item.kind === 'assertion' ? `(?:${item.text})` : item.text;
    return { ...item, text: text + repeat.text + lazy, kind: 'repeat' };
  }

  /** Groups from this one on may be left out of a match of what follows. */
  #markOptional(firstGroup: number): void {
    for (const group of this.#groups.slice(firstGroup)) group.optional = true;
  }

  #item(flags: Flags): Item {
    const firstGroup = this.#groups.length;
    const atom = (text: string): Item => ({ text, kind: 'atom', firstGroup });
    const place = (text: string): Item => ({ text, kind: 'at', firstGroup });
    const character = this.#reader.next();
    switch (character) {
      case '.':
        return atom(flags.dotAll ? '[^]' : '[^\\n]');
      case '^':
        return place(flags.multiline ? '(?:^|(?<=\\n))' : '^');
      case '$':
        return place(flags.multiline ? '(?=\\n|$)' : '(?=\\n?$)');
      case '(':
        return this.#group(flags, firstGroup);
      case '[':
        return atom(this.#bracket(flags));
      case '\\':
        return this.#escape(flags, firstGroup);
      default:
        return atom(literalAtom(character.codePointAt(0) ?? 0, flags));
    }
  }

  #group(flags: Flags, firstGroup: number): Item {
    const reader = this.#reader;
    for (const opening of ASSERTIONS) {
      if (!reader.takeText(opening)) continue;
      const body = this.#closed(flags);
      if (opening.endsWith('!')) this.#markOptional(firstGroup);
      return { text: `(${opening}${body})`, kind: 'assertion', firstGroup };
    }
    if (reader.takeText('?:')) return { text: `(?:${this.#closed(flags)})`, kind: 'atom', firstGroup };
    if (reader.takeText('?>')) reader.refuse('an atomic group (?>...)');
    if (reader.takeText('?(')) reader.refuse('a conditional group (?(...)...)');
    const name = reader.take(/^\?P<([^>]*)>/);
    if (name !== undefined) return { text: this.#capture(flags, name), kind: 'atom', firstGroup };
    const referred = reader.take(/^\?P=([^)]*)\)/);
    if (referred !== undefined) return { text: this.#namedReference(referred, flags), kind: 'atom', firstGroup };
    const scoped = reader.takeGroups(/^\?([a-zA-Z]*)(?:-([a-zA-Z]+))?:/);
    if (scoped) {
      const inner = this.#withLetters(this.#withLetters(flags, scoped[1] ?? '', true), scoped[2] ?? '', false);
      return { text: `(?:${this.#closed(inner)})`, kind: 'atom', firstGroup };
    }
    if (reader.take(/^\?[a-zA-Z]+\)/) !== undefined) reader.fail('global flags may stand at the beginning only');
    if (reader.takeText('?<')) reader.fail('unknown group "(?<"; Python writes a named group as (?P<name>...)');
    if (reader.peek() === '?') reader.fail('unknown kind of group');
    return { text: this.#capture(flags), kind: 'atom', firstGroup };
  }

  #capture(flags: Flags, name?: string): string {
    if (name !== undefined && !IDENTIFIER.test(name)) this.#reader.fail(`"${name}" is no name for a group`);
    if (name !== undefined && this.#groups.some((group) => group.name === name)) {
      this.#reader.fail(`the group name "${name}" is used twice`);
    }
    const group = { closed: false, optional: false, ...(name === undefined ? {} : { name }) };
    this.#groups.push(group);
    const body = this.#closed(flags);
    group.closed = true;
    return `(${body})`;
  }

  #closed(flags: Flags): string {
    const text = this.#alternatives(flags);
    if (!this.#reader.takeText(')')) this.#reader.fail('a parenthesis is not closed');
    return text;
  }

  #namedReference(name: string, flags: Flags): string {
    const index = this.#groups.findIndex((group) => group.name === name);
    if (index < 0) this.#reader.fail(`there is no group "${name}" before this point`);
    return this.#reference(index + 1, flags);
  }

  #reference(number: number, flags: Flags): string {
    const group = this.#groups[number - 1];
    if (!group?.closed) this.#reader.fail(`there is no closed group ${number} before this point`);
    // JavaScript lets a reference to a group that took no part match nothing; Python fails there.
    if (group.optional) this.#reader.refuse('a reference to a group that a match may leave out');
    if (flags.ignoreCase) this.#reader.refuse('a reference to a group where letter case is ignored');
    return `(?:\\${number})`;
  }

  #escape(flags: Flags, firstGroup: number): Item {
    const reader = this.#reader;
    const place = (text: string): Item => ({ text, kind: 'at', firstGroup });
    const simple = reader.take(/^([AZbBdDsSwW])/);
    if (simple === 'A') return place('^');
    if (simple === 'Z') return place('$');
    if (simple === 'b' || simple === 'B') return place(boundaryAtom(simple === 'B', flags.ascii));
    if (simple !== undefined) {
      return { text: categoryAtom(simple as Category, flags.ascii), kind: 'atom', firstGroup };
    }
    const octal = reader.take(/^(0[0-7]{0,2}|[1-7][0-7][0-7])/);
    if (octal !== undefined) return { text: literalAtom(this.#octal(octal), flags), kind: 'atom', firstGroup };
    const reference = reader.take(/^([1-9][0-9]?)/);
    if (reference !== undefined) return { text: this.#reference(Number(reference), flags), kind: 'atom', firstGroup };
    return { text: literalAtom(reader.escapedCharacter(), flags), kind: 'atom', firstGroup };
  }

  #bracket(flags: Flags): string {
    const reader: PatternReader = this.#reader;
    const negated = reader.takeText('^');
    const ranges: [number, number][] = [];
    const categories: Category[] = [];
    for (let first = true; first || !reader.takeText(']'); first = false) {
      const low = this.#member();
      if (!/^-[^\]]/su.test(reader.rest())) {
        if (typeof low === 'string') categories.push(low);
        else ranges.push([low, low]);
        continue;
      }
      reader.next();
      const high = this.#member();
      if (typeof low === 'string' || typeof high === 'string' || high < low) reader.fail('bad range of characters');
      ranges.push([low, high]);
    }
    const atom = setAtom({ negated, ranges, categories }, flags);
    return atom ?? reader.refuse('so wide a range of characters where letter case is ignored');
  }

  /** One member of a bracket: a code point or a category. */
  #member(): number | Category {
    const reader = this.#reader;
    if (reader.atEnd) reader.fail('a bracket is not closed');
    const character = reader.next();
    if (character !== '\\') return character.codePointAt(0) ?? 0;
    const category = reader.take(/^([dDsSwW])/);
    if (category !== undefined) return category as Category;
    if (reader.takeText('b')) return 8;
    const octal = reader.take(/^([0-7]{1,3})/);
    return octal === undefined ? reader.escapedCharacter() : this.#octal(octal);
  }

  #octal(digits: string): number {
    const codePoint = Number.parseInt(digits, 8);
    return codePoint <= 0o377 ? codePoint : this.#reader.fail('an octal number above 377');
  }
}

/**
 * A JavaScript regular expression that finds (`test`) exactly where Python's `re.search` finds `pattern` in a text.
 * Characters are code points; `.`, `^`, `$`, `\d`, `\s`, `\w`, `\b`, `\A`, `\Z` and the inline flags a, i, m, s, u, x
 * mean what they mean in Python 3.11. Case is ignored by simple upper and lower case only.
 *
 * As in Python, a pattern with nested repetition (`(a+)+$`) can take a time exponential in the length of the text;
 * recipes come from the user, and scopes are at most SCOPE_LIMIT long.
 * @throws AeqError RECIPE_INVALID if Python would not accept the pattern either; RECIPE_UNSUPPORTED for possessive
 *   repetition, atomic and conditional groups, `\N{...}`, and references whose meaning differs between the languages.
 */
export function compilePythonRegex(pattern: string, where: ErrorWhere = {}): RegExp {
  const text = new Translator(new PatternReader(pattern, where)).translate();
  try {
    return new RegExp(text, 'u');
  } catch (cause) {
    throw new AeqError('RECIPE_INVALID', `the regular expression ${JSON.stringify(pattern)} is not valid`, {
      where,
      cause,
    });
  }
}
