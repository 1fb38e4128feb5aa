/** A recipe that comes with the package: `recipes/<name>.json`. */
export interface CatalogueEntry {
  readonly name: string;
  /** One line: what becomes integer, and where. */
  readonly summary: string;
  /** `components`: recipes for the components of a .litertlm file. */
  readonly kind: 'recipe' | 'components';
  readonly needsCalibration?: true;
}

const recipe = (name: string, summary: string): CatalogueEntry => ({ name, summary, kind: 'recipe' });
const calibrated = (name: string, summary: string): CatalogueEntry => ({
  ...recipe(name, summary),
  needsCalibration: true,
});
const components = (name: string, summary: string): CatalogueEntry => ({ name, summary, kind: 'components' });

/** Every built-in recipe, the most used first. The files are read only when one is asked for. */
export const CATALOGUE: readonly CatalogueEntry[] = [
  calibrated('static_wi8_ai8', 'integer model: int8 activations, int8 weights per channel'),
  calibrated('static_wi8_ai16', 'integer model: int16 activations, int8 weights per channel'),
  recipe('dynamic_wi8_afp32', 'int8 weights per channel, float activations quantized on the fly'),
  recipe('dynamic_wi8c_afp32', 'the same as dynamic_wi8_afp32'),
  recipe('dynamic_wi4_afp32', 'int4 weights per channel in dense, convolution and embedding layers'),
  recipe('dynamic_wi4c_afp32', 'the same as dynamic_wi4_afp32'),
  recipe('dynamic_wi2c_afp32', 'int2 weights per channel in dense, convolution and embedding layers'),
  recipe('dynamic_wi8b32_afp32', 'int8 weights per channel; in blocks of 32 where a policy allows it'),
  recipe('dynamic_wi8b64_afp32', 'int8 weights per channel; in blocks of 64 where a policy allows it'),
  recipe('dynamic_wi4b32_afp32', 'int4 weights in blocks of 32 in dense and embedding layers'),
  recipe('dynamic_wi4b64_afp32', 'int4 weights in blocks of 64 in dense and embedding layers'),
  recipe('dynamic_wi2b32_afp32', 'int2 weights in blocks of 32 in dense layers'),
  recipe('dynamic_wi2b64_afp32', 'int2 weights in blocks of 64 in dense layers'),
  recipe('dynamic_wi8c_hr_afp32', 'int8 weights after a Hadamard rotation in dense and embedding layers'),
  recipe('dynamic_wi4c_hr_afp32', 'int4 weights after a Hadamard rotation in dense and embedding layers'),
  recipe('dynamic_wi2c_hr_afp32', 'int2 weights after a Hadamard rotation in dense and embedding layers'),
  recipe('dynamic_wi8_afp32_hadamard', 'dynamic_wi8c_hr_afp32 where that can be done, dynamic_wi8_afp32 elsewhere'),
  recipe('dynamic_wi4_afp32_hadamard', 'dynamic_wi4c_hr_afp32 where that can be done, dynamic_wi8_afp32 elsewhere'),
  recipe('dynamic_legacy_wi8_afp32', 'dynamic_wi8_afp32, but weights with fewer than 1024 elements stay float'),
  recipe('weight_only_wi8_afp32', 'int8 weights per channel, dequantized for float kernels'),
  recipe('weight_only_wi4_afp32', 'int4 weights per channel, dequantized for float kernels'),
  calibrated('default_a8w8', 'the same as static_wi8_ai8'),
  calibrated('default_a16w8', 'the same as static_wi8_ai16'),
  recipe('default_af32w8float', 'weight_only_wi8_afp32 with asymmetric weights'),
  recipe('default_af32w4float', 'weight_only_wi4_afp32 with asymmetric weights'),
  calibrated('sample_advanced_usage', 'several rules: static int8, int4 weights in dense layers, float convolutions'),
  components('gemma4_mixed48', 'int4 per channel in dense and embedding layers, int8 in per-layer projections'),
  components('gemma4_mixed48_hr', 'gemma4_mixed48 with a Hadamard rotation before the 4-bit weights'),
  components('gemma4_mixed48_b32', 'gemma4_mixed48 with 4-bit weights in blocks of 32'),
  components('gemma4_mixed48_b64', 'gemma4_mixed48 with 4-bit weights in blocks of 64'),
  components('dynamic_wi8_afp32_litertlm', 'dynamic_wi8_afp32 for every component'),
];

const byName: ReadonlyMap<string, CatalogueEntry> = new Map(CATALOGUE.map((entry) => [entry.name, entry]));

/** The built-in recipe of this name, exactly spelled. */
export const catalogueEntry = (name: string): CatalogueEntry | undefined => byName.get(name);
