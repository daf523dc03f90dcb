import inspector from 'node:inspector'
import { messageOf, TwqError } from '../../errors.ts'
import type { AnyTask } from '../../tasks/task.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { note } from '../terminal/output.ts'

const HOST = '127.0.0.1'
const PORT = 9229

/**
 * Opens this process for a debugger and blocks until one is there. `address` is `[host:]port` as for Node's own flag; port 0 is any
 * that is free. Throws `TWQ_USAGE` for what is no address, or one that can't be listened on.
 */
export function waitForDebugger(address: string | true, flags: GlobalOptions): void {
  const [host, port] = address === true ? [HOST, PORT] : readAddress(address)
  try {
    if (inspector.url() === undefined) inspector.open(port, host)
  } catch (cause) {
    throw new TwqError('TWQ_USAGE', `--inspect-brk: can't listen on ${host}:${port}: ${messageOf(cause)}`, { cause })
  }
  note(`waiting for a debugger at ${inspector.url()}: chrome://inspect, or "attach" in an editor`, flags)
  inspector.waitForDebugger()
}

/** The task, with a break before its code: one step into the call leads there. */
export function breakBefore(task: AnyTask): AnyTask {
  return {
    ...task,
    run(args, ctx) {
      // biome-ignore lint/suspicious/noDebugger: --inspect-brk is there to stop here
      debugger
      return task.run(args, ctx)
    },
  }
}

function readAddress(text: string): readonly [host: string, port: number] {
  const [, host = HOST, port = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? []
  if (port !== '' && Number(port) <= 65_535) return [host.replace(/^\[(.*)\]$/, '$1'), Number(port)]
  throw new TwqError('TWQ_USAGE', `--inspect-brk must be a port or host:port, got ${JSON.stringify(text)}`)
}
