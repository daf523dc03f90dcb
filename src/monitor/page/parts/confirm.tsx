import { useEffect, useRef } from 'preact/hooks'

interface ConfirmProps {
  readonly title: string
  readonly text: string
  readonly action: string
  readonly onConfirm: () => void
  readonly onClose: () => void
}

/** Asks before what can't be taken back. */
export function Confirm({ title, text, action, onConfirm, onClose }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} class="dialog" onClose={onClose} aria-labelledby="confirm-title">
      <h2 id="confirm-title">{title}</h2>
      <p>{text}</p>
      <form method="dialog" class="buttons">
        <button type="submit">Cancel</button>
        <button
          type="submit"
          class="danger"
          onClick={() => {
            onConfirm()
          }}
        >
          {action}
        </button>
      </form>
    </dialog>
  )
}
