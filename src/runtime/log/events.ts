type Level = 'debug' | 'info' | 'warn' | 'error' | 'fatal'

/** At which levels a line with this event is written, and what it means. */
export interface LogEventFacts {
  readonly level: Level | `${Level} or ${Level}`
  readonly meaning: string
}

const table = {
  'worker.starting': { level: 'info', meaning: 'the worker starts: its broker, queues and tasks' },
  'worker.ready': { level: 'info', meaning: 'every queue is consumed; `ready_ms` is how long the start took' },
  'worker.mingled': { level: 'debug', meaning: 'the other workers answered with their revoked tasks and clocks' },
  'worker.alone': { level: 'warn', meaning: 'the other workers could not be asked for their revoked tasks' },
  'worker.name-taken': {
    level: 'warn',
    meaning: 'another worker has the same node name: start each one with its own `-n`',
  },
  'worker.report': {
    level: 'info',
    meaning: 'the answer to `SIGUSR1`: tasks with their age, consumers, connections, lateness of the event loop',
  },
  'worker.signal': { level: 'warn', meaning: 'a signal asks the worker to stop; `stop` tells in which way' },
  'worker.draining': {
    level: 'info',
    meaning: 'the worker takes no new tasks and waits for `running` ones, `grace_ms` at most',
  },
  'worker.aborting': { level: 'warn', meaning: 'the grace period is over: the signals of the running tasks abort' },
  'worker.abandoning': {
    level: 'error',
    meaning:
      '`running` tasks ignore the abort, and the outcomes of `unsettled` ones can not be settled: their messages go back to their queues',
  },
  'worker.done': { level: 'info', meaning: 'what `--once` or `--max-tasks` asked for is done' },
  'worker.stop-failed': {
    level: 'error',
    meaning: 'a part of the worker could not be stopped, for a defect; the others are',
  },
  'worker.stopped': { level: 'info', meaning: 'the worker has stopped, in the way that `how` names' },
  'worker.halted': { level: 'error', meaning: 'outcomes can not be settled: consumers are cancelled until they can' },
  'worker.resumed': { level: 'info', meaning: 'outcomes are settled again, and tasks are consumed' },
  'process.exited': { level: 'fatal', meaning: 'something called `process.exit()`, a task perhaps' },
  'process.uncaught-exception': {
    level: 'fatal',
    meaning: 'an exception escaped from a callback: the worker ends with status 70',
  },
  'process.unhandled-rejection': {
    level: 'error',
    meaning: 'a promise was rejected without a handler; the worker, or the `member` of its pool, goes on',
  },

  'broker.connected': {
    level: 'info',
    meaning: 'a connection (`role`: consumer or publisher) is open; `downtime_ms` is how long there was none',
  },
  'broker.lost': { level: 'warn', meaning: 'a connection was lost; a new one is opened' },
  'broker.retrying': {
    level: 'warn',
    meaning:
      'the broker can not be reached: the first try, and again after growing times; at once where it refuses the login',
  },
  'broker.try-failed': { level: 'debug', meaning: 'one try to connect failed; the next is in `in_ms`' },
  'broker.blocked': { level: 'warn', meaning: 'the broker takes no messages, for want of memory or disk' },
  'broker.unblocked': { level: 'info', meaning: 'the broker takes messages again' },
  'broker.session-failed': {
    level: 'fatal',
    meaning: 'connecting again can not help (login, virtual host): the worker ends',
  },
  'channel.lost': { level: 'warn', meaning: 'the broker closed a channel; it is opened again' },
  'channel.setup-failed': {
    level: 'error',
    meaning:
      'a channel could not be set up; tried again from `in_ms` on: once for each reason, and again after a minute',
  },
  'channel.restored': { level: 'info', meaning: 'a channel that could not be set up is there again' },

  'consumer.cancelled': {
    level: 'warn',
    meaning: 'the broker ended a consumer (its queue was deleted, say); it is set up again',
  },
  'consumer.down': { level: 'error', meaning: 'a queue can not be consumed; tried every second' },
  'consumer.restored': { level: 'info', meaning: 'a queue that was down is consumed again' },
  'consumer.timeout': {
    level: 'error',
    meaning: 'the broker took messages back: a task runs longer than its `consumer_timeout`',
  },
  'consumer.timeout-again': { level: 'info', meaning: 'it did so once more, and the task still runs' },
  'queue.declared': { level: 'debug', meaning: 'a queue was declared, with `messages` and `consumers`' },
  'queue.differs': {
    level: 'warn',
    meaning: 'a queue exists with other settings than those of the configuration; it is used as it is',
  },
  'queue.unbound': {
    level: 'warn',
    meaning: 'the binding of a queue could not be confirmed; it is consumed all the same',
  },
  'queue.companion': {
    level: 'info or warn',
    meaning: 'a queue beside a task queue exists with other settings; a warning where `hint` says what to do',
  },
  'queue.companion-down': { level: 'warn', meaning: 'a queue beside a task queue is on a node that is down' },
  'queue.shared': {
    level: 'info',
    meaning: 'other consumers take from this queue; their tasks that are unknown here are quarantined',
  },
  'queue.no-priorities': { level: 'warn', meaning: 'tasks are given priorities that the type of their queue ignores' },
  'queue.refused': { level: 'error', meaning: 'remote control named a queue that can not be consumed' },
  'queue.purged': { level: 'warn', meaning: '`--purge` dropped the `messages` of a queue' },
  'queue.suspended': {
    level: 'error',
    meaning: 'too many messages of this queue can not be quarantined: it is not consumed until there is room',
  },
  'queue.resumed': { level: 'info', meaning: 'there is room again, and the queue is consumed' },

  'task.received': { level: 'debug', meaning: 'a message was decoded and its task is known' },
  'task.succeeded': { level: 'info', meaning: 'the task returned, and its result is stored' },
  'task.failed': { level: 'error', meaning: 'the task threw, or its arguments do not fit' },
  'task.retried': { level: 'warn', meaning: 'the task will run again at `eta`' },
  'task.timeout': { level: 'error', meaning: 'the task ran into its hard time limit; `plugins` are those around it' },
  'task.soft-limit': { level: 'warn', meaning: 'the task ran into its soft time limit, and its signal aborts' },
  'task.abandoned': {
    level: 'error',
    meaning: 'the hard limit is over, and the code still runs on the event loop; `abandoned` counts those',
  },
  'task.abandoned-ended': { level: 'warn', meaning: 'such code has ended; nothing follows from its `outcome`' },
  'task.rejected': { level: 'warn', meaning: 'the task threw `Reject`; `requeue` tells whether its message goes back' },
  'task.ignored': { level: 'info', meaning: 'the task threw `Ignore`: no result is stored' },
  'task.replaced': { level: 'info', meaning: 'the task was replaced by another signature' },
  'task.revoked': { level: 'warn', meaning: 'the task was revoked, expired or terminated; see `reason`' },
  'task.lost': {
    level: 'error',
    meaning: 'the process or thread that ran the task died; `plugins` are those around it',
  },
  'task.interrupted': { level: 'warn', meaning: 'the shutdown of the worker aborted the task' },
  'task.delayed': { level: 'debug', meaning: 'a task waits with the broker now, until `eta`' },
  'task.ack-lost': {
    level: 'warn',
    meaning: 'a task has ended after its message was taken back; `lost_acks` counts them',
  },
  'task.finished-before': {
    level: 'info',
    meaning: 'such a message came back, and was acknowledged without being run',
  },
  'task.copied-before': {
    level: 'info',
    meaning: 'a message came back of which a copy had taken the place; it was acknowledged without being run',
  },
  'task.unmarked': {
    level: 'warn',
    meaning: 'a redelivered message could not be replaced by a copy that counts its starts',
  },
  'task.suspected': {
    level: 'warn',
    meaning: 'a task may have killed its workers `starts` times; its message goes to `<queue>.suspects` and runs alone',
  },
  'task.kept': {
    level: 'warn',
    meaning: 'a suspect could not be sent back to its queue, and waits here for its process',
  },
  'task.unsettled': { level: 'warn', meaning: 'an outcome could not be settled; it is kept and tried again' },
  'outcomes.kept': {
    level: 'warn',
    meaning: 'outcomes still wait to be settled: after 10, 30 and 60 s, then every minute',
  },
  'tasks.held': { level: 'warn', meaning: 'no more ETA tasks can wait here without taking the prefetch of others' },
  'tasks.passed-on': {
    level: 'info',
    meaning: '`count` tasks that were taken ahead, and waited behind slow ones, went back for other workers to run',
  },
  'task.not-passed-on': { level: 'debug', meaning: 'one of them could not be sent back, and waits here' },
  'tasks.long': {
    level: 'warn',
    meaning: "`tasks` may run longer than RabbitMQ's `consumer_timeout` allows unless it was raised",
  },
  'config.notice': {
    level: 'warn',
    meaning: 'of a worker within another program: a setting has no effect, or is likely not what was meant',
  },
  'tasks.warning': { level: 'warn', meaning: 'a task module was loaded, and something in it looks wrong' },

  'message.quarantined': {
    level: 'error',
    meaning: 'a message was moved to `<queue>.quarantine`; `reason` and `detail` tell why',
  },
  'failure.kept': {
    level: 'error',
    meaning: 'a message went to `<queue>.failed` later than its task ended, or since its outcome could not be settled',
  },
  'failure.not-kept': {
    level: 'warn',
    meaning:
      '`<queue>.failed` takes no copy of the message of a failed task: once a minute, `times` with those in between',
  },
  'failures.full': { level: 'warn', meaning: '`<queue>.failed` is full, and its oldest leave: at most once a minute' },
  'message.discarded': {
    level: 'error',
    meaning: "a message of an unknown task was dropped, as `unknownTask: 'discard'` says",
  },
  'message.stuck': {
    level: 'error',
    meaning: 'a message can not be moved to the queue beside its own; it is held and tried again',
  },
  'messages.stuck': { level: 'error', meaning: 'how many messages are held for that, now and then' },
  'messages.settled': { level: 'info', meaning: 'held messages were moved' },
  'isolation.started': { level: 'info', meaning: 'suspects run in a process of their own now' },
  'isolation.unusable': {
    level: 'error',
    meaning: 'that process could not be started: suspects run in the worker itself',
  },

  'errback.unsent': { level: 'error', meaning: 'an errback could not be sent' },
  'chord.held': { level: 'debug', meaning: 'this worker collects the results of a chord' },
  'chord.joined': { level: 'info', meaning: 'a chord is complete, and its body was sent or failed; see `how`' },
  'chord.failed': { level: 'error', meaning: 'a chord ends without running its body' },
  'chord.unsettled': { level: 'error', meaning: 'joining a chord failed in between; it is tried again' },
  'chord.unsupported': { level: 'warn', meaning: 'the result backend joins no chords: the body will not run' },
  'chords.differ': {
    level: 'info or warn',
    meaning: '`twq.chords` exists with other settings; a warning where it is less safe than the task queues',
  },
  'chords.unavailable': { level: 'warn', meaning: 'this worker joins no chords for now' },
  'chords.restored': { level: 'info', meaning: 'it joins chords again' },
  'delays.ready': { level: 'debug', meaning: 'tasks of `queue` can wait with the broker' },
  'delays.unusable': { level: 'warn', meaning: 'tasks can not wait with the broker, and why' },

  'results.connected': { level: 'debug', meaning: 'the connection to the result backend is open' },
  'results.lost': { level: 'warn', meaning: 'it was lost; a new one is opened' },
  'results.back': { level: 'info', meaning: 'it is open again, after `downtime_ms`' },
  'results.not-closed': {
    level: 'error',
    meaning: 'the result backend failed to close, or did not in time: the worker stops without it',
  },
  'results.revoked-unstored': { level: 'warn', meaning: 'revoked tasks could not all be stored as `REVOKED`' },
  'state.torn': { level: 'warn', meaning: 'the file of `--statedb` is empty or cut off; it was renamed to `kept`' },
  'state.unsaved': { level: 'error', meaning: 'the file of `--statedb` can not be written' },
  'tls.unverified': {
    level: 'warn',
    meaning: 'the URL of the result backend asks for TLS without verifying the server',
  },

  'plugin.failed': {
    level: 'warn',
    meaning:
      'a hook of a plugin threw, or misused `next`; one line a minute for each hook, `times` with those in between',
  },
  'plugin.not-passed-on': {
    level: 'warn',
    meaning: 'what plugins left in `passOn` is no text, or more than 16 KiB: it does not go with the outcome',
  },
  'plugin.stop-failed': {
    level: 'warn',
    meaning: 'what `start` of a plugin returned threw, or took longer than `shutdown.grace`',
  },

  'pool.resized': { level: 'info', meaning: 'the pool runs `size` tasks at once now' },
  'pool.not-resized': { level: 'error', meaning: 'the autoscaler could not change the size of the pool' },
  'pool.member-gone': { level: 'warn', meaning: 'a process or thread of the pool ended; another one is started' },
  'pool.member-crashed': { level: 'error', meaning: 'an uncaught error ended a process or thread of the pool' },
  'pool.member-failed': {
    level: 'error',
    meaning: 'a process or thread could not be started; the next try is in `in_ms`',
  },
  'pool.member-too-large': {
    level: 'info',
    meaning: 'a process or thread is replaced: it holds more than `maxMemoryPerChild`',
  },
  'loop.blocked': {
    level: 'warn',
    meaning: 'the event loop stood still for `blocked_ms`, and which tasks may have caused it',
  },

  'schedules.leading': { level: 'info', meaning: 'this worker sends what is due by `schedules`: it took them over' },
  'schedules.ended': { level: 'info or warn', meaning: 'it sends nothing by `schedules` any more, for this `reason`' },
  'schedules.changed': { level: 'info', meaning: 'entries are new, have another definition, or are gone' },
  'schedules.refused': { level: 'warn', meaning: 'an announced entry can not be taken, for this `reason`' },
  'schedules.malformed': { level: 'error', meaning: 'a message about schedules can not be read, and was quarantined' },
  'schedules.command': { level: 'info', meaning: 'a command about schedules was carried out, or refused' },
  'schedules.differ': { level: 'info', meaning: 'the queue of schedules exists with other settings, and is used' },
  'schedules.unavailable': { level: 'warn', meaning: 'this worker can not lead the schedules for now' },
  'schedule.sent': { level: 'debug', meaning: 'an entry was due, and its task was sent' },
  'schedule.missed': {
    level: 'warn',
    meaning: '`count` due times have passed, while no worker led say, and are not made up for',
  },
  'schedule.skipped': { level: 'info', meaning: 'an entry was due, and its last run has not ended (`overlap`)' },
  'schedule.overdue': {
    level: 'warn',
    meaning: 'a run has not told of its end within `overlapTimeout`: the next one is sent',
  },
  'schedule.failed': { level: 'error', meaning: 'an entry was due, and its task could not be sent' },
  'schedule.suspended': { level: 'warn', meaning: 'no worker has the entry in its configuration any more' },
  'control.command': { level: 'info', meaning: 'a remote-control command that changes something was carried out' },
  'control.refused': { level: 'warn', meaning: 'a remote-control command was refused by the configuration' },
  'control.failed': { level: 'error', meaning: 'a remote-control command threw' },
  'control.malformed': { level: 'warn', meaning: 'a remote-control message can not be read' },
  'control.reply-lost': { level: 'debug', meaning: 'a reply could not be delivered' },
  'control.unavailable': { level: 'warn', meaning: 'remote control does not reach this worker for now' },
  'control.unbound': { level: 'debug', meaning: 'the mailbox could not be bound again to the exchange of requests' },
  'control.restored': { level: 'info', meaning: 'remote control works again' },
  'events.off': { level: 'error', meaning: 'no task events are sent: monitors do not see this worker' },
  'events.dropped': { level: 'warn', meaning: '`count` task events were dropped: too many waited for the broker' },
  'health.listening': {
    level: 'debug or info',
    meaning: 'probes are answered at `host` and `port`, or on the socket `path`',
  },
  'health.no-socket': { level: 'warn', meaning: 'there is no local socket: `twq worker health` needs `--address`' },
  'health.failed': { level: 'warn or error', meaning: 'a probe could not be answered' },
  'monitor.act': { level: 'info', meaning: '`who` did `what` on the page of the monitor, with this `outcome`' },
  'monitor.refused': {
    level: 'error',
    meaning: 'the monitor can not use the broker: it shows what it knows, and hears no more',
  },
  'monitor.not-opened': { level: 'error', meaning: 'the file of `store` can not be used: the monitor serves nothing' },
  'monitor.not-stored': { level: 'error', meaning: 'the monitor could not write tasks into the file of `store`' },
  'monitor.no-tasks': {
    level: 'warn',
    meaning:
      'the tasks of the configuration can not be loaded: arguments that are edited in the monitor are not checked',
  },
  'monitor.request-failed': { level: 'error', meaning: 'a request to the monitor failed for a defect' },
} as const satisfies Record<string, LogEventFacts>

/** The names that the field `event` of a log line can have. */
export type LogEvent = keyof typeof table

/** Every event of the log, by name. docs/log-events.md is made from this table. */
export const logEvents: Readonly<Record<LogEvent, LogEventFacts>> = table
