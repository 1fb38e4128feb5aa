import type { RuntimeChoice } from '../calibration/runtime/open.node.ts';
import { createUnfinishedFile, type UnfinishedFile } from '../schema/write-file.node.ts';
import type { QuantizationResult } from './quantization-result.node.ts';
import { type Verification, type Verifier, verifyModelFile } from './validate/verify.node.ts';

export interface DeliverOptions {
  /** What `createUnfinishedFile` started for this path: the result may have been quantized into it. */
  readonly file?: UnfinishedFile | undefined;
  readonly overwrite: boolean;
  /** Load and run the file before it appears under its name. */
  readonly verify: boolean;
  readonly runtime?: RuntimeChoice | undefined;
  readonly library?: string | undefined;
  /** Started before with the same interpreter. */
  readonly verifier?: Verifier | undefined;
  /** Threads that quantize and write; default: one a core where the model is large. */
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onVerify?: (() => void) | undefined;
}

export interface Delivery {
  readonly sizeBytes: number;
  readonly verification: Verification | undefined;
}

/**
 * Writes a quantized model, and lets it appear under its name only when the interpreter has run it.
 * @throws AeqError FILE_EXISTS, FILE_UNWRITABLE, VERIFY_FAILED; nothing is left then and an older file stays.
 */
export async function deliverModel(
  path: string,
  result: QuantizationResult,
  options: DeliverOptions,
): Promise<Delivery> {
  const file = options.file ?? createUnfinishedFile(path, { overwrite: options.overwrite });
  try {
    await result.fill(file, { threads: options.threads, signal: options.signal });
    let verification: Verification | undefined;
    if (options.verify) {
      options.onVerify?.();
      verification = await verifyModelFile(file.temporaryPath, {
        file: path,
        verifier: options.verifier,
        ...(options.runtime ? { runtime: options.runtime } : {}),
        ...(options.library ? { library: options.library } : {}),
        ...(options.signal ? { signal: options.signal } : {}),
      });
    }
    file.commit();
    return { sizeBytes: result.sizeBytes, verification };
  } finally {
    file.discard();
  }
}
