import { secondsOf, textOf } from '../arguments.ts'
import type { ControlCommand } from '../command.ts'

/** `app.control.time_limit(task, soft, hard)`, in seconds; one that is left out falls back to the configuration's (wire specification 7.4). */
export const timeLimit: ControlCommand = {
  name: 'time_limit',
  kind: 'control',
  handle(worker, args) {
    const limits = { soft: secondsOf('soft', args.soft), hard: secondsOf('hard', args.hard) }
    if (!worker.limitTime(textOf('task_name', args.task_name ?? ''), limits)) return { error: 'unknown task' }
    return { ok: 'time limits set successfully' }
  },
}
