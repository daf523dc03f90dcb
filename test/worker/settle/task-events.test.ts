import { describe, expect, it } from 'vitest'
import type { TaskEvent } from '../../../src/protocol/remote/event.ts'
import type { RemoteError } from '../../../src/protocol/result-record.ts'
import type { Outcome } from '../../../src/tasks/attempt/outcome.ts'
import { settledEvents } from '../../../src/worker/settle/task-events.ts'
import { aRequest } from '../../support/a-request.ts'

const error: RemoteError = { type: 'ValueError', module: 'builtins', args: ['boom'], traceback: 'Traceback' }
const failure: Partial<TaskEvent> = { type: 'task-failed', exception: "ValueError('boom')", traceback: 'Traceback' }

const rejected: Partial<TaskEvent> = { type: 'task-rejected', requeue: true }

describe('settledEvents', () => {
  it.each<[Outcome, readonly object[]]>([
    [{ kind: 'succeeded', result: 'a', runtime: 1_500 }, [{ type: 'task-succeeded', result: "'a'", runtime: 1.5 }]],
    [{ kind: 'failed', error, runtime: 1 }, [failure]],
    [{ kind: 'timed-out', limit: 1_000, error }, [failure]],
    [{ kind: 'retry', at: 0, error }, [{ ...failure, type: 'task-retried' }]],
    [{ kind: 'retry', at: 0, error: null }, [{ type: 'task-retried', exception: 'None', traceback: null }]],
    [{ kind: 'rejected', requeue: true, error }, [rejected]],
    [{ kind: 'rejected', requeue: false, error }, [{ ...rejected, requeue: false }, failure]],
    [
      { kind: 'revoked', reason: 'revoked' },
      [{ type: 'task-revoked', terminated: false, signum: null, expired: false }],
    ],
    [
      { kind: 'revoked', reason: 'expired' },
      [{ type: 'task-revoked', terminated: false, signum: null, expired: true }],
    ],
    [
      { kind: 'revoked', reason: 'terminated' },
      [{ type: 'task-revoked', terminated: true, signum: null, expired: false }],
    ],
    [{ kind: 'ignored' }, []],
    [{ kind: 'replaced', signature: null }, []],
    [{ kind: 'lost', error }, []],
    [{ kind: 'interrupted' }, []],
  ])('%j', (outcome, expected) => {
    expect(settledEvents(aRequest({ id: 'x' }), outcome)).toEqual(expected.map((event) => ({ ...event, uuid: 'x' })))
  })

  it('say by which signal a task was terminated', () => {
    const request = aRequest({ id: 'x' })
    request.terminate(15)
    expect(settledEvents(request, { kind: 'revoked', reason: 'terminated' })).toMatchObject([{ signum: 15 }])
  })

  it('call a task failed that died or was interrupted after its message was acknowledged', () => {
    const request = aRequest({ id: 'x' })
    request.acknowledge()
    expect(settledEvents(request, { kind: 'lost', error })).toEqual([{ ...failure, uuid: 'x' }])
    expect(settledEvents(request, { kind: 'interrupted' })).toMatchObject([
      {
        type: 'task-failed',
        exception: "WorkerLostError('The worker shut down before the task could finish.')",
      },
    ])
  })
})
