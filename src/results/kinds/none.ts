import type { ResultBackend } from '../backend.ts'

/** Keeps no results. */
export const noResults: ResultBackend = {
  kind: 'none',
  store: async () => 'nobody',
}
