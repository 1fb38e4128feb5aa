import { reductionCases } from './cases/reductions.ts';
import { operatorSuite } from './suite.ts';

operatorSuite(reductionCases);
