/** The module that calibration workers run which read the samples themselves. */
import { serveCalibration } from '../calibration/worker-service.node.ts';
import { reopenDataset } from '../datasets/open.node.ts';

serveCalibration(reopenDataset);
