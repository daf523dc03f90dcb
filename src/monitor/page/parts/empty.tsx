import type { ComponentChildren } from 'preact'
import type { Live } from '../live.ts'

/** Says why there is nothing to see, and what would change that. */
export function Empty({ title, text }: { readonly title: string; readonly text: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      <p>{text}</p>
    </div>
  )
}

interface LoadedProps<Answer> {
  readonly live: Live<Answer>
  /** Lines of the table that is not there yet, so that nothing jumps when it comes. */
  readonly lines?: number
  readonly children: (answer: Answer) => ComponentChildren
}

/** Shows an answer; before it is there its outline, and where it can't be had, why. */
export function Loaded<Answer>({ live, lines = 8, children }: LoadedProps<Answer>) {
  const { answer, refused } = live
  if (answer === undefined && refused !== undefined)
    return <Empty title={sentence(refused.message)} text={refused.hint ?? ''} />
  if (answer === undefined) return <Outline lines={lines} />
  return (
    <>
      {refused !== undefined && <p class="banner bad">This is the last that is known. {sentence(refused.message)}.</p>}
      {children(answer)}
    </>
  )
}

function Outline({ lines }: { readonly lines: number }) {
  return (
    <div class="outline" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} class="outline-line" />
      ))}
    </div>
  )
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
