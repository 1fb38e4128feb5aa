import { movementCases } from './cases/movement.ts';
import { operatorSuite } from './suite.ts';

operatorSuite(movementCases);
