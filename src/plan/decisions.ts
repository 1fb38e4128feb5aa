import { compositeBody } from '../../calibration/capture/inline.ts';
import type { Model } from '../../schema/model.ts';
import { type Algorithm, algorithmOf } from '../algorithms/registry.ts';
import { floatReason } from '../ops/float-only.ts';
import type { OperatorSpec } from '../ops/index.ts';
import {
  type AlgorithmKey,
  type OpConfig,
  type QuantizationMode,
  quantizationMode,
  type RecipeResolver,
  type Refusal,
  type Resolution,
} from '../recipe/types.ts';
import { type Composites, compositeName, compositesOf } from './composites.ts';
import type { Conduct } from './conduct.ts';
import { withDecodedWeights } from './decoded-weights.ts';
import { refusal } from './refusal.ts';
import { type Surroundings, surroundingsOf } from './surroundings.ts';
import type { OperatorTask } from './task.ts';
import { type Visit, visits } from './visits.ts';

/** What the recipe comes to for one operator; without a task it stays float. */
export interface Decision {
  /** An input or output of what a composite stands for. */
  readonly inner?: true;
  readonly task?: OperatorTask;
  readonly reason: string;
  readonly resolution: Resolution | undefined;
}

/** The model that is planned: decoded weights are constants in it. */
export const prepared = (model: Model, conduct: Conduct): Model =>
  conduct.failsOnRefusal ? model : withDecodedWeights(model);

/** What is the same for all decisions. */
interface Ground {
  readonly model: Model;
  readonly resolver: RecipeResolver;
  readonly conduct: Conduct;
  readonly surroundings: Surroundings;
  readonly composites: Composites;
  /** Bodies of composites that stayed float, under compat: known only for those that come later in the file. */
  readonly skipped: ReadonlySet<number>;
}

/** Every operator in the order of planning with its decision. */
export function* decisions(
  source: Model,
  resolver: RecipeResolver,
  conduct: Conduct,
  safety = true,
): Iterable<{ readonly visit: Visit; readonly decision: Decision }> {
  const model = prepared(source, conduct);
  const surroundings = surroundingsOf(model, conduct, safety);
  const composites = compositesOf(model, resolver, conduct);
  const skipped = new Set<number>();
  const ground: Ground = { model, resolver, conduct, surroundings, composites, skipped };
  for (const visit of visits(model, conduct, composites)) {
    const decision = decide(visit, ground);
    const body = visit.node && compositeBody(visit.node);
    if (!decision.task && body !== undefined) skipped.add(body);
    yield { visit, decision };
  }
}

function decide(visit: Visit, ground: Ground): Decision {
  const { spec, node, subgraph } = visit;
  const { model, resolver, conduct, surroundings, composites, skipped } = ground;
  if (!spec) return { reason: floatReason(visit.name) ?? 'nothing is known of this operator', resolution: undefined };
  const closed = composites.closedBody(subgraph);
  if (closed !== undefined || (conduct.treatsCompositesApart && skipped.has(subgraph)))
    return { reason: `inside a composite that stays float${closed ? `: ${closed}` : ''}`, resolution: undefined };
  const refuse: Refusal = (algorithm, config) => {
    const task = conduct.failsOnRefusal ? undefined : taskOf(visit, spec, ground, algorithm, config);
    return task && (compositeRefusal(task, composites) ?? refusal(task, surroundings));
  };
  const own = node ? undefined : composites.openBody(subgraph);
  const resolution = own ? own.resolution : visit.resolve(resolver, refuse);
  const { algorithm, config, reason } = resolution;
  if (!config || algorithm === 'no_quantize') return { reason, resolution };
  if (spec.compositeNames && !spec.compositeNames.includes(compositeName(node))) {
    return { reason: `composite ${compositeName(node)} has no quantized form`, resolution };
  }
  const task = taskOf(visit, spec, { model, conduct }, algorithm, config);
  if (!task) return { reason: `algorithm ${algorithm} is not available`, resolution };
  // Inputs and outputs are resolved together, so their refusal is not part of it.
  const why = !node && task.mode === 'static' ? surroundings.staticRefusal(subgraph) : undefined;
  if (why !== undefined) return { reason: why, resolution };
  return { task, reason, resolution, ...(own ? { inner: true } : {}) };
}

function compositeRefusal({ spec, node, mode }: OperatorTask, composites: Composites): string | undefined {
  const body = spec.compositeNames && node && compositeBody(node);
  if (body === undefined) return undefined;
  return mode === 'static' ? composites.closedBody(body) : 'composites are float or static';
}

function taskOf(
  visit: Visit,
  spec: OperatorSpec,
  { model, conduct }: Pick<Ground, 'model' | 'conduct'>,
  key: AlgorithmKey,
  config: OpConfig,
): OperatorTask | undefined {
  const algorithm = algorithmOf(key);
  const subgraph = model.subgraphs[visit.subgraph];
  if (!algorithm || !subgraph) return undefined;
  const { operator, inputs, outputs, node } = visit;
  const mode = modeOf(spec, algorithm, config, conduct);
  const task = {
    model,
    subgraphIndex: visit.subgraph,
    subgraph,
    operator,
    inputs,
    outputs,
    spec,
    config,
    algorithm,
    mode,
  };
  return node ? { ...task, node } : task;
}

function modeOf(
  { weighted }: OperatorSpec,
  { weightsOnly, rotates, scalesInputs }: Algorithm,
  config: OpConfig,
  conduct: Conduct,
): QuantizationMode {
  if (weightsOnly) return 'weight-only';
  if ((rotates || scalesInputs) && conduct.failsOnRefusal) return 'dynamic';
  const mode = quantizationMode(config);
  return mode === 'static' && weighted?.staticIsDynamic && !conduct.failsOnRefusal ? 'dynamic' : mode;
}
