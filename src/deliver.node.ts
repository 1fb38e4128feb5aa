import type { RuntimeChoice } from '../calibration/runtime/open.node.ts';
import { AeqError } from '../schema/errors.ts';
import { createUnfinishedFile, type UnfinishedFile } from '../schema/write-file.node.ts';
import type { QuantizationResult } from './quantization-result.node.ts';
import { type Verification, type Verifier, type VerifyOptions, verifyModelFile } from './validate/verify.node.ts';

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
  /** The model that the result was made from: where it does not run either, a failure says so. */
  readonly float?: string | undefined;
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
      verification = await verify(file.temporaryPath, path, options);
    }
    file.commit();
    return { sizeBytes: result.sizeBytes, verification };
  } finally {
    file.discard();
  }
}

/** @throws AeqError VERIFY_FAILED */
async function verify(written: string, name: string, options: DeliverOptions): Promise<Verification> {
  const { runtime, library, signal, verifier, float } = options;
  const how = { runtime, library, signal };
  try {
    return await verifyModelFile(written, { file: name, verifier, ...how });
  } catch (error) {
    if (float === undefined || !isFailure(error) || !(await fails(float, how))) throw error;
    throw new AeqError('VERIFY_FAILED', `${error.message}. The float model does not run here either`, {
      where: error.where,
      hint: 'choose another interpreter (aeq doctor shows which there are), or have the file unchecked with --no-verify',
      cause: error,
    });
  }
}

const isFailure = (error: unknown): error is AeqError => error instanceof AeqError && error.code === 'VERIFY_FAILED';

async function fails(path: string, how: VerifyOptions): Promise<boolean> {
  try {
    await verifyModelFile(path, how);
    return false;
  } catch (error) {
    return isFailure(error);
  }
}
