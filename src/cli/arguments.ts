import type { OptionSpec } from './option-spec.ts';
import { optionOfFlag } from './options.ts';

/** A model is never a sample, a condition or a pattern: it ends a list. */
const MODEL = /\.(tflite|litertlm)$/i;
/** What somebody means as a type of `--static`, whether there is such a type or not. */
const TYPE = /^[a-z]{1,5}\d+$/i;

/**
 * Makes the command line unambiguous, so that the order of its words does not matter: `--data a b model.tflite` is a list
 * of two and a model, `--static model.tflite` a flag and a model. Every value of a list gets a flag of its own, and a flag
 * that is followed by something else than its optional value gets the first choice spelled out.
 */
export function spellOut(words: readonly string[]): string[] {
  const result: string[] = [];
  let at = 0;
  while (at < words.length) {
    const word = words[at] ?? '';
    // From here on nothing is an option.
    if (word === '--') return [...result, ...words.slice(at)];
    const taken = take(optionOfFlag(word), words, at);
    result.push(...taken.words);
    at += taken.count;
  }
  return result;
}

interface Taken {
  readonly words: readonly string[];
  /** How many words of the line they stand for. */
  readonly count: number;
}

function take(spec: OptionSpec | undefined, words: readonly string[], at: number): Taken {
  const flag = words[at] ?? '';
  const next = words[at + 1];
  if (!spec || spec.kind === 'flag') return { words: [flag], count: 1 };
  if (spec.kind === 'list') {
    const values = listValues(words, at + 1);
    if (values.length === 0) return { words: [flag], count: 1 };
    return { words: values.flatMap((value) => [flag, value]), count: 1 + values.length };
  }
  const [first] = spec.choices ?? [];
  if (spec.value?.startsWith('[') && first !== undefined && !TYPE.test(next ?? '')) {
    return { words: [`${flag}=${first}`], count: 1 };
  }
  return next === undefined ? { words: [flag], count: 1 } : { words: [flag, next], count: 2 };
}

function listValues(words: readonly string[], from: number): readonly string[] {
  const end = words.findIndex((word, at) => at >= from && (word.startsWith('-') || MODEL.test(word)));
  return words.slice(from, end < 0 ? words.length : end);
}
