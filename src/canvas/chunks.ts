import { TwqError } from '../errors.ts'
import { readArray, readSignature, type Signature, writeSignature } from '../protocol/signature.ts'
import type { Json } from '../runtime/json.ts'

/** `add.chunks(it, n)` as the group of starmaps that it represents. Throws `TWQ_MESSAGE_MALFORMED`. */
export function chunksAsGroup({ kwargs, options }: Signature, path: string): Signature {
  const task = writeSignature(readSignature(kwargs.task, `${path}.kwargs.task`))
  const size = kwargs.n
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 1) {
    throw new TwqError('TWQ_MESSAGE_MALFORMED', `${path}.kwargs.n must be a whole number from 1 on`)
  }
  const tasks = chunksOf(readArray(kwargs.it, `${path}.kwargs.it`), size).map((it) => starmap(task, it))
  return { kind: 'group', task: 'celery.group', args: [], kwargs: { tasks }, options, immutable: true }
}

function chunksOf(items: readonly Json[], size: number): Json[][] {
  const count = Math.ceil(items.length / size)
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size))
}

function starmap(task: Json, it: readonly Json[]): Json {
  const call: Signature = {
    kind: 'xstarmap',
    task: 'celery.starmap',
    args: [],
    kwargs: { task, it },
    options: {},
    immutable: true,
  }
  return writeSignature(call)
}
