import { useEffect, useState } from 'preact/hooks'
import { Refused } from '../ask.ts'

interface Notice {
  readonly id: number
  readonly text: string
  readonly isBad: boolean
}

const SHOWN_FOR = 6_000
const listeners = new Set<(notice: Notice) => void>()
let next = 1

/** Says what has become of something that was asked for. */
export function notify(text: string, isBad = false): void {
  const notice = { id: next++, text, isBad }
  for (const listener of listeners) listener(notice)
}

/** Does something, and says what has become of it. */
export async function attempt(done: (answer: unknown) => string, work: () => Promise<unknown>): Promise<void> {
  try {
    notify(done(await work()))
  } catch (error) {
    const hint = error instanceof Refused && error.hint !== undefined ? ` ${error.hint}` : ''
    notify(`${error instanceof Error ? error.message : String(error)}.${hint}`, true)
  }
}

/** The last notices, which a screen reader says aloud. */
export function Notices() {
  const [shown, setShown] = useState<readonly Notice[]>([])
  useEffect(() => {
    const listener = (notice: Notice) => {
      setShown((before) => [...before.slice(-2), notice])
      setTimeout(() => setShown((before) => before.filter(({ id }) => id !== notice.id)), SHOWN_FOR)
    }
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }, [])
  return (
    <div class="notices" role="status" aria-live="polite">
      {shown.map(({ id, text, isBad }) => (
        <p key={id} class={isBad ? 'notice bad' : 'notice'}>
          {text}
        </p>
      ))}
    </div>
  )
}
