import { readArray, readSignature, type Signature, writeSignature } from '../protocol/signature.ts'
import type { ApplyContext } from './apply.ts'
import { destinationOf } from './task-options.ts'

/**
 * A signature whose tasks carry their destinations as far as they are sent with it: for a chain, only the first task. The worker
 * that sends it then does not choose them. Pure; throws `TWQ_MESSAGE_MALFORMED` for an invalid signature.
 */
export function addressed(signature: Signature, address: ApplyContext['address']): Signature {
  const { kind, task, args, kwargs, options } = signature
  switch (kind) {
    case 'group':
    case 'chain': {
      const tasks = readArray(kwargs.tasks, `${kind}.tasks`).map((inner, index) =>
        kind === 'chain' && index > 0
          ? inner
          : writeSignature(addressed(readSignature(inner, `${kind}.tasks[${index}]`), address)),
      )
      return { ...signature, kwargs: { ...kwargs, tasks } }
    }
    case 'chord':
    case 'chunks':
      return signature
    default: {
      const wanted = destinationOf(options)
      if (wanted.queue !== undefined || wanted.exchange !== undefined) return signature
      const { queue, route, priority } = address(task, args.length > 0 ? args : kwargs, wanted)
      const named = route.exchange === '' ? {} : { exchange: route.exchange, routing_key: route.routingKey }
      return { ...signature, options: { ...options, queue, ...named, ...(priority !== undefined && { priority }) } }
    }
  }
}
