import {
  BuiltinOperator,
  type BuiltinOptions,
  type BuiltinOptions2,
  TABLES,
  UNIONS,
} from '../../schema/generated/tflite.ts';

/** Name of a builtin operator, such as `FULLY_CONNECTED`. */
export type OperatorName = keyof typeof BuiltinOperator;

type AnyOptions = BuiltinOptions | BuiltinOptions2;

/** Operators whose options table is not named after them. All others have `<Name>Options` or none. */
const SHARED_TABLES = {
  AVERAGE_POOL_2D: 'Pool2DOptions',
  MAX_POOL_2D: 'Pool2DOptions',
  L2_POOL_2D: 'Pool2DOptions',
  L2_NORMALIZATION: 'L2NormOptions',
  MEAN: 'ReducerOptions',
  SUM: 'ReducerOptions',
  REDUCE_PROD: 'ReducerOptions',
  REDUCE_MAX: 'ReducerOptions',
  REDUCE_MIN: 'ReducerOptions',
  REDUCE_ANY: 'ReducerOptions',
  REDUCE_ALL: 'ReducerOptions',
  MAXIMUM: 'MaximumMinimumOptions',
  MINIMUM: 'MaximumMinimumOptions',
  UNIDIRECTIONAL_SEQUENCE_RNN: 'SequenceRNNOptions',
  CONV_3D_TRANSPOSE: 'Conv3DOptions',
  RANDOM_UNIFORM: 'RandomOptions',
  RANDOM_STANDARD_NORMAL: 'RandomOptions',
  MULTINOMIAL: 'RandomOptions',
} as const satisfies Partial<Record<OperatorName, AnyOptions['table']>>;

type Joined<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Joined<Tail>}` : S;
type NamedTable<N extends string, T extends string> = T extends string
  ? Lowercase<T> extends `${Lowercase<Joined<N>>}options`
    ? T
    : never
  : never;
type TableOf<N extends OperatorName> = N extends keyof typeof SHARED_TABLES
  ? (typeof SHARED_TABLES)[N]
  : NamedTable<N, AnyOptions['table']>;

/** The options an operator takes, all optional: what is left out has the default of the file format. */
export type OptionsOf<N extends OperatorName> = Partial<Omit<Extract<AnyOptions, { table: TableOf<N> }>, 'table'>>;

/** Name of the operator's options table, undefined where it has none. */
export function optionsTable(operator: OperatorName): string | undefined {
  if (operator in SHARED_TABLES) return SHARED_TABLES[operator as keyof typeof SHARED_TABLES];
  const wanted = `${operator.replaceAll('_', '').toLowerCase()}options`;
  const tables = [...Object.keys(UNIONS.BuiltinOptions ?? {}), ...Object.keys(UNIONS.BuiltinOptions2 ?? {})];
  return tables.find((table) => table.toLowerCase() === wanted);
}

/** A table with the default of every scalar field, and the given fields over it. */
export function withDefaults<T extends object>(table: string, fields: Partial<T>): T {
  const scalars = (TABLES[table] ?? []).filter((field) => field.defaultValue !== undefined);
  const defaults = Object.fromEntries(scalars.map((field) => [field.name, field.defaultValue]));
  return { ...defaults, ...fields } as T;
}

/** The members `builtinOptions` or `builtinOptions2` of an operator. */
export function optionsMembers(
  operator: OperatorName,
  options: object,
): { builtinOptions?: BuiltinOptions; builtinOptions2?: BuiltinOptions2 } {
  const table = optionsTable(operator);
  if (table === undefined) return {};
  const value = { table, ...withDefaults(table, options) };
  return UNIONS.BuiltinOptions?.[table] === undefined
    ? { builtinOptions2: value as BuiltinOptions2 }
    : { builtinOptions: value as BuiltinOptions };
}

/** Number of a builtin operator. */
export const operatorNumber = (name: OperatorName): number => BuiltinOperator[name];
