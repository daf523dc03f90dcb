import { argsRepr, kwargsRepr } from '../../src/protocol/python-repr.ts'
import type { TaskMessage } from '../../src/protocol/task-message.ts'

/** A task message with everything a test does not care about filled in. */
export function aTaskMessage(fields: Partial<TaskMessage> = {}): TaskMessage {
  const id = fields.id ?? 'd2f1a7c4-0000-4000-8000-000000000001'
  return {
    id,
    task: 'job',
    args: [],
    kwargs: {},
    embed: { callbacks: null, errbacks: null, chain: null, chord: null },
    retries: 0,
    eta: undefined,
    expires: undefined,
    timeLimit: { hard: undefined, soft: undefined },
    rootId: id,
    parentId: null,
    group: null,
    groupIndex: null,
    shadow: null,
    origin: null,
    argsRepr: argsRepr(fields.args ?? []),
    kwargsRepr: kwargsRepr(fields.kwargs ?? {}),
    ignoreResult: null,
    replacedTaskNesting: 0,
    rerun: 0,
    replyTo: '',
    correlationId: id,
    priority: undefined,
    stampedHeaders: null,
    stamps: {},
    headers: {},
    properties: {},
    protocol: 2,
    ...fields,
  }
}
