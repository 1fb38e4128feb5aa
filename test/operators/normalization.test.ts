import { normalizationCases } from './cases/normalization.ts';
import { operatorSuite } from './suite.ts';

operatorSuite(normalizationCases);
