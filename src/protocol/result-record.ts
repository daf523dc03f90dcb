import type { Json } from '../runtime/json.ts'

/** Celery's states (wire specification 4.1); a task may write others with `updateState`. */
export type State = 'PENDING' | 'RECEIVED' | 'STARTED' | 'RETRY' | 'SUCCESS' | 'FAILURE' | 'REVOKED' | (string & {})

/** An error as it crosses processes: the exception's name, Python module and constructor arguments, and a traceback. */
export interface RemoteError {
  /** `exc_type`: the class name. */
  readonly type: string
  /** `exc_module`: the Python module that has the class, or one that Python does not know. */
  readonly module: string | null
  /** `exc_message`: the constructor's arguments. */
  readonly args: readonly Json[]
  readonly traceback: string | null
  /** For a chord that is part of another one: digests of the errbacks it has called. Only parts of chords carry them. */
  readonly errbacksCalled?: readonly string[] | undefined
}

/** The record of a task in a result backend: one state, and the value or error that belongs to it. */
export type ResultRecord = {
  readonly taskId: string
  readonly traceback: string | null
  readonly children: readonly Json[]
} & (
  | { readonly state: 'RETRY' | 'FAILURE' | 'REVOKED'; readonly error: RemoteError | null }
  | { readonly state: Exclude<State, 'RETRY' | 'FAILURE' | 'REVOKED'>; readonly result: Json }
)

const FINAL_STATES: ReadonlySet<State> = new Set(['SUCCESS', 'FAILURE', 'REVOKED'])

/** Whether this state is final: Celery's `READY_STATES`. */
export function isFinal({ state }: Pick<ResultRecord, 'state'>): boolean {
  return FINAL_STATES.has(state)
}
