import type { ActiveRequest, EventControls, WorkerView } from '../control/worker-view.ts'
import type { Request } from './request.ts'
import type { RequestTable } from './request-table.ts'

/** What remote control sees of a worker. */
export function workerView(node: string, table: RequestTable, events: EventControls): WorkerView {
  return { node, pid: process.pid, events, active: () => table.active().map(activeRequest) }
}

function activeRequest(request: Request): ActiveRequest {
  const { message, delivery } = request
  return {
    id: message.id,
    name: message.shadow ?? message.task,
    type: message.task,
    args: message.args,
    kwargs: message.kwargs,
    argsrepr: message.argsrepr,
    kwargsrepr: message.kwargsrepr,
    startedAt: request.startedAt,
    acknowledged: request.acknowledged,
    exchange: delivery.route.exchange,
    routingKey: delivery.route.routingKey,
    priority: message.priority,
    redelivered: delivery.redelivered,
  }
}
