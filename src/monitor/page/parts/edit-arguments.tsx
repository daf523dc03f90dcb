import { useEffect, useRef, useState } from 'preact/hooks'
import type { FailedRow } from '../../answers/failed.ts'

const CHECKED = {
  schema: 'They are checked against the schema of the task before it is sent.',
  names: 'Their names are checked before the task is sent; it has no schema.',
  nothing: 'No schema of this task is known here: a worker fails arguments that do not fit.',
} as const

interface EditArgumentsProps {
  readonly task: string
  /** The arguments as JSON. */
  readonly text: string
  readonly checkedBy: FailedRow['checkedBy']
  readonly onSend: (text: string) => void
  readonly onClose: () => void
}

/** Has the arguments of a failed task edited, before it runs again. What is no JSON is not sent. */
export function EditArguments({ task, text, checkedBy, onSend, onClose }: EditArgumentsProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [edited, setEdited] = useState(text)
  const objection = objectionTo(edited)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} class="dialog wide-dialog" onClose={onClose} aria-labelledby="edit-title">
      <h2 id="edit-title">Run {task} again</h2>
      <form method="dialog">
        <label>
          <span>Arguments, as JSON</span>
          <textarea
            class="mono"
            rows={12}
            spellcheck={false}
            value={edited}
            aria-invalid={objection !== undefined}
            aria-describedby="edit-objection"
            onInput={(event) => setEdited(event.currentTarget.value)}
          />
        </label>
        <p id="edit-objection" class="faint" role="status">
          {objection ?? CHECKED[checkedBy ?? 'nothing']}
        </p>
        <div class="buttons">
          <button type="submit">Cancel</button>
          <button type="submit" disabled={objection !== undefined} onClick={() => onSend(edited)}>
            Run again
          </button>
        </div>
      </form>
    </dialog>
  )
}

function objectionTo(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const { args, kwargs } = (value ?? {}) as { readonly args?: unknown; readonly kwargs?: unknown }
    if (Array.isArray(args) && typeof kwargs === 'object' && kwargs !== null && !Array.isArray(kwargs)) return undefined
    return 'It must be {"args": […], "kwargs": {…}}.'
  } catch (error) {
    return `It is no JSON: ${(error as Error).message}`
  }
}
