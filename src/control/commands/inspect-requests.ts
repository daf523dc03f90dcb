import type { Json } from '../../runtime/json.ts'
import type { ControlCommand } from '../command.ts'
import type { ActiveRequest, WorkerView } from '../worker-view.ts'

/** The tasks that run now (wire specification 7.3). */
export const active: ControlCommand = {
  name: 'active',
  aliases: ['dump_active'],
  kind: 'inspect',
  summary: 'list the tasks that run now',
  handle: (worker, args) => worker.active().map((request) => requestInfo(request, worker, args['safe'] === true)),
}

/** Celery's "request info"; `safe` asks for texts instead of the arguments themselves. */
function requestInfo(request: ActiveRequest, worker: WorkerView, safe: boolean): Json {
  const { startedAt } = request
  return {
    id: request.id,
    name: request.name,
    args: safe ? request.argsrepr : request.args,
    kwargs: safe ? request.kwargsrepr : request.kwargs,
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
