import { readQuarantineFacts } from '../../protocol/headers/quarantine.ts'
import { decodeTask } from '../../protocol/task/decode-task.ts'
import type { WireMessage } from '../../protocol/wire.ts'

/** Names the task of a message, and its id, where these can be read. */
export interface Identity {
  readonly id: string | undefined
  readonly task: string | undefined
}

const LIMITS = { maxBodySize: 16 * 1024 * 1024 }

/** Whose message it is. Messages of protocol 1 say it in their bodies, which are read only then; a quarantined one in our headers. */
export function identityOf(message: WireMessage): Identity {
  const { headers } = message
  const { reason, id, task } = readQuarantineFacts(headers)
  if (reason !== undefined) return { id, task }
  if (typeof headers.task === 'string') return { id: textOf(headers.id), task: headers.task }
  const decoded = decodeTask(message, LIMITS)
  return decoded.kind === 'task' ? decoded.message : decoded.malformed
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
