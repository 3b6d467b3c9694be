/** The service worker: hands the build's list of files to src/offline, nothing else. Built by scripts/vite/pwa.ts as sw.js. */
import type { OfflinePlan } from "../src/offline/precache";
import { serve } from "../src/offline/serve";

/** Written in by the build. */
declare const __OFFLINE_PLAN__: OfflinePlan;

serve(__OFFLINE_PLAN__, self as unknown as ServiceWorkerGlobalScope);
