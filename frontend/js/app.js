// The one bundle of every page. Each part enhances what already works without it.
import "./htmx.js";
import "@github/relative-time-element";

import { startForms } from "./forms.js";
import { startJobLog } from "./joblog.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";
import { startPalette } from "./palette.js";
import { startShell } from "./shell.js";

startShell();
startForms();
startPalette();
startKeys();
startLive();
startJobLog();
