import { pythonRepr } from '../../protocol/python-repr.ts'
import type { Json } from '../../runtime/json.ts'
import { cutText } from '../../runtime/text/cut-text.ts'
import { parseRate } from '../../runtime/time/token-bucket.ts'
import { requireArguments, textOf } from '../arguments.ts'
import type { ControlCommand } from '../command.ts'

/** `app.control.rate_limit(task, '10/m')`, with Celery's answers (wire specification 7.4). */
export const rateLimit: ControlCommand = {
  name: 'rate_limit',
  kind: 'control',
  handle(worker, args) {
    requireArguments('rate_limit', args, ['task_name', 'rate_limit'])
    const text = args.rate_limit
    const rate = text === null || text === '' || text === false ? 0 : parseRate(text)
    if (rate === undefined) {
      const problem = `could not convert string to float: ${pythonRepr(cutText(String(text).split('/', 1)[0] as string, 100))}`
      return { error: `Invalid rate limit string: ValueError(${pythonRepr(problem)})` }
    }
    if (!worker.limitRate(textOf('task_name', args.task_name as Json), rate, text as Json))
      return { error: 'unknown task' }
    // What is no limit to Python's `if`: the text '0', from the command line, counts as one that is set.
    const none = text === null || text === '' || text === false || text === 0
    return { ok: none ? 'rate limit disabled successfully' : 'new rate limit set successfully' }
  },
}
