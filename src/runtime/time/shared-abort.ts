import { setMaxListeners } from 'node:events'

/** An AbortController whose signal any number of waiters listen to: Node takes more than ten for a leak, and says so on stderr. */
export function sharedAbort(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}
