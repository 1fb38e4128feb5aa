/** The module that calibration workers run which are sent their samples. */
import { serveCalibration } from './worker-service.node.ts';

serveCalibration();
