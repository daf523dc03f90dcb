import type { Json, JsonObject } from '../../runtime/json.ts'
import { argsRepr, kwargsRepr } from '../python-repr.ts'
import { Refusal } from '../refusal.ts'
import { type Fields, isObject, type TaskParts } from '../task-fields.ts'
import type { Headers } from '../wire.ts'

/**
 * Splits a message whose body is an object (wire specification 2.9): protocol 1, where the body holds everything, and the hybrid
 * form, with a `task` header as well, where headers override the body. Throws a `Refusal`.
 */
export function takeApartV1(headers: Headers, body: Json): TaskParts {
  if (!isObject(body)) {
    throw new Refusal('InvalidTaskError', 'the headers name no task, and the body is not an object that could')
  }
  const hybrid = Object.hasOwn(headers, 'task')
  if (hybrid && !Object.hasOwn(body, 'args')) {
    throw new Refusal('InvalidTaskError', 'the body must be [args, kwargs, embed], or an object with args')
  }
  const args = body.args ?? []
  const kwargs = body.kwargs ?? {}
  return {
    fields: hybrid ? { ...fieldsOf(body, args, kwargs), ...headers } : fieldsOf(body, args, kwargs),
    args,
    kwargs,
    embed: {
      callbacks: body.callbacks ?? null,
      errbacks: body.errbacks ?? null,
      chord: body.chord ?? null,
      chain: null,
    },
    protocol: 1,
    naiveTime: body.utc === false ? 'local' : 'utc',
  }
}

function fieldsOf(body: JsonObject, args: Json, kwargs: Json): Fields {
  return {
    // Protocol 1 sends no display of the arguments.
    argsrepr: Array.isArray(args) ? argsRepr(args) : null,
    kwargsrepr: isObject(kwargs) ? kwargsRepr(kwargs) : null,
    ...body,
    // The former name for a group.
    group: body.taskset ?? body.group ?? null,
  }
}
