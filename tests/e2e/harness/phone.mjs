// A person at our own page. All knowledge of the page's hooks is here.

import { until } from './wait.mjs';

export const REMOTE = '[data-testid="remote-video"]';
