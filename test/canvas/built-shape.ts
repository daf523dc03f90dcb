import { chain } from '../../src/canvas/chain.ts'
import { chord } from '../../src/canvas/chord.ts'
import { group } from '../../src/canvas/group.ts'
import { type Composed, signature } from '../../src/canvas/signature.ts'
import type { JsonObject } from '../../src/runtime/json.ts'
import type { AnyHandle } from '../../src/tasks/sending.ts'
import type { Leaf, Shape } from './shapes.ts'

/** Which workflow it is, of which run, and the queues that its tasks go to in turn. */
export interface Build {
  readonly run: string
  readonly shape: number
  readonly queues: readonly string[]
}

/** A workflow as TypeScript puts it together, with the ids that test/interop/python/workflows.py gives its tasks. */
export function builtShape(shape: Shape, build: Build): Composed<AnyHandle> {
  return new Builder(build).built(shape)
}

class Builder {
  readonly #build: Build
  #labels = 0
  #groups = 0x1000

  constructor(build: Build) {
    this.#build = build
  }

  built(shape: Shape): Composed<AnyHandle> {
    const { errback, link } = shape
    const queue = this.#build.queues[0] as string
    const made = this.#plain(shape)
    const failing = errback ? made.set({ linkError: signature('errback', [], { queue }) }) : made
    if (link === undefined || link === false) return failing
    const note = (text: string) => signature('note', [text], { queue })
    switch (link) {
      case 'two':
        return failing.set({ link: [note('linked'), note('too')] })
      case 'chain':
        return failing.set({ link: chain(note('linked'), note('then')) })
      case 'group':
        return failing.set({ link: group(note('linked'), note('too')) })
      default:
        return failing.set({ link: note('linked') })
    }
  }

  #plain(shape: Shape): Composed<AnyHandle> {
    if ('do' in shape) return this.#task(shape)
    if ('group' in shape) return this.#group(shape.group)
    if ('chain' in shape) return chain(shape.chain.map((step) => this.built(step))) as Composed<AnyHandle>
    const header = this.#group(shape.chord)
    return chord(header, this.built(shape.body)) as Composed<AnyHandle>
  }

  #group(members: readonly Shape[]) {
    return group(members.map((member) => this.built(member))).set({ taskId: this.#idOf(++this.#groups) })
  }

  #task({ do: name, args, kwargs = {}, immutable, priority, stamps }: Leaf): Composed<AnyHandle> {
    const label = ++this.#labels
    const { queues } = this.#build
    const queue = queues[label % queues.length] as string
    const options = { queue, taskId: this.#idOf(label) }
    if (name === 'chunks') {
      const how = { task: signature('note').toJSON(), it: args ?? [], n: 2 }
      // Which ids its tasks have is for whoever sends them to draw.
      const drawing = { queue, task_id: this.#idOf(++this.#groups) }
      const chunks = { task: 'celery.chunks', kwargs: how, options: drawing, subtask_type: 'chunks' }
      return signature(chunks) as Composed<AnyHandle>
    }
    if (name === 'map' || name === 'starmap') {
      const task = signature('note').toJSON()
      return signature(`celery.${name}`, { task, it: args ?? [] }, { ...options, immutable: true })
    }
    const more = { ...(immutable && { immutable }), ...(priority !== undefined && { priority }) }
    const made = signature(name, args ?? [`n${label}`], { ...options, ...more }).toJSON()
    const marks = stamps === undefined ? {} : { stamped_headers: Object.keys(stamps), ...stamps }
    return signature({ ...made, kwargs, options: { ...(made.options as JsonObject), ...marks } }) as Composed<AnyHandle>
  }

  #idOf(number: number): string {
    const { run, shape } = this.#build
    return `${run}-0000-4000-${shape.toString(16).padStart(4, '0')}-${number.toString(16).padStart(12, '0')}`
  }
}
