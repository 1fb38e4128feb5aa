const RECURRENT = 'current interpreters take no models with states; tested in test/src/ops/recurrent.test.ts';
/** Operators with a spec but without a case here, by recipe name, with the reason. */
export const UNTRIED: Readonly<Record<string, string>> = {
  LSTM: RECURRENT,
  UNIDIRECTIONAL_SEQUENCE_LSTM: RECURRENT,
  BIDIRECTIONAL_SEQUENCE_LSTM: RECURRENT,
  RNN: RECURRENT,
  UNIDIRECTIONAL_SEQUENCE_RNN: RECURRENT,
  BIDIRECTIONAL_SEQUENCE_RNN: RECURRENT,
  SVDF: RECURRENT,
  STABLEHLO_COMPOSITE: 'it runs a subgraph; tested with whole models',
};
