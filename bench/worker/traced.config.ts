import { defineConfig } from 'twq'
import { openTelemetry } from 'twq/otel'

export default defineConfig({ tasks: ['./tasks.ts'], plugins: [openTelemetry()] })
