import type * as z from 'zod';
import { AeqError, type ErrorCode } from '../errors.ts';

/** What a document is, for its error messages. */
export interface DocumentDescription {
  /** Path or URL it came from. */
  readonly file?: string;
  /** What it is, such as `recipe`; used where there is no file. */
  readonly what?: string;
  /** Code of the error for a document that does not fit its schema. */
  readonly code: ErrorCode;
}

type Issue = z.core.$ZodIssue;

/**
 * Checks parsed JSON against a zod schema and returns the typed document.
 * @throws AeqError with the given code: one sentence on the first wrong field, `where.field` naming it as a path such as
 * `rules[2].op_config.num_bits`.
 */
export function parseDocument<T>(schema: z.ZodType<T>, value: unknown, about: DocumentDescription): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => innermost(issue, value));
  const first = issues[0];
  const field = fieldPath(first?.path ?? []);
  const subject = field === '' ? 'it' : field;
  const rest = issues.length > 1 ? `, and ${issues.length - 1} more` : '';
  throw new AeqError(
    about.code,
    `${about.file ?? about.what ?? 'the document'} is not valid: ${subject} ${first ? sentence(first, value) : 'is wrong'}${rest}`,
    {
      where: { ...(about.file === undefined ? {} : { file: about.file }), ...(field === '' ? {} : { field }) },
      hint: issues.length > 1 ? others(issues, value) : 'correct the field',
      cause: parsed.error,
    },
  );
}

/** `rules[2].op_config` for ['rules', 2, 'op_config']; names that are no plain words are quoted. */
export function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const name = String(part);
    if (!/^[A-Za-z_$][\w$-]*$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

/** Of a value that fits none of several forms, the complaint of the form that it fits best. */
function innermost(issue: Issue, root: unknown): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const candidates = issue.errors
    .map((branch) => branch.map((inner) => innermost({ ...inner, path: [...issue.path, ...inner.path] }, root)))
    .filter((branch) => branch.length > 0)
    .sort((a, b) => depth(b) - depth(a) || a.length - b.length);
  const best = candidates[0];
  // All forms refuse the value itself: no form is nearer than the others, so the union speaks for itself.
  return best?.[0] && depth(best) > issue.path.length ? best[0] : issue;
}

const depth = (issues: readonly Issue[]): number => Math.max(...issues.map((issue) => issue.path.length));

function sentence(issue: Issue, root: unknown): string {
  const value = at(root, issue.path);
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined
        ? `is missing (${nameOf(issue.expected)})`
        : `must be ${nameOf(issue.expected)}, not ${show(value)}`;
    case 'invalid_value':
      if (value === undefined) return `is missing (${oneOf(issue.values)})`;
      return `must be ${oneOf(issue.values)}, not ${show(value)}`;
    case 'unrecognized_keys':
      return `has the unknown ${issue.keys.length > 1 ? 'fields' : 'field'} ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
    case 'too_small':
      return `must ${bound(issue.origin, issue.minimum, issue.inclusive ? 'at least' : 'more than')}, not ${show(value)}`;
    case 'too_big':
      return `must ${bound(issue.origin, issue.maximum, issue.inclusive ? 'at most' : 'less than')}, not ${show(value)}`;
    case 'invalid_union':
      return value === undefined ? 'is missing' : `has none of the allowed forms: ${show(value)}`;
    case 'custom':
      return issue.message;
    default:
      return `is wrong (${issue.message}): ${show(value)}`;
  }
}

function others(issues: readonly Issue[], root: unknown): string {
  const shown = issues.slice(1, 4).map((issue) => `${fieldPath(issue.path) || 'it'} ${sentence(issue, root)}`);
  return `also: ${shown.join('; ')}${issues.length > 4 ? '; ...' : ''}`;
}

function bound(origin: string, limit: number | bigint, how: string): string {
  if (origin === 'string') return `have ${how} ${limit} characters`;
  if (origin === 'array' || origin === 'set' || origin === 'map') return `have ${how} ${limit} entries`;
  return `be ${how} ${limit}`;
}

const NAMES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  tuple: 'a list',
  null: 'null',
};

const nameOf = (type: string): string => NAMES[type] ?? type;

function oneOf(values: readonly unknown[]): string {
  const list = values.map((value) => JSON.stringify(value) ?? String(value));
  return list.length === 1 ? (list[0] ?? '') : `one of ${list.join(', ')}`;
}

/** The value at a path of a document, undefined where it is not there. */
function at(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, part)
        ? (value as Record<PropertyKey, unknown>)[part]
        : undefined,
    root,
  );
}

/** A value as the user wrote it, shortened. */
function show(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
