/** How one field of a table is stored. `kind` says which of the other members are there. */
export interface FieldDescriptor {
  readonly id: number;
  readonly name: string;
  readonly kind: 'scalar' | 'scalars' | 'string' | 'strings' | 'table' | 'tables' | 'union';
  /** Stored scalar type, table name or union name. */
  readonly type: string;
  readonly defaultValue?: number | bigint | boolean;
  readonly deprecated?: true;
  /** Alignment of the first element of a vector in the file, where it is more than the element asks. */
  readonly align?: number;
}

/** A flatbuffer format: the fields of every table, in the order of their ids, and the number of each union member. */
export interface FlatbufferFormat {
  readonly tables: Readonly<Record<string, readonly FieldDescriptor[]>>;
  readonly unions: Readonly<Record<string, Readonly<Record<string, number>>>>;
}
