import { defineConfig } from 'twq'

export default defineConfig({ tasks: ['./tasks.ts', '../../../tasks/*.ts'] })
