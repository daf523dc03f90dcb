type Level = 'debug' | 'info' | 'warn' | 'error' | 'fatal'

/** The levels at which lines with this event are written, and what the event means. */
export interface LogEventFacts {
  readonly level: Level | `${Level} or ${Level}`
  readonly meaning: string
}

const table = {
  'worker.starting': { level: 'info', meaning: 'the worker starts: its broker, queues and tasks' },
  'worker.ready': {
    level: 'info',
    meaning:
      'the worker consumes its queues, except those in `missing`, which it goes on trying; `ready_ms` is how long the start took',
  },
  'worker.mingled': { level: 'debug', meaning: 'the other workers answered with their revoked tasks and clocks' },
  'worker.alone': { level: 'warn', meaning: 'the other workers could not be asked for their revoked tasks' },
  'worker.name-taken': {
    level: 'warn',
    meaning: 'another worker has the same node name: start each one with its own `-n`',
  },
  'worker.report': {
    level: 'info',
    meaning: 'the answer to `SIGUSR1`: tasks with their age, consumers, connections, lag of the event loop',
  },
  'worker.signal': { level: 'warn', meaning: 'the worker received a signal to stop; `stop` is the kind of shutdown' },
  'worker.draining': {
    level: 'info',
    meaning: 'the worker takes no new tasks, and waits at most `grace_ms` for the `running` ones',
  },
  'worker.aborting': { level: 'warn', meaning: 'the grace period is over: the signals of the running tasks abort' },
  'worker.abandoning': {
    level: 'error',
    meaning:
      '`running` tasks ignore the abort, and the outcomes of `unsettled` ones cannot be settled: their messages are requeued',
  },
  'worker.done': { level: 'info', meaning: 'the worker stops: it has run what `--once` or `--max-tasks` asked for' },
  'worker.stop-failed': {
    level: 'error',
    meaning: 'a part of the worker could not be stopped, for a defect; the others are',
  },
  'worker.stopped': { level: 'info', meaning: 'the worker has stopped; `how` is the kind of shutdown' },
  'worker.halted': { level: 'error', meaning: 'outcomes cannot be settled: consumers are cancelled until they can' },
  'worker.resumed': { level: 'info', meaning: 'outcomes are settled again, and the worker consumes again' },
  'process.exited': { level: 'fatal', meaning: 'the process called `process.exit()`, perhaps in a task' },
  'process.uncaught-exception': {
    level: 'fatal',
    meaning: 'an exception in a callback was not caught: the worker exits with status 70',
  },
  'process.unhandled-rejection': {
    level: 'error',
    meaning: 'a promise rejection was not handled; the worker, or the `member` of its pool, continues',
  },

  'broker.connected': {
    level: 'info',
    meaning:
      'a connection (`role`: consumer or publisher) is open: its `address`, and the name of the `cluster` there; `downtime_ms` is how long the worker had none',
  },
  'broker.lost': { level: 'warn', meaning: 'a connection was lost; the worker reconnects' },
  'broker.retrying': {
    level: 'warn',
    meaning:
      'the broker cannot be reached: at the first failed try, and at growing intervals; at once if it refuses the login',
  },
  'broker.try-failed': { level: 'debug', meaning: 'one try to connect failed; the next one is in `in_ms`' },
  'publish.unconfirmed': {
    level: 'warn',
    meaning:
      'the broker has not confirmed a message to `exchange` and `routing_key` for `waited_ms`; logged at most once a minute, `unconfirmed` counts all that wait',
  },
  'broker.blocked': { level: 'warn', meaning: 'the broker blocks publishers, because it is low on memory or disk' },
  'broker.unblocked': { level: 'info', meaning: 'the broker accepts messages again' },
  'broker.session-failed': {
    level: 'fatal',
    meaning: 'reconnecting cannot help (login, virtual host): the worker exits',
  },
  'channel.lost': { level: 'warn', meaning: 'the broker closed a channel; the worker opens it again' },
  'channel.setup-failed': {
    level: 'error',
    meaning:
      'a channel could not be set up; the next try is in `in_ms`. Logged once for each reason, and again after a minute',
  },
  'channel.restored': { level: 'info', meaning: 'a channel that could not be set up is open again' },

  'consumer.cancelled': {
    level: 'warn',
    meaning: 'the broker cancelled a consumer, for instance because its queue was deleted; the worker sets it up again',
  },
  'consumer.down': { level: 'error', meaning: 'a queue cannot be consumed; the worker tries every second' },
  'consumer.restored': { level: 'info', meaning: 'a queue that was down is consumed again' },
  'consumer.doubtful': {
    level: 'warn',
    meaning:
      'the broker counts no consumer on a consumed queue, or refuses or owes an answer about it: maybe nothing comes from it; checked once in each `heartbeat`',
  },
  'consumer.proven': { level: 'info', meaning: 'a queue that was doubtful passes the check again' },
  'consumer.timeout': {
    level: 'error',
    meaning: 'the broker took messages back, because a task runs longer than its `consumer_timeout`',
  },
  'consumer.timeout-again': {
    level: 'info',
    meaning: 'the broker took messages back once more, and the task still runs',
  },
  'queue.declared': { level: 'debug', meaning: 'a queue was declared, with `messages` and `consumers`' },
  'queue.differs': {
    level: 'warn',
    meaning: 'a queue exists with other settings than the configured ones; it is used as it is',
  },
  'queue.unbound': {
    level: 'warn',
    meaning: 'the binding of a queue could not be confirmed; it is consumed anyway',
  },
  'queue.companion': {
    level: 'info or warn',
    meaning:
      'a companion queue (failed, quarantine, suspects) exists with other settings; a warning if `hint` says what to do',
  },
  'queue.companion-down': { level: 'warn', meaning: 'a companion queue is on a cluster node that is down' },
  'queue.shared': {
    level: 'info',
    meaning: 'this queue has other consumers; tasks that only they know are quarantined here',
  },
  'queue.no-priorities': { level: 'warn', meaning: 'tasks have priorities that the type of their queue ignores' },
  'queue.refused': { level: 'error', meaning: 'remote control asked for a queue that cannot be consumed' },
  'queue.purged': { level: 'warn', meaning: '`--purge` dropped the `messages` of a queue' },
  'queue.suspended': {
    level: 'error',
    meaning: 'too many messages of this queue cannot be quarantined: it is not consumed until there is room',
  },
  'queue.resumed': { level: 'info', meaning: 'there is room again, and the queue is consumed' },

  'task.received': { level: 'debug', meaning: 'a message was decoded and its task is known' },
  'task.succeeded': { level: 'info', meaning: 'the task returned, and its result is stored' },
  'task.failed': { level: 'error', meaning: 'the task threw, or its arguments do not match' },
  'task.retried': { level: 'warn', meaning: 'the task will run again at `eta`' },
  'task.timeout': { level: 'error', meaning: 'the task reached its hard time limit; `plugins` are those around it' },
  'task.soft-limit': { level: 'warn', meaning: 'the task reached its soft time limit, and `ctx.signal` aborts' },
  'task.abandoned': {
    level: 'error',
    meaning: 'the hard time limit has passed, and the code still runs on the event loop; `abandoned` counts such tasks',
  },
  'task.abandoned-ended': {
    level: 'warn',
    meaning: 'the code of an abandoned task has ended; its `outcome` is ignored',
  },
  'task.rejected': {
    level: 'warn',
    meaning: 'the task threw `Reject`; `requeue` says whether its message is requeued',
  },
  'task.ignored': { level: 'info', meaning: 'the task threw `Ignore`: no result is stored' },
  'task.replaced': { level: 'info', meaning: 'the task was replaced by another signature' },
  'task.revoked': { level: 'warn', meaning: 'the task was revoked, expired or terminated; see `reason`' },
  'task.lost': {
    level: 'error',
    meaning: 'the process or thread that ran the task died; `plugins` are those around it',
  },
  'task.interrupted': { level: 'warn', meaning: 'the shutdown of the worker aborted the task' },
  'task.delayed': { level: 'debug', meaning: 'a task was handed to the broker, where it waits until `eta`' },
  'task.ack-lost': {
    level: 'warn',
    meaning: 'a task ended after the broker had taken its message back; `lost_acks` counts them',
  },
  'task.finished-before': {
    level: 'info',
    meaning: 'the message of a task that has ended was redelivered, and acknowledged without running it again',
  },
  'task.copied-before': {
    level: 'info',
    meaning: 'a message that a copy had replaced was redelivered, and acknowledged without running it',
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
    meaning: 'a suspect could not be sent back to its queue, and waits in this worker for the isolation process',
  },
  'task.unsettled': { level: 'warn', meaning: 'an outcome could not be settled; it is kept and retried' },
  'outcomes.kept': {
    level: 'warn',
    meaning: 'outcomes still wait to be settled; logged after 10, 30 and 60 s, then every minute',
  },
  'tasks.held': {
    level: 'warn',
    meaning: 'this worker cannot hold more ETA tasks without taking the prefetch of other tasks',
  },
  'tasks.passed-on': {
    level: 'info',
    meaning: '`count` prefetched tasks that waited behind slow ones went back to their queue for other workers',
  },
  'task.not-passed-on': { level: 'debug', meaning: 'one such task could not be sent back, and waits in this worker' },
  'tasks.long': {
    level: 'warn',
    meaning: "`tasks` may run longer than RabbitMQ's `consumer_timeout` allows unless it was raised",
  },
  'config.notice': {
    level: 'warn',
    meaning: 'an embedded worker has a setting that has no effect, or is probably a mistake',
  },
  'tasks.warning': { level: 'warn', meaning: 'a task module was loaded, but something in it looks wrong' },

  'message.quarantined': {
    level: 'error',
    meaning: 'a message was moved to `<queue>.quarantine`; `reason` and `detail` say why',
  },
  'failure.kept': {
    level: 'error',
    meaning:
      'a message went to `<queue>.failed` some time after its task ended, or because its outcome could not be settled',
  },
  'failure.not-kept': {
    level: 'warn',
    meaning:
      '`<queue>.failed` takes no copy of the message of a failed task; logged at most once a minute, `times` counts all',
  },
  'failures.full': {
    level: 'warn',
    meaning: '`<queue>.failed` is full, and drops its oldest messages; logged at most once a minute',
  },
  'message.discarded': {
    level: 'error',
    meaning: "the message of an unknown task was dropped because of `unknownTask: 'discard'`",
  },
  'message.stuck': {
    level: 'error',
    meaning: 'a message cannot be moved to its companion queue; it is held and retried',
  },
  'messages.stuck': {
    level: 'error',
    meaning: 'messages that cannot be moved are held; logged from time to time with their number',
  },
  'messages.settled': { level: 'info', meaning: 'held messages were moved' },
  'isolation.started': { level: 'info', meaning: 'suspects run in a separate process from now on' },
  'isolation.unusable': {
    level: 'error',
    meaning: 'the isolation process could not be started: suspects run in the worker itself',
  },

  'errback.unsent': { level: 'error', meaning: 'an errback could not be sent' },
  'chord.held': { level: 'debug', meaning: 'this worker collects the results of a chord' },
  'chord.joined': { level: 'info', meaning: 'a chord is complete, and its body was sent or failed; see `how`' },
  'chord.failed': { level: 'error', meaning: 'a chord ends without running its body' },
  'chord.unsettled': { level: 'error', meaning: 'joining a chord failed halfway; it is retried' },
  'chord.unsupported': { level: 'warn', meaning: 'the result backend does not support chords: the body will not run' },
  'chords.differ': {
    level: 'info or warn',
    meaning: '`twq.chords` exists with other settings; a warning if it is less safe than the task queues',
  },
  'chords.unavailable': { level: 'warn', meaning: 'this worker joins no chords for now' },
  'chords.restored': { level: 'info', meaning: 'it joins chords again' },
  'delays.ready': { level: 'debug', meaning: 'tasks of `queue` can wait with the broker' },
  'delays.unusable': { level: 'warn', meaning: 'delayed tasks cannot wait with the broker, and why' },

  'results.connected': { level: 'debug', meaning: 'the connection to the result backend is open' },
  'results.lost': { level: 'warn', meaning: 'the connection to the result backend was lost; the worker reconnects' },
  'results.back': { level: 'info', meaning: 'the connection to the result backend is open again, after `downtime_ms`' },
  'results.not-closed': {
    level: 'error',
    meaning: 'the result backend failed to close, or did not in time: the worker stops without it',
  },
  'results.revoked-unstored': { level: 'warn', meaning: 'not all revoked tasks could be stored as `REVOKED`' },
  'state.torn': { level: 'warn', meaning: 'the file of `--statedb` is empty or truncated; it was renamed to `kept`' },
  'state.unsaved': { level: 'error', meaning: 'the file of `--statedb` cannot be written' },
  'tls.unverified': {
    level: 'warn',
    meaning: 'the URL of the result backend asks for TLS without verifying the server',
  },

  'plugin.failed': {
    level: 'warn',
    meaning:
      'a hook of a plugin threw, or misused `next`; logged at most once a minute for each hook, `times` counts all',
  },
  'plugin.not-passed-on': {
    level: 'warn',
    meaning:
      'a value that plugins left in `passOn` is no string, or larger than 16 KiB: it is not passed on with the outcome',
  },
  'plugin.stop-failed': {
    level: 'warn',
    meaning: 'the stop function that `start` of a plugin returned threw, or took longer than `shutdown.grace`',
  },

  'pool.resized': { level: 'info', meaning: 'the pool now runs `size` tasks at once' },
  'pool.not-resized': { level: 'error', meaning: 'the autoscaler could not change the size of the pool' },
  'pool.member-gone': { level: 'warn', meaning: 'a process or thread of the pool exited, and is replaced' },
  'pool.member-crashed': { level: 'error', meaning: 'an uncaught error ended a process or thread of the pool' },
  'pool.member-failed': {
    level: 'error',
    meaning: 'a process or thread could not be started; the next try is in `in_ms`',
  },
  'pool.member-too-large': {
    level: 'info',
    meaning: 'a process or thread is replaced, because it uses more memory than `maxMemoryPerChild`',
  },
  'loop.blocked': {
    level: 'warn',
    meaning: 'the event loop was blocked for `blocked_ms`, and which tasks may have blocked it',
  },

  'schedules.leading': {
    level: 'info',
    meaning: 'this worker is the leader of the schedules now, and sends what is due',
  },
  'schedules.ended': {
    level: 'info or warn',
    meaning: 'this worker is no longer the leader of the schedules; `reason` says why',
  },
  'schedules.set-back': {
    level: 'warn',
    meaning:
      'the clock of the leader before was ahead by `ahead_ms`, more than a minute: this one goes on from its own time, and sends again, under the same ids, what was sent early',
  },
  'schedules.changed': { level: 'info', meaning: 'entries were added, changed or removed' },
  'schedules.refused': { level: 'warn', meaning: 'an announced entry was refused; `reason` says why' },
  'schedules.malformed': { level: 'error', meaning: 'a message about schedules cannot be read, and was quarantined' },
  'schedules.command': { level: 'info', meaning: 'a command about schedules was carried out, or refused' },
  'schedules.differ': { level: 'info', meaning: 'the queue of schedules exists with other settings, and is used' },
  'schedules.unavailable': { level: 'warn', meaning: 'this worker cannot lead the schedules for now' },
  'schedule.sent': { level: 'debug', meaning: 'an entry was due, and its task was sent' },
  'schedule.missed': {
    level: 'warn',
    meaning: '`count` due times have passed, for instance while no worker led, and are not caught up',
  },
  'schedule.skipped': { level: 'info', meaning: 'an entry was due, but its last run has not ended (`overlap`)' },
  'schedule.overdue': {
    level: 'warn',
    meaning: 'a run did not report its end within `overlapTimeout`: the next one is sent',
  },
  'schedule.failed': { level: 'error', meaning: 'an entry was due, but its task could not be sent' },
  'schedule.suspended': { level: 'warn', meaning: 'no worker has the entry in its configuration anymore' },
  'control.command': { level: 'info', meaning: 'a state-changing remote-control command was carried out' },
  'control.refused': { level: 'warn', meaning: 'a remote-control command was refused by the configuration' },
  'control.failed': { level: 'error', meaning: 'a remote-control command threw' },
  'control.malformed': { level: 'warn', meaning: 'a remote-control message cannot be read' },
  'control.reply-lost': { level: 'debug', meaning: 'a reply could not be delivered' },
  'control.unavailable': { level: 'warn', meaning: 'remote control does not reach this worker for now' },
  'control.unbound': { level: 'debug', meaning: 'the mailbox could not be bound again to the exchange of requests' },
  'control.restored': { level: 'info', meaning: 'remote control works again' },
  'events.off': { level: 'error', meaning: 'no task events are sent: monitors do not see this worker' },
  'events.dropped': { level: 'warn', meaning: '`count` task events were dropped: too many waited for the broker' },
  'health.listening': {
    level: 'debug or info',
    meaning: 'the worker answers probes at `host` and `port`, or on the socket `path`',
  },
  'health.no-socket': { level: 'warn', meaning: 'there is no local socket: `twq worker health` needs `--address`' },
  'health.failed': { level: 'warn or error', meaning: 'a probe could not be answered' },
  'monitor.act': { level: 'info', meaning: '`who` did `what` in the monitor; `outcome` is how it ended' },
  'monitor.refused': {
    level: 'error',
    meaning: 'the monitor cannot use the broker: it shows what it has, and gets no more events',
  },
  'monitor.not-opened': { level: 'error', meaning: 'the file of `store` cannot be used: the monitor does not start' },
  'monitor.not-stored': { level: 'error', meaning: 'the monitor could not write tasks into the file of `store`' },
  'monitor.no-tasks': {
    level: 'warn',
    meaning:
      'the tasks of the configuration cannot be loaded: arguments that are edited in the monitor are not checked',
  },
  'monitor.request-failed': { level: 'error', meaning: 'a request to the monitor failed because of a bug in twq' },
} as const satisfies Record<string, LogEventFacts>

/** The names that the field `event` of a log line can have. */
export type LogEvent = keyof typeof table

/** Every event of the log, by name. docs/log-events.md is made from this table. */
export const logEvents: Readonly<Record<LogEvent, LogEventFacts>> = table
