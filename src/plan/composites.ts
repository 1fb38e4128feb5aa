import { canOpen, compositeBodies, compositeBody } from '../../calibration/capture/inline.ts';
import { calledSubgraphs } from '../../calibration/capture/liveness.ts';
import { signatures } from '../../schema/graph.ts';
import type { Model, Operator } from '../../schema/model.ts';
import { quantizationMode, type RecipeResolver, type Resolution } from '../recipe/types.ts';
import type { Conduct } from './conduct.ts';
import { operatorVisit } from './visits.ts';

/** A composite: where it stands and what it stands for. */
export interface CompositeUse {
  readonly subgraph: number;
  readonly operator: number;
  readonly node: Operator;
}

/** Which composites are quantized with what they stand for (the body, a subgraph), and which stay float. */
export interface Composites {
  /** The body of a composite operator that is quantized with it. */
  readonly bodyOf: (subgraph: number, operator: number) => number | undefined;
  /** What decides the border of a body that is quantized, and where it is used; undefined for other subgraphs. */
  readonly openBody: (subgraph: number) => OpenBody | undefined;
  /** Why a subgraph, which is a body, stays float with its composites; undefined for others. */
  readonly closedBody: (subgraph: number) => string | undefined;
}

export interface OpenBody {
  readonly resolution: Resolution;
  readonly uses: readonly CompositeUse[];
}

const NONE: Composites = { bodyOf: () => undefined, openBody: () => undefined, closedBody: () => undefined };

/** Finds them. Under compat, which treats composites apart from their bodies, there are none of either kind. */
export function compositesOf(model: Model, resolver: RecipeResolver, conduct: Conduct): Composites {
  const bodies = conduct.treatsCompositesApart ? new Set<number>() : compositeBodies(model);
  if (bodies.size === 0) return NONE;
  const finder = new Finder(model, resolver, conduct);
  const closedBody = (subgraph: number) => (bodies.has(subgraph) ? finder.closed(subgraph) : undefined);
  const openBody = (subgraph: number) =>
    bodies.has(subgraph) && closedBody(subgraph) === undefined ? finder.open(subgraph) : undefined;
  return {
    closedBody,
    openBody,
    bodyOf: (subgraph, operator) => {
      const node = model.subgraphs[subgraph]?.operators[operator];
      const body = node && compositeBody(node);
      return body !== undefined && openBody(body) ? body : undefined;
    },
  };
}

/** Subgraphs that loops and branches run, and what those run in turn: nobody can measure ranges there. */
export function loopBodies(model: Model): Set<number> {
  const called = (subgraph: number, all: boolean) =>
    (model.subgraphs[subgraph]?.operators ?? []).flatMap((operator) =>
      all || compositeBody(operator) === undefined ? calledSubgraphs(operator) : [],
    );
  const found = new Set<number>();
  const add = (subgraph: number) => {
    if (found.has(subgraph)) return;
    found.add(subgraph);
    for (const next of called(subgraph, true)) add(next);
  };
  for (const subgraph of model.subgraphs.keys()) for (const next of called(subgraph, false)) add(next);
  return found;
}

class Finder {
  readonly #model: Model;
  readonly #resolver: RecipeResolver;
  readonly #conduct: Conduct;
  readonly #uses = new Map<number, CompositeUse[]>();
  readonly #elsewhere: ReadonlySet<number>;
  readonly #loops: ReadonlySet<number>;
  readonly #resolutions = new Map<CompositeUse, Resolution | undefined>();
  /** By body; undefined: open. A body that is being looked at contains itself. */
  readonly #closed = new Map<number, string | undefined>();

  constructor(model: Model, resolver: RecipeResolver, conduct: Conduct) {
    this.#model = model;
    this.#resolver = resolver;
    this.#conduct = conduct;
    this.#elsewhere = new Set(signatures(model).map(({ subgraph }) => subgraph));
    this.#loops = loopBodies(model);
    model.subgraphs.forEach(({ operators }, subgraph) => {
      operators.forEach((node, operator) => {
        const body = compositeBody(node);
        if (body !== undefined) this.#uses.set(body, [...(this.#uses.get(body) ?? []), { subgraph, operator, node }]);
      });
    });
  }

  open(body: number): OpenBody | undefined {
    const uses = this.#uses.get(body) ?? [];
    const resolution = uses[0] && this.#resolution(uses[0]);
    return resolution && { resolution, uses };
  }

  closed(body: number): string | undefined {
    if (this.#closed.has(body)) return this.#closed.get(body);
    this.#closed.set(body, 'it contains itself');
    const why = this.#why(body);
    this.#closed.set(body, why);
    return why;
  }

  #why(body: number): string | undefined {
    if (this.#elsewhere.has(body)) return 'the subgraph it stands for is also run by itself';
    const uses = this.#uses.get(body) ?? [];
    const [first] = uses;
    for (const use of uses) {
      const why = this.#whyUse(body, use);
      if (why !== undefined) return why;
    }
    const config = (use: CompositeUse) => JSON.stringify(this.#resolution(use)?.config?.activation);
    return first && uses.some((use) => config(use) !== config(first))
      ? 'composites that stand for one subgraph are to become different types'
      : undefined;
  }

  #whyUse(body: number, use: CompositeUse): string | undefined {
    const inner = this.#model.subgraphs[body];
    if (!inner || !canOpen(inner, use.node)) return 'the subgraph it stands for hands operands on as they are';
    if (this.#loops.has(use.subgraph) || this.#loops.has(body)) {
      return 'it runs inside an operator (loop or branch), where nobody can measure ranges';
    }
    const visit = operatorVisit(this.#model, this.#conduct, use.subgraph, use.operator);
    const name = compositeName(use.node);
    if (!visit?.spec?.compositeNames?.includes(name)) return `composite ${name} has no quantized form`;
    const resolution = this.#resolution(use);
    const config = resolution?.algorithm === 'no_quantize' ? undefined : resolution?.config;
    if (!config || quantizationMode(config) !== 'static') return resolution?.reason ?? 'no rule matches';
    return this.#uses.has(use.subgraph) ? this.closed(use.subgraph) : undefined;
  }

  #resolution(use: CompositeUse): Resolution | undefined {
    if (this.#resolutions.has(use)) return this.#resolutions.get(use);
    const visit = operatorVisit(this.#model, this.#conduct, use.subgraph, use.operator);
    const resolution = visit?.resolve(this.#resolver, () => undefined);
    this.#resolutions.set(use, resolution);
    return resolution;
  }
}

export function compositeName(node: Operator | undefined): string {
  const options = node?.builtinOptions2;
  return options?.table === 'StableHLOCompositeOptions' ? (options.name ?? '') : '';
}
