/** Why a message can't be used: the Celery-style name of the reason, and the reason with the value. Caught by the decoders. */
export class Refusal extends Error {
  readonly type: 'DecodeError' | 'ContentDisallowed' | 'InvalidTaskError'

  constructor(type: Refusal['type'], reason: string) {
    super(reason)
    this.name = 'Refusal'
    this.type = type
  }
}
