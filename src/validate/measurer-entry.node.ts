/** The module that validation workers run: all models in one interpreter, samples or their names in, measurements out. */
import { openModelSource } from '../../calibration/model-source.node.ts';
import { NamedSamples } from '../../calibration/named-samples.ts';
import { servePool } from '../../calibration/pool/serve.node.ts';
import { openRuntime, type RuntimeChoice } from '../../calibration/runtime/open.node.ts';
import { reopenDataset } from '../../datasets/open.node.ts';
import type { Sample } from '../../datasets/sample.ts';
import { Candidate, signaturesOf } from './candidate.ts';
import { nodeIsolation } from './isolation.node.ts';
import { LocalMeasurer } from './local-measurer.ts';
import type { MeasurerTalk, NamedSource } from './measurer-talk.ts';

servePool<MeasurerTalk>(async ({ float, quantized, signatures, candidate, runtime, library, memoryBytes, origins }) => {
  const samples = new NamedSamples(origins, reopenDataset);
  const options = library === undefined ? {} : { library };
  const interpreter = await openRuntime(runtime as RuntimeChoice, options);
  const { model } = opened(float);
  const views = signaturesOf(model, signatures);
  const candidates = quantized.map((source) => new Candidate(model, views, opened(source), candidate));
  const isolation = candidate.injected ? nodeIsolation(interpreter, options) : undefined;
  const measurer = new LocalMeasurer(interpreter, model, candidates, { memoryBytes, isolation, threads: 1 });
  return {
    ready: { version: measurer.version },
    prepare: async (request) => ({ ...request, sample: await samples.read(request.signature, request.sample) }),
    // Read before its turn came.
    run: ({ signature, sample, alone }) =>
      measurer.measure(signature, sample as Sample, alone).finally(() => samples.release(sample)),
    tell: () => undefined,
  };
});

/** The size is for reports, which are not made here. */
const opened = ({ file, source }: NamedSource) => ({ file, model: openModelSource(source), sizeBytes: 0 });
