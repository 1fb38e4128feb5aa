/** Operators whose results must not be rounded although the recipe says so: the reason, by `protectionKey`. */
export type Protection = ReadonlyMap<string, string>;

export const protectionKey = (subgraph: number, operator: number): string => `${subgraph}:${operator}`;
