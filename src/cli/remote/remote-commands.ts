/** One argument of a remote-control command: how the help shows it, Celery's name for it, and how it is read. */
export interface RemoteArgument {
  readonly shown: string
  readonly key: string
  readonly kind: 'text' | 'texts' | 'whole' | 'seconds'
}

/** A command below `twq inspect` or `twq control`. */
export interface RemoteCommand {
  readonly name: string
  /** Celery's name on the wire. */
  readonly method: string
  readonly description: string
  /** Older names that Celery accepts. */
  readonly aliases?: readonly string[]
  readonly args?: readonly RemoteArgument[]
}

const ids: RemoteArgument = { shown: '<ids...>', key: 'task_id', kind: 'texts' }
const task: RemoteArgument = { shown: '<task>', key: 'task_name', kind: 'text' }
const queue: RemoteArgument = { shown: '<queue>', key: 'queue', kind: 'text' }
const howMany: RemoteArgument = { shown: '[n]', key: 'n', kind: 'whole' }

/** The commands of `twq inspect` (wire specification 7.3), in the order of the help. */
export const inspectCommands: readonly RemoteCommand[] = [
  { name: 'active', method: 'active', aliases: ['dump_active'], description: 'running tasks' },
  { name: 'reserved', method: 'reserved', aliases: ['dump_reserved'], description: 'tasks that wait for a slot' },
  {
    name: 'scheduled',
    method: 'scheduled',
    aliases: ['dump_schedule'],
    description: 'tasks that wait for their ETA',
  },
  {
    name: 'query-task',
    method: 'query_task',
    description: 'tasks by id, and their state',
    args: [{ ...ids, key: 'ids' }],
  },
  {
    name: 'registered',
    method: 'registered',
    aliases: ['dump_tasks'],
    description: 'registered tasks, with attributes like rate_limit',
    args: [{ shown: '[attributes...]', key: 'taskinfoitems', kind: 'texts' }],
  },
  { name: 'revoked', method: 'revoked', aliases: ['dump_revoked'], description: 'revoked task ids' },
  { name: 'stats', method: 'stats', description: 'counters, pool, broker connection and resource usage' },
  { name: 'active-queues', method: 'active_queues', description: 'consumed queues' },
  { name: 'conf', method: 'conf', aliases: ['dump_conf'], description: 'configuration' },
  { name: 'report', method: 'report', description: 'versions and settings, for a bug report' },
  { name: 'clock', method: 'clock', description: 'logical clocks' },
  { name: 'memsample', method: 'memsample', description: 'memory usage' },
  { name: 'memdump', method: 'memdump', description: 'memory usage, as a sentence' },
  { name: 'objgraph', method: 'objgraph', description: 'object graph (Python only)' },
  { name: 'ping', method: 'ping', description: 'check which workers answer' },
]

/** The commands of `twq control` (wire specification 7.4), in the order of the help. */
export const controlCommands: readonly RemoteCommand[] = [
  { name: 'revoke', method: 'revoke', description: 'revoke tasks by id', args: [ids] },
  {
    name: 'terminate',
    method: 'terminate',
    description: 'revoke tasks, and terminate running ones; the signal is for Python workers',
    args: [{ shown: '<signal>', key: 'signal', kind: 'text' }, ids],
  },
  {
    name: 'revoke-by-stamped-headers',
    method: 'revoke_by_stamped_headers',
    description: 'revoke the tasks that carry one of these stamps',
    args: [{ shown: '<name=value...>', key: 'headers', kind: 'texts' }],
  },
  {
    name: 'rate-limit',
    method: 'rate_limit',
    description: 'set the rate limit of a task: 10/s, 100/m, 5/h, or 0 for no limit',
    args: [task, { shown: '<rate>', key: 'rate_limit', kind: 'text' }],
  },
  {
    name: 'time-limit',
    method: 'time_limit',
    description: 'set the time limits of a task',
    args: [task, { shown: '<soft>', key: 'soft', kind: 'seconds' }, { shown: '[hard]', key: 'hard', kind: 'seconds' }],
  },
  { name: 'pool-grow', method: 'pool_grow', description: 'run n more tasks at once', args: [howMany] },
  { name: 'pool-shrink', method: 'pool_shrink', description: 'run n fewer tasks at once', args: [howMany] },
  { name: 'pool-restart', method: 'pool_restart', description: 'replace the threads or processes of the pool' },
  {
    name: 'autoscale',
    method: 'autoscale',
    description: 'set the bounds of the autoscaler',
    args: [
      { shown: '<max>', key: 'max', kind: 'whole' },
      { shown: '[min]', key: 'min', kind: 'whole' },
    ],
  },
  {
    name: 'add-consumer',
    method: 'add_consumer',
    description: 'start consuming a queue',
    args: [
      queue,
      { shown: '[exchange]', key: 'exchange', kind: 'text' },
      { shown: '[type]', key: 'exchange_type', kind: 'text' },
      { shown: '[routing-key]', key: 'routing_key', kind: 'text' },
    ],
  },
  { name: 'cancel-consumer', method: 'cancel_consumer', description: 'stop consuming a queue', args: [queue] },
  { name: 'enable-events', method: 'enable_events', description: 'send task events' },
  { name: 'disable-events', method: 'disable_events', description: 'stop sending task events' },
  { name: 'heartbeat', method: 'heartbeat', description: 'send a heartbeat event at once' },
  { name: 'shutdown', method: 'shutdown', description: 'warm shutdown: stop after the running tasks have ended' },
]
