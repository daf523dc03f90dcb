import { setMaxListeners } from 'node:events'

/** An AbortController whose signal accepts any number of listeners: above ten, Node warns about a leak on stderr. */
export function sharedAbort(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}
