import { AeqError } from '../../schema/errors.ts';
import { typeName } from '../../schema/graph.ts';
import { shapeCount, shapeText } from '../arrays/array.ts';
import { convertElements } from '../arrays/convert.ts';
import type { Feed, InputSpec } from '../sample.ts';
import type { TextTokenizer } from './tokenizer.ts';

/** What a text input holds: token ids, 1 for tokens and 0 for padding, sequence numbers, positions from 0. */
const TEXT_ROLES = ['ids', 'mask', 'types', 'positions'] as const;
export type TextRole = (typeof TEXT_ROLES)[number];

/** How texts become the tensors of a model. */
export interface TextRecipe {
  readonly inputs: readonly { readonly input: InputSpec; readonly role: TextRole }[];
  /** Tokens at most. */
  readonly maxLength: number;
  /** Tokens after padding; undefined where the model takes any length and texts stay as long as they are. */
  readonly paddedLength: number | undefined;
}

/** Longest text where neither model nor options set a limit. */
const DEFAULT_MAX_LENGTH = 512;

const ROLE_NAMES: readonly (readonly [RegExp, TextRole])[] = [
  [/mask/i, 'mask'],
  [/type|segment/i, 'types'],
  [/pos/i, 'positions'],
  [/ids|token|word|text/i, 'ids'],
];

const isRole = (text: string | undefined): text is TextRole => TEXT_ROLES.some((role) => role === text);

/**
 * Finds out what each input takes: by `roles` (input name to role), else by name (`attention_mask`, `token_type_ids`,
 * `segment_ids`, `position_ids`, `input_ids` ...), else by order: ids, mask, types.
 * @throws AeqError DATASET_MISMATCH for inputs that take no tokens; USAGE for a length that does not fit
 */
export function textRecipe(
  inputs: readonly InputSpec[],
  maxLength: number | undefined,
  roles: Readonly<Record<string, string>> = {},
): TextRecipe {
  const assigned = assignRoles(inputs, roles);
  const lengths = new Set(inputs.map(tokenDimension));
  const [length = -1, other] = lengths;
  if (other !== undefined) {
    const shapes = inputs.map(({ name, shape }) => `"${name}" ${shapeText(shape)}`).join(', ');
    throw new AeqError('DATASET_MISMATCH', `the inputs take different numbers of tokens: ${shapes}`, { hint: ARRAYS });
  }
  if (length >= 0 && maxLength !== undefined && maxLength > length) {
    throw new AeqError('USAGE', `the model takes ${length} tokens, ${maxLength} are too many`, {
      hint: `leave --max-length away, or give ${length} or fewer`,
    });
  }
  return {
    inputs: assigned,
    maxLength: maxLength ?? (length >= 0 ? length : DEFAULT_MAX_LENGTH),
    paddedLength: length >= 0 ? length : maxLength,
  };
}

const ARRAYS = 'tokenize the texts yourself and give .npz files with the input names as keys';

function assignRoles(inputs: readonly InputSpec[], roles: Readonly<Record<string, string>>) {
  const byName = inputs.map((input) => {
    const role = roles[input.name];
    if (role !== undefined && !isRole(role)) {
      throw new AeqError('USAGE', `input "${input.name}" cannot hold "${role}"`, {
        hint: `it can: ${TEXT_ROLES.join(', ')}`,
      });
    }
    return { input, role: role ?? ROLE_NAMES.find(([pattern]) => pattern.test(input.name))?.[1] };
  });
  const distinct = new Set(byName.map(({ role }) => role));
  if (!distinct.has(undefined) && distinct.size === inputs.length && distinct.has('ids')) {
    return byName.map(({ input, role = 'ids' }) => ({ input, role }));
  }
  const byOrder = (['ids', 'mask', 'types'] as const).slice(0, inputs.length);
  if (inputs.length <= byOrder.length && Object.keys(roles).length === 0) {
    return inputs.map((input, i) => ({ input, role: byOrder[i] ?? ('ids' as const) }));
  }
  const names = inputs.map(({ name }) => `"${name}"`).join(', ');
  throw new AeqError('DATASET_MISMATCH', `it is not clear which of the inputs ${names} take token ids`, {
    hint: `say it in a manifest: "inputs": { "${inputs[0]?.name}": "ids", ... }, or ${ARRAYS}`,
  });
}

/** The dimension of tokens of [1,n] or [n]; -1 where it is free. */
function tokenDimension({ name, shape, type }: InputSpec): number {
  const [first, second] = shape;
  if (shape.length === 1 && first !== undefined) return first;
  if (shape.length === 2 && second !== undefined && (first === 1 || first === -1)) return second;
  throw new AeqError(
    'DATASET_MISMATCH',
    `tokens do not fit input "${name}": it takes ${typeName(type)} ${shapeText(shape)}`,
    { where: { tensor: name }, hint: `token inputs are [1,length]; ${ARRAYS}` },
  );
}

/**
 * What the token ids of a sample say, by the input that holds them, the padding only counted: what a user looks at to see
 * that the tokenizer is the model's own.
 */
export function textWords(feed: Feed, recipe: TextRecipe, tokenizer: TextTokenizer): Record<string, string> {
  const held = recipe.inputs.filter(({ role }) => role === 'ids');
  return Object.fromEntries(
    held.flatMap(({ input }) => {
      const all = Array.from(feed[input.name]?.data ?? [], Number);
      const isPadding = (id: number) => id === tokenizer.padId;
      const [left, right] = [all.findIndex((id) => !isPadding(id)), all.findLastIndex((id) => !isPadding(id)) + 1];
      const ids = left < 0 ? [] : tokenizer.padSide === 'left' ? all.slice(left) : all.slice(0, right);
      const padding = all.length - ids.length;
      const words = tokenizer.decode(ids);
      return words === undefined ? [] : [[input.name, padding > 0 ? `${words} (and ${padding} of padding)` : words]];
    }),
  );
}

/** One text as the model's inputs. @throws AeqError DATASET_MISMATCH where an input's type does not hold an id. */
export function textFeed(text: string, recipe: TextRecipe, tokenizer: TextTokenizer, label: string): Feed {
  const { ids, typeIds } = tokenizer.encode(text, recipe.maxLength);
  const length = recipe.paddedLength ?? ids.length;
  const padding = new Array<number>(length - ids.length).fill(0);
  const pad = (values: readonly number[], filler: number): number[] => {
    const fill = padding.map(() => filler);
    return tokenizer.padSide === 'left' ? [...fill, ...values] : [...values, ...fill];
  };
  const values: Record<TextRole, number[]> = {
    ids: pad(ids, tokenizer.padId),
    mask: pad(
      ids.map(() => 1),
      0,
    ),
    types: pad(typeIds, 0),
    positions: Array.from({ length }, (_, i) => i),
  };
  return Object.fromEntries(
    recipe.inputs.map(({ input, role }) => {
      const data = Int32Array.from(values[role]);
      const converted = convertElements({ type: 'int32', shape: [length], data }, input.type);
      if (typeof converted === 'string') {
        throw new AeqError('DATASET_MISMATCH', `${label} does not fit input "${input.name}": ${converted}`, {
          where: { tensor: input.name },
        });
      }
      const shape = input.shape.length === 1 ? [length] : [1, length];
      if (shapeCount(shape) !== converted.length)
        throw new AeqError('INTERNAL', `${label}: ${converted.length} tokens`);
      return [input.name, { type: input.type, shape, data: converted }];
    }),
  );
}
