import { readArray, readSignature, type Signature, writeSignature } from '../protocol/signature.ts'
import type { ApplyContext } from './apply.ts'
import { destinationOf } from './task-options.ts'

/**
 * A signature whose tasks say where they go, as far as they are sent with it: of a chain the first one. The worker that sends it
 * has then no say in that. Pure; throws `TWQ_MESSAGE_MALFORMED` for what is no signature.
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
