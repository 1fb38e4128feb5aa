import { setFlagsFromString } from 'node:v8';

/**
 * How much a function must have run before V8 optimizes it, ten times its default: in the some dozens of samples that a
 * worker sees on its own core, optimizing what is between the kernels takes longer than it saves. With two workers a sample
 * of EfficientNet-Lite0 took 4.5 instead of 5.5 ms in the native interpreter.
 */
const INTERRUPT_BUDGET = 660_000;

/**
 * The same for functions of wasm, as newer versions of V8 have it; the seventh part of it, which is that of Node 20,
 * optimizes what a single run is almost done with: EfficientNet-Lite0 is verified in 0.21 instead of 0.26 s.
 */
const WASM_TIERING_BUDGET = 13_000_000;

/** Tells V8 that this process lives for seconds. Versions that do not know the settings pass them over. */
export function expectShortLife(): void {
  setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET}`);
  setFlagsFromString(`--wasm-tiering-budget=${WASM_TIERING_BUDGET}`);
}
