import { goTo, hrefOf } from '../address.ts'
import { count } from '../format.ts'

interface QueueChoiceProps {
  /** The path of the view. */
  readonly view: string
  readonly queue: string
  readonly queues: readonly { readonly name: string; readonly ready: number }[]
  readonly again: () => void
}

/** Which queue's messages are shown, and a button that looks again. */
export function QueueChoice({ view, queue, queues, again }: QueueChoiceProps) {
  const all = queues.some(({ name }) => name === queue) ? queues : [{ name: queue, ready: 0 }, ...queues]
  return (
    <div class="filters few">
      <label>
        <span>Queue</span>
        <select value={queue} onChange={(event) => goTo(hrefOf(view, { queue: event.currentTarget.value }), 'replace')}>
          {all.map(({ name, ready }) => (
            <option key={name} value={name}>
              {name} ({count(ready)})
            </option>
          ))}
        </select>
      </label>
      <button type="button" onClick={again}>
        Look again
      </button>
    </div>
  )
}
