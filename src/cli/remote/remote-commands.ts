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
  /** Older names that Celery hears. */
  readonly aliases?: readonly string[]
  readonly args?: readonly RemoteArgument[]
}

const ids: RemoteArgument = { shown: '<ids...>', key: 'task_id', kind: 'texts' }
const task: RemoteArgument = { shown: '<task>', key: 'task_name', kind: 'text' }
const queue: RemoteArgument = { shown: '<queue>', key: 'queue', kind: 'text' }
const howMany: RemoteArgument = { shown: '[n]', key: 'n', kind: 'whole' }

/** The commands of `twq inspect` (wire specification 7.3), in the order of the help. */
export const inspectCommands: readonly RemoteCommand[] = [
  { name: 'active', method: 'active', aliases: ['dump_active'], description: 'the tasks that run now' },
  { name: 'reserved', method: 'reserved', aliases: ['dump_reserved'], description: 'the tasks that wait for a slot' },
  {
    name: 'scheduled',
    method: 'scheduled',
    aliases: ['dump_schedule'],
    description: 'the tasks that wait for their time',
  },
  {
    name: 'query-task',
    method: 'query_task',
    description: 'where tasks are, by their ids',
    args: [{ ...ids, key: 'ids' }],
  },
  {
    name: 'registered',
    method: 'registered',
    aliases: ['dump_tasks'],
    description: 'the tasks they can run, with attributes like rate_limit',
    args: [{ shown: '[attributes...]', key: 'taskinfoitems', kind: 'texts' }],
  },
  { name: 'revoked', method: 'revoked', aliases: ['dump_revoked'], description: 'the ids that are revoked' },
  { name: 'stats', method: 'stats', description: 'counters and circumstances' },
  { name: 'active-queues', method: 'active_queues', description: 'the queues they consume' },
  { name: 'conf', method: 'conf', aliases: ['dump_conf'], description: 'their configuration' },
  { name: 'report', method: 'report', description: 'versions and settings, for a bug report' },
  { name: 'clock', method: 'clock', description: 'their logical clocks' },
  { name: 'memsample', method: 'memsample', description: 'the memory they use' },
  { name: 'memdump', method: 'memdump', description: 'the memory they use, in a sentence' },
  { name: 'objgraph', method: 'objgraph', description: 'a picture of objects (Python only)' },
  { name: 'ping', method: 'ping', description: 'who is there' },
]

/** The commands of `twq control` (wire specification 7.4), in the order of the help. */
export const controlCommands: readonly RemoteCommand[] = [
  { name: 'revoke', method: 'revoke', description: 'do not run these tasks', args: [ids] },
  {
    name: 'terminate',
    method: 'terminate',
    description: 'do not run them, and end running ones; the signal is for Python workers',
    args: [{ shown: '<signal>', key: 'signal', kind: 'text' }, ids],
  },
  {
    name: 'revoke-by-stamped-headers',
    method: 'revoke_by_stamped_headers',
    description: 'do not run tasks that carry one of these stamps',
    args: [{ shown: '<name=value...>', key: 'headers', kind: 'texts' }],
  },
  {
    name: 'rate-limit',
    method: 'rate_limit',
    description: 'how often a task may start: 10/s, 100/m, 5/h, or 0 for no limit',
    args: [task, { shown: '<rate>', key: 'rate_limit', kind: 'text' }],
  },
  {
    name: 'time-limit',
    method: 'time_limit',
    description: 'how long a task may run',
    args: [task, { shown: '<soft>', key: 'soft', kind: 'seconds' }, { shown: '[hard]', key: 'hard', kind: 'seconds' }],
  },
  { name: 'pool-grow', method: 'pool_grow', description: 'run so many more tasks at once', args: [howMany] },
  { name: 'pool-shrink', method: 'pool_shrink', description: 'run so many fewer', args: [howMany] },
  { name: 'pool-restart', method: 'pool_restart', description: 'replace the threads or processes of the pool' },
  {
    name: 'autoscale',
    method: 'autoscale',
    description: 'between how many the pool grows and shrinks by itself',
    args: [
      { shown: '<max>', key: 'max', kind: 'whole' },
      { shown: '[min]', key: 'min', kind: 'whole' },
    ],
  },
  {
    name: 'add-consumer',
    method: 'add_consumer',
    description: 'take tasks from one more queue',
    args: [
      queue,
      { shown: '[exchange]', key: 'exchange', kind: 'text' },
      { shown: '[type]', key: 'exchange_type', kind: 'text' },
      { shown: '[routing-key]', key: 'routing_key', kind: 'text' },
    ],
  },
  { name: 'cancel-consumer', method: 'cancel_consumer', description: 'take no more tasks from a queue', args: [queue] },
  { name: 'enable-events', method: 'enable_events', description: 'tell monitors of each task' },
  { name: 'disable-events', method: 'disable_events', description: 'tell them no longer' },
  { name: 'heartbeat', method: 'heartbeat', description: 'send a heartbeat event at once' },
  { name: 'shutdown', method: 'shutdown', description: 'finish what runs, and leave' },
]
