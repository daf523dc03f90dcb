import { EventEmitter } from 'node:events'
import type { ResultBackendDefinition, ResultRecord, ResultTuple } from '../../src/index.ts'

/** Keeps results in this process: a result backend of one's own, by nothing but what the package exports. */
export function mapResults(name = 'map'): ResultBackendDefinition {
  const records = new Map<string, ResultRecord>()
  const groups = new Map<string, ResultTuple>()
  const stored = new EventEmitter().setMaxListeners(0)
  return {
    shown: `the map ${name}`,
    openBackend: () => ({
      kind: 'map',
      async store(record) {
        if (records.get(record.taskId)?.state === 'SUCCESS') return 'stored'
        records.set(record.taskId, record)
        stored.emit(record.taskId, record)
        return 'stored'
      },
      read: async (taskIds) => taskIds.map((taskId) => records.get(taskId)),
    }),
    openReader({ onRecord, onWatched }) {
      const watched = new Map<string, (record: ResultRecord) => void>()
      const unwatch = (taskId: string): void => {
        stored.off(taskId, watched.get(taskId) ?? (() => {}))
        watched.delete(taskId)
      }
      return {
        read: async (taskIds) => taskIds.map((taskId) => records.get(taskId)),
        watch(taskId) {
          const listener = (record: ResultRecord): void => onRecord(taskId, record)
          watched.set(taskId, listener)
          stored.on(taskId, listener)
          onWatched([taskId])
        },
        unwatch,
        async drop(taskId) {
          records.delete(taskId)
        },
        groups: {
          async saveGroup(group) {
            groups.set(group[0][0], group)
          },
          restoreGroup: async (groupId) => groups.get(groupId) ?? null,
          async deleteGroup(groupId) {
            groups.delete(groupId)
          },
        },
        async [Symbol.asyncDispose]() {
          for (const taskId of [...watched.keys()]) unwatch(taskId)
        },
      }
    },
    examine: async () => `${records.size} results are in the map ${name}`,
  }
}
