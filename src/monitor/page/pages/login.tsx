import { useEffect, useState } from 'preact/hooks'
import { addressNow, afterLogin } from '../address.ts'
import { act, askSession } from '../ask.ts'

/** Lets in who has a name and a secret. */
export function Login() {
  const [refused, setRefused] = useState<string>()
  const [busy, setBusy] = useState(false)
  // Who follows a link of another site comes without the cookie, logged in or not: this page's own questions have it.
  useEffect(() => {
    if (!addressNow().query.has('to')) return
    askSession().then(
      () => location.replace(afterLogin()),
      () => {},
    )
  }, [])
  const enter = async (event: SubmitEvent) => {
    event.preventDefault()
    const fields = new FormData(event.currentTarget as HTMLFormElement)
    setBusy(true)
    try {
      await act('/login', { name: fields.get('name'), secret: fields.get('secret') })
      location.assign(afterLogin())
    } catch (error) {
      setRefused(error instanceof Error ? error.message : String(error))
      setBusy(false)
    }
  }
  return (
    <main id="main" class="login">
      <form class="card" onSubmit={(event) => void enter(event as unknown as SubmitEvent)}>
        <h1 class="brand">
          <span class="brand-mark" aria-hidden="true" />
          twq monitor
        </h1>
        <label>
          <span>Name</span>
          <input name="name" autocomplete="username" required maxLength={200} />
        </label>
        <label>
          <span>Secret</span>
          <input name="secret" type="password" autocomplete="current-password" required maxLength={1000} />
        </label>
        <p class="login-refused" role="alert">
          {refused ?? ' '}
        </p>
        <button type="submit" class="main" disabled={busy}>
          Log in
        </button>
      </form>
    </main>
  )
}
