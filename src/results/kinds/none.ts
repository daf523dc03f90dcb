import type { ResultBackendKind } from '../definition.ts'

/** `none`: results are neither stored nor read. */
export const none: ResultBackendKind = {
  form: "'none'",
  matches: (text) => text === 'none',
  define: () => ({
    shown: 'none',
    celeryName: 'disabled',
    openBackend: () => ({ kind: 'none', store: async () => 'dropped' }),
    examine: async () => 'none: no caller gets a result',
  }),
}
