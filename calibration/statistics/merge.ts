import type {
  CalibratedDataset,
  CalibratedSample,
  CalibrationDocument,
  ModelIdentity,
} from '../../schema/documents/calibration.ts';
import { canonicalJson } from '../../schema/documents/canonical.ts';
import { AeqError } from '../../schema/errors.ts';
import { StatisticsSum } from './statistics.ts';

/**
 * One calibration out of its parts, in any order: the same bytes as a single run over all their samples.
 * @throws AeqError CALIBRATION_MISMATCH when parts are of another model, data set or preprocessing, or share a sample;
 * CALIBRATION_EMPTY without any part.
 */
export function mergeCalibrations(documents: readonly CalibrationDocument[]): CalibrationDocument {
  const [first, ...others] = documents;
  if (!first) throw new AeqError('CALIBRATION_EMPTY', 'there is no calibration to merge');
  for (const other of others) requireSameModel(first.model, other.model);
  const sum = new StatisticsSum();
  for (const document of documents) sum.absorb(document);
  return {
    model: least(documents.map((document) => document.model)),
    runtimes: [...new Set(documents.flatMap((document) => document.runtimes))].sort(),
    datasets: mergeDatasets(documents.flatMap((document) => document.datasets)),
    ...sum.build(),
  };
}

/** @throws AeqError CALIBRATION_MISMATCH when the files differ. */
export function requireSameModel(first: ModelIdentity, other: ModelIdentity): void {
  if (first.sha256 === other.sha256) return;
  const message = `the calibration is of ${described(first)}, not of ${described(other)}`;
  throw new AeqError('CALIBRATION_MISMATCH', message, {
    where: { file: other.file },
    hint: 'calibrations belong to one model file: calibrate this one anew',
  });
}

const described = ({ file, sha256 }: ModelIdentity) => `${file} (SHA-256 ${sha256.slice(0, 12)})`;

/**
 * Data sets by signature, those of one signature made one.
 * @throws AeqError CALIBRATION_MISMATCH when two of one signature differ.
 */
export function mergeDatasets(datasets: readonly CalibratedDataset[]): CalibratedDataset[] {
  const bySignature = new Map<string, CalibratedDataset>();
  for (const dataset of datasets) {
    const other = bySignature.get(dataset.signature);
    bySignature.set(dataset.signature, other ? joinDatasets(other, dataset) : dataset);
  }
  return [...bySignature.values()].sort((a, b) => (a.signature < b.signature ? -1 : 1));
}

function joinDatasets(a: CalibratedDataset, b: CalibratedDataset): CalibratedDataset {
  const difference = datasetDifference(a, b);
  if (difference) {
    const message = `the parts of signature "${a.signature}" were made from different data: ${difference}`;
    throw new AeqError('CALIBRATION_MISMATCH', message, {
      hint: 'calibrate all parts with the same data set and the same preprocessing',
    });
  }
  const selected = a.selected && b.selected && [...new Set([...a.selected, ...b.selected])].sort((x, y) => x - y);
  return { ...a, description: least([a.description, b.description]), selected };
}

/** What differs, in words; undefined for the same data. Files are the same by content, wherever they lie. */
export function datasetDifference(a: CalibratedDataset, b: CalibratedDataset): string | undefined {
  const [one, two] = [a.description, b.description];
  if (one.kind !== two.kind) return `${one.kind} and ${two.kind}`;
  if (one.contentHash !== two.contentHash) return 'the files are not the same';
  const hashed = one.contentHash !== undefined;
  if (!hashed && canonicalJson(one.sources) !== canonicalJson(two.sources)) {
    return `${one.sources.join(', ')} and ${two.sources.join(', ')}`;
  }
  if (a.length !== b.length)
    return `${a.length ?? 'an unknown number of'} and ${b.length ?? 'an unknown number of'} samples`;
  const members = new Set([...Object.keys(one.preprocessing), ...Object.keys(two.preprocessing)]);
  for (const member of [...members].sort()) {
    const [x, y] = [canonicalJson(one.preprocessing[member]), canonicalJson(two.preprocessing[member])];
    if (x !== y) return `${member} of the preprocessing is ${said(x)} in one and ${said(y)} in another`;
  }
  return undefined;
}

const said = (json: string) => (json === 'undefined' ? 'not set' : json);

/** Samples that were to be calibrated with and are not there yet, by signature and index. */
export function missingSamples(document: CalibrationDocument): { signature: string; index: number }[] {
  const present = new Set(document.samples.map(({ signature, index }) => `${index}:${signature}`));
  return document.datasets.flatMap(({ signature, selected }) =>
    (selected ?? []).filter((index) => !present.has(`${index}:${signature}`)).map((index) => ({ signature, index })),
  );
}

/** The sample as messages name it. */
export function sampleLabel({ index, name }: Pick<CalibratedSample, 'index' | 'name'>): string {
  return name === '' || name === String(index) ? `sample ${index}` : `sample ${index} (${name})`;
}

/** The one whose canonical text comes first: a choice that does not depend on order. */
function least<T>(values: readonly [T, ...T[]] | readonly T[]): T {
  const [first] = [...values].sort((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1));
  return first as T;
}
