import { chosenArgsRepr, chosenKwargsRepr } from '../../protocol/task/argument-display.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { textsOf } from '../arguments.ts'
import type { ControlCommand } from '../command.ts'
import type { RequestView, WorkerView } from '../worker-view.ts'

/** The tasks that run now (wire specification 7.3). */
export const active: ControlCommand = {
  name: 'active',
  aliases: ['dump_active'],
  kind: 'inspect',
  handle: (worker, args) => worker.active().map((request) => requestInfo(request, worker, args.safe === true)),
}

/** The tasks that wait for a slot. */
export const reserved: ControlCommand = {
  name: 'reserved',
  aliases: ['dump_reserved'],
  kind: 'inspect',
  handle: (worker) => worker.reserved().map((request) => requestInfo(request, worker, false)),
}

/** The tasks that wait for their time. */
export const scheduled: ControlCommand = {
  name: 'scheduled',
  aliases: ['dump_schedule'],
  kind: 'inspect',
  handle: (worker) =>
    worker.scheduled().map((request) => ({
      eta: request.eta === undefined ? null : pythonIso(request.eta, request.etaMicroseconds),
      // The priority of Celery's timer, which is the same for all.
      priority: 6,
      request: requestInfo(request, worker, false),
    })),
}

/**
 * The states of the tasks with these ids that this worker holds. `waits_for` is ours, and says more than Celery's three states: a
 * worker in Python does not find a task that its rate limit holds.
 */
export const queryTask: ControlCommand = {
  name: 'query_task',
  kind: 'inspect',
  handle(worker, { ids }) {
    const wanted = new Set(textsOf('ids', ids))
    const found: Record<string, Json> = {}
    const look = (place: string, requests: readonly RequestView[], waitsFor?: string): void => {
      for (const request of requests) {
        if (!wanted.has(request.id)) continue
        found[request.id] = [
          place,
          { ...requestInfo(request, worker, false), ...(waitsFor !== undefined && { waits_for: waitsFor }) },
        ]
      }
    }
    look('ready', worker.scheduled(), 'eta')
    look('reserved', worker.limited(), 'rate limit')
    look('reserved', worker.reserved(), 'slot')
    look('active', worker.settling(), 'settlement')
    look('active', worker.active())
    return found
  },
}

/** Celery's "request info"; `safe` asks for texts instead of the arguments themselves. A text that the sender chose is shown in any case. */
function requestInfo(request: RequestView, worker: WorkerView, safe: boolean): JsonObject {
  const { startedAt } = request
  return {
    id: request.id,
    name: request.name,
    args: safe ? request.argsRepr : (chosenArgsRepr(request) ?? request.args),
    kwargs: safe ? request.kwargsRepr : (chosenKwargsRepr(request) ?? request.kwargs),
    type: request.type,
    hostname: worker.node,
    time_start: startedAt === undefined ? null : startedAt / 1000,
    acknowledged: request.acknowledged,
    delivery_info: {
      exchange: request.exchange,
      routing_key: request.routingKey,
      priority: request.priority ?? null,
      redelivered: request.redelivered,
    },
    worker_pid: startedAt === undefined ? null : worker.pid,
  }
}

/** As Python's `isoformat`: microseconds and an offset. */
function pythonIso(ms: number, microseconds: number): string {
  return new Date(ms).toISOString().replace('Z', `${String(microseconds).padStart(3, '0')}+00:00`)
}
