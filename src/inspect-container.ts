import { SectionType } from '../schema/generated/litertlm.ts';
import { type Container, modelType } from '../schema/litertlm/container.ts';
import { readModel } from '../schema/reader.ts';
import { inspectModel, type ModelSummary } from './inspect.ts';

/** Entries of a container or section; 64-bit integers as text. */
export type Facts = Readonly<Record<string, string | number | boolean>>;

export interface SectionSummary {
  readonly index: number;
  /** Such as `TFLITE_MODEL`, or the number of a kind that is not known here. */
  readonly type: string;
  readonly sizeBytes: number;
  readonly facts: Facts;
  /** What the recipes for containers call the model; absent where it has no such name. */
  readonly component?: string;
  readonly model?: ModelSummary;
}

/** A `.litertlm` container in figures. */
export interface ContainerSummary {
  readonly version: string;
  readonly facts: Facts;
  readonly sections: readonly SectionSummary[];
}

const TYPE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(SectionType).map(([name, code]) => [code, name]),
);

/** What is in a container: sections in their order, and of each model what `inspectModel` says. @throws AeqError MODEL_INVALID ... */
export function inspectContainer(container: Container): ContainerSummary {
  const sections = container.sections.map((section, index): SectionSummary => {
    const component = modelType(section);
    const isModel = section.type === SectionType.TFLITE_MODEL;
    return {
      index,
      type: TYPE_NAMES.get(section.type) ?? String(section.type),
      sizeBytes: section.source.sizeBytes,
      facts: factsOf(section.items),
      ...(component === undefined ? {} : { component }),
      ...(isModel ? { model: inspectModel(readModel(section.source)) } : {}),
    };
  });
  return { version: container.version.join('.'), facts: factsOf(container.metadata), sections };
}

function factsOf(entries: Container['metadata']): Facts {
  return Object.fromEntries(
    entries.flatMap(({ key, value }) => {
      const inner = value?.value;
      return inner === undefined ? [] : [[key ?? '', typeof inner === 'bigint' ? String(inner) : inner]];
    }),
  );
}
