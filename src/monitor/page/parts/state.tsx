const TONES: Readonly<Record<string, string>> = {
  SUCCESS: 'good',
  FAILURE: 'bad',
  RETRY: 'warn',
  REVOKED: 'warn',
  REJECTED: 'warn',
  STARTED: 'busy',
}

/** The state of a task, as Celery names it. */
export function State({ state }: { readonly state: string }) {
  return <span class={`state ${TONES[state] ?? 'plain'}`}>{state.slice(0, 30)}</span>
}
