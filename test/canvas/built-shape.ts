import { chain } from '../../src/canvas/chain.ts'
import { chord } from '../../src/canvas/chord.ts'
import { group } from '../../src/canvas/group.ts'
import { type Composed, signature } from '../../src/canvas/signature.ts'
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
    return link ? failing.set({ link: signature('note', ['linked'], { queue }) }) : failing
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

  #task({ do: name, args }: Leaf): Composed<AnyHandle> {
    const label = ++this.#labels
    const { queues } = this.#build
    const options = { queue: queues[label % queues.length] as string, taskId: this.#idOf(label) }
    if (name === 'map' || name === 'starmap') {
      const task = signature('note').toJSON()
      return signature(`celery.${name}`, { task, it: args ?? [] }, { ...options, immutable: true })
    }
    return signature(name, args ?? [`n${label}`], options)
  }

  #idOf(number: number): string {
    const { run, shape } = this.#build
    return `${run}-0000-4000-${shape.toString(16).padStart(4, '0')}-${number.toString(16).padStart(12, '0')}`
  }
}
