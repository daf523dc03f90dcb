/** Celery's commands and flags that are named otherwise here, or missing: one line of help for each. */
const REPLACED: Readonly<Record<string, string>> = {
  amqp: 'twq queue looks after queues',
  beat: 'one of the workers whose configuration has `schedules` does what beat does; without a worker: twq schedule run',
  call: 'twq task send <name> <arguments>',
  graph: 'twq worker list shows the workers that are there',
  list: 'twq task list, twq queue list or twq worker list',
  logtool: 'the log is one JSON document a line, off a terminal: jq reads it',
  migrate: 'the shovel plugin of RabbitMQ moves messages from one broker to another',
  multi: 'let systemd, Docker or Kubernetes start several workers: twq worker start in each',
  purge: 'twq queue purge <queue>',
  report: 'twq inspect report',
  result: 'twq task result <id>',
  shell: 'node or tsx, with createClient from twq',
  upgrade: 'twq reads no Celery settings file: see docs/configuration.md',
}

/** The replacement of a command of Celery's that is none here; undefined for anything else. */
export function replacementOf(command: string): string | undefined {
  return Object.hasOwn(REPLACED, command) ? REPLACED[command] : undefined
}
